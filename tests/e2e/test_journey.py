"""The main job in a real browser, from sign-in to sign-out, with the real worker and the real model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import phantoms
from tests.e2e import machines
from tests.e2e.conftest import Watch, sign_in

ENDED = re.compile("tumour suspected|suspicious|nothing above|uncertain|refused", re.IGNORECASE)
SCAN = re.compile(r"/scans/[0-9a-f-]{36}/$")
ANALYSIS_MS = 120_000


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated head with a tumour."""
    return phantoms.write_picture(tmp_path_factory.mktemp("heads") / "head.png", phantoms.slice_picture()[0])


@pytest.fixture(params=[pytest.param((1440, 900), id="1440"), pytest.param((390, 844), id="390")])
def browser_context_args(browser_context_args: dict[str, object], request: pytest.FixtureRequest) -> dict[str, object]:
    width, height = request.param
    return {**browser_context_args, "viewport": {"width": width, "height": height}}


def drop(page: Page, files: list[Path]) -> None:
    """Let files fall onto the drop area, as a mouse would."""
    contents = [[file.name, list(file.read_bytes())] for file in files]
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of files) transfer.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
            return transfer;
        }""",
        contents,
    )
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event("[data-drop]", kind, {"dataTransfer": transfer})


def wait_for_result(page: Page) -> None:
    """The page comes to the result by itself: nobody reloads it here."""
    expect(page).to_have_url(SCAN, timeout=30_000)
    expect(page.locator("live-status")).to_have_count(0, timeout=ANALYSIS_MS)
    expect(page.locator("h1")).to_have_text(ENDED)


def sign_out(page: Page, served: machines.Brainscan) -> None:
    page.locator("details.menu summary").click()
    page.locator("details.menu").get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{served.address}/accounts/login/")
    page.goto(f"{served.address}/scans/")
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_from_picker_to_release(page: Page, watch: Watch, served: machines.Brainscan, head: Path) -> None:
    sign_in(page, served)
    page.goto(f"{served.address}/scans/new/")
    page.locator("[data-files]").set_input_files(head)
    expect(page.locator("[data-list] li")).to_have_count(1)
    page.fill("#ref", "PX-PICKER-01")
    page.get_by_role("button", name="Upload and analyse").click()
    wait_for_result(page)
    expect(page.locator(".ident")).to_contain_text("PX-PICKER-01")
    page.get_by_role("button", name="Release result").click()
    expect(page.get_by_label("I have looked at the whole scan myself")).to_be_focused()  # it opens with the tick alone
    page.get_by_label("I have looked at the whole scan myself").check()
    page.get_by_role("button", name="Release result").click()
    expect(page.locator("#release + .signedby")).to_be_visible()
    sign_out(page, served)


def test_from_drop_to_result(page: Page, watch: Watch, served: machines.Brainscan, head: Path) -> None:
    sign_in(page, served)
    page.goto(f"{served.address}/scans/new/")
    drop(page, [head])
    expect(page.locator("[data-list] li")).to_have_count(1)
    page.get_by_role("button", name="Upload and analyse").click()
    wait_for_result(page)


def test_the_mask_by_key_and_by_slider(page: Page, watch: Watch, served: machines.Brainscan) -> None:
    sign_in(page, served)
    page.goto(f"{served.address}/scans/{served.seeded['tumour']['scan']}/")
    button, stage = page.locator("[data-act=mask]"), page.locator("[data-stage]")
    expect(button).to_have_attribute("aria-pressed", "true")
    with_mask = stage.screenshot()
    stage.focus()
    page.keyboard.press("o")
    expect(button).to_have_attribute("aria-pressed", "false")
    page.wait_for_timeout(200)
    assert stage.screenshot() != with_mask, "the outline is still there"
    page.keyboard.press("o")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(200)
    before = stage.screenshot()
    more = page.locator("[data-act=more]")
    if more.is_visible():
        more.click()
    slider = page.locator("[data-opacity]:visible")
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_js_property("value", "100")
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    assert stage.screenshot() != before, "the mask did not become more opaque"


def test_by_keyboard_only(page: Page, watch: Watch, served: machines.Brainscan, head: Path) -> None:
    """Every step by Tab, Enter, Space and arrows; the file dialogue itself belongs to the browser."""

    def tab_to(selector: str) -> None:
        for _ in range(80):
            if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reaches {selector}")

    page.goto(f"{served.address}/accounts/login/")
    tab_to("#id_username")
    page.keyboard.type("doctor")
    tab_to("#id_password")
    page.keyboard.type(machines.DOCTOR_PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{served.address}/scans/")
    page.wait_for_load_state()  # a Tab before there is a page goes nowhere
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    tab_to("a[href='/scans/new/']")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{served.address}/scans/new/")
    tab_to("[data-files]")
    page.locator("[data-files]").set_input_files(head)
    tab_to("[data-submit]")
    page.keyboard.press("Enter")
    wait_for_result(page)
    tab_to("form[action$='/release/'] input[type=checkbox]")
    page.keyboard.press("Space")
    tab_to("form[action$='/release/'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".signedby")).to_be_visible()
    tab_to("details.menu summary")
    page.keyboard.press("Enter")
    tab_to("details.menu button[type=submit]")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{served.address}/accounts/login/")
