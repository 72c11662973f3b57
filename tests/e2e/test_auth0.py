"""Signing in and out through a real OpenID provider over TLS, in a real browser. The provider stands in for Auth0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch

BUTTON = re.compile("hospital account")


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[machines.Brainscan, machines.Provider]]:
    """Brainscan and its identity provider. No analysis here, so no worker."""
    folder = tmp_path_factory.mktemp("hospital")
    port = machines.free_port()
    with (
        machines.provider(folder / "provider", port) as provider,
        machines.brainscan(
            folder / "home", port=port, ready="/healthz", seeded=False, BRAINSCAN_WORKERS="0", **provider.settings
        ) as served,
    ):
        yield served, provider


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, object]) -> dict[str, object]:
    """The browser does not know the test's authority; Brainscan does, and checks it."""
    return {**browser_context_args, "ignore_https_errors": True}


@pytest.fixture
def watch(watch: Watch) -> Watch:
    """The provider's own pages want a font from outside and an icon, which they do not get."""
    watch.expected = ("net::ERR_NAME_NOT_RESOLVED (https://localhost:", "404 (Not Found) (https://localhost:")
    return watch


def press_the_button(page: Page, served: machines.Brainscan) -> None:
    page.goto(f"{served.address}/accounts/login/")
    page.get_by_role("link", name=BUTTON).click()


def sign_in_there(page: Page, name: str) -> None:
    """The provider's own page."""
    expect(page).to_have_url(re.compile("https://localhost:"))
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", "anything")
    page.get_by_role("button", name="Sign-in").click()


def changed(context: BrowserContext, served: machines.Brainscan, parameter: str) -> str:
    """Where the button leads, with one parameter changed on the way, as an attacker would."""
    answer = context.request.get(f"{served.address}/accounts/begin/auth0/", max_redirects=0)
    address = urlsplit(answer.headers["location"])
    asked = parse_qs(address.query)
    assert asked[parameter] != ["0" * 32]
    return address._replace(
        query=urlencode({**{name: value[0] for name, value in asked.items()}, parameter: "0" * 32})
    ).geturl()


def is_refused(page: Page, served: machines.Brainscan, words: str) -> None:
    expect(page).to_have_url(f"{served.address}/accounts/login/")
    expect(page.get_by_text(words)).to_be_visible()
    page.goto(f"{served.address}/scans/")
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_signs_in_and_out_there_too(
    page: Page, watch: Watch, hospital: tuple[machines.Brainscan, machines.Provider]
) -> None:
    served, provider = hospital
    press_the_button(page, served)
    sign_in_there(page, "mary")
    expect(page).to_have_url(f"{served.address}/scans/")
    page.goto(f"{served.address}/accounts/")
    expect(page.get_by_text("mary@hospital.example")).to_be_visible()
    expect(page.get_by_text("hospital account")).to_be_visible()

    # Still signed in there: a second way in asks for nothing.
    page.context.clear_cookies(name="sessionid")
    press_the_button(page, served)
    expect(page).to_have_url(f"{served.address}/scans/")

    page.goto(f"{served.address}/accounts/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(re.escape(f"{provider.address}/oidc/logout")))
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page).to_have_url(re.compile(re.escape(f"{served.address}/accounts/login/")))

    # Signed out at both: the provider asks again.
    press_the_button(page, served)
    expect(page.locator("input[name=login]")).to_be_visible()


def test_an_unverified_address_is_refused(
    page: Page, watch: Watch, hospital: tuple[machines.Brainscan, machines.Provider]
) -> None:
    served, _ = hospital
    press_the_button(page, served)
    sign_in_there(page, "newcomer")
    is_refused(page, served, "is not verified yet")


def test_a_state_of_somebody_else_is_refused(
    page: Page, watch: Watch, hospital: tuple[machines.Brainscan, machines.Provider]
) -> None:
    served, _ = hospital
    page.goto(changed(page.context, served, "state"))
    sign_in_there(page, "mary")
    is_refused(page, served, "Start again")


def test_a_tampered_nonce_is_refused(
    page: Page, watch: Watch, hospital: tuple[machines.Brainscan, machines.Provider]
) -> None:
    served, _ = hospital
    page.goto(changed(page.context, served, "nonce"))
    sign_in_there(page, "mary")
    is_refused(page, served, "could not be verified")


def test_no_token_reaches_the_log(hospital: tuple[machines.Brainscan, machines.Provider]) -> None:
    served, provider = hospital
    assert provider.settings["AUTH0_CLIENT_SECRET"] not in served.log()
    assert "eyJ" not in served.log()
    assert "hospital.example" not in served.log()
