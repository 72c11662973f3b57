"""A real browser (this machine's Chromium), watched: a console error or a broken security policy fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.e2e import machines

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=10_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pictures",
        metavar="FOLDER",
        default="",
        help="write a screenshot of every page that the journeys visit into this folder",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """This machine's own Chromium: Playwright's cannot be fetched everywhere."""
    executable = (
        os.environ.get("CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if not executable:
        pytest.fail("Chromium is not installed. On Debian and Ubuntu: apt-get install chromium")
    return {**browser_type_launch_args, "executable_path": executable, "args": FLAGS}


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[machines.Brainscan]:
    """One installation with its worker and a scan of every verdict, for all journeys."""
    with machines.brainscan(tmp_path_factory.mktemp("served") / "home", seeded=True) as running:
        yield running


class Watch:
    """Collects what a browser complains about."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = ()
        self.paused = False
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        # The policy's own report, also where the console says nothing.
        context.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile));"
        )

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not self.paused:
            self.complaints.append(f"{message.type}: {message.text} ({message.page.url if message.page else ''})")

    def unexpected(self) -> list[str]:
        return [complaint for complaint in self.complaints if not any(part in complaint for part in self.expected)]


@pytest.fixture
def watch(context: BrowserContext) -> Iterator[Watch]:
    """Fails the test afterwards when the browser complained. `watch.expected` names what the test provokes."""
    watching = Watch(context)
    yield watching
    assert not watching.unexpected(), "\n".join(watching.unexpected())


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path | None:
    """Where screenshots go, or None."""
    folder = request.config.getoption("--pictures")
    if not folder:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)


def sign_in(
    page: Page, served: machines.Brainscan, name: str = "doctor", password: str = machines.DOCTOR_PASSWORD
) -> None:
    """Sign in by the form."""
    page.goto(f"{served.address}/accounts/login/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{served.address}/scans/")
