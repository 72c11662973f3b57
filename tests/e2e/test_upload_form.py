"""The upload page while it is filled in: what is left out, what stands in the way, what is said of it and to whom."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import phantoms
from tests.e2e import machines
from tests.e2e.conftest import Watch, sign_in

pytestmark = pytest.mark.e2e

# Red, green and blue at places of an element, from a screenshot of it.
PIXELS = """async ([source, places]) => {
    const image = await createImageBitmap(new Blob([Uint8Array.from(atob(source), each => each.charCodeAt(0))]));
    const one = new OffscreenCanvas(image.width, image.height).getContext('2d');
    one.drawImage(image, 0, 0);
    return places.map(([x, y]) => [...one.getImageData(x * image.width, y * image.height, 1, 1).data].slice(0, 3));
}"""


@pytest.fixture
def many(tmp_path: Path) -> list[Path]:
    """More pictures than have a row each, a file that is none, and an empty one."""
    paths = phantoms.write_pictures(tmp_path, phantoms.volume(slices=14)[0])
    (tmp_path / "README.md").write_text("Not a picture.", encoding="utf-8")
    (tmp_path / "empty.dcm").touch()
    return [*paths, tmp_path / "README.md", tmp_path / "empty.dcm"]


def upload_page(page: Page, served: machines.Brainscan) -> Page:
    sign_in(page, served)
    page.goto(f"{served.address}/scans/new/")
    return page


def test_of_many_files_the_wrong_ones_go_without_the_good_ones(
    page: Page, served: machines.Brainscan, watch: Watch, many: list[Path]
) -> None:
    upload_page(page, served).set_input_files("[data-files]", many)
    rows = page.locator("[data-list] li")
    expect(rows).to_have_count(2)
    expect(rows.first.locator(".name")).to_have_text("14 files")
    expect(rows.first.locator("small").first).to_contain_text("KB. 1 left out: no image")
    expect(rows.last).to_contain_text("The file is empty. Remove it to go on.")
    expect(page.locator("[data-note]")).to_have_text("Remove 1 row first.")
    page.get_by_role("button", name="Remove empty.dcm").click()
    expect(page.locator("[data-note]")).to_contain_text("14 files")
    expect(page.locator("[data-submit]")).to_have_attribute("aria-disabled", "false")


def test_the_alert_goes_when_the_list_changes(
    page: Page, served: machines.Brainscan, watch: Watch, many: list[Path]
) -> None:
    upload_page(page, served).click("[data-submit]")
    alert = page.locator("[data-alert]")
    expect(alert).to_contain_text("No file was chosen.")
    expect(alert).to_be_focused()
    page.set_input_files("[data-files]", many[0])
    expect(alert).to_be_hidden()


def test_a_wrong_field_is_told_as_wrong_and_has_the_focus(
    page: Page, served: machines.Brainscan, watch: Watch, many: list[Path]
) -> None:
    watch.expected = ("status of 400", "status of 422")
    upload_page(page, served).set_input_files("[data-files]", many[0])
    page.check("[name=recipient][value=patient]")
    page.fill("[name=phone]", "12")
    page.click("[data-submit]")
    phone, consent = page.locator("[name=phone]"), page.locator("[name=consent]")
    expect(phone).to_have_attribute("aria-invalid", "true")
    expect(phone).to_be_focused()
    page.fill("[name=phone]", "+44 7700 900123")
    page.click("[data-submit]")
    expect(consent).to_have_attribute("aria-invalid", "true")
    expect(consent).to_be_focused()
    assert phone.get_attribute("aria-invalid") is None


def test_forced_colours_show_who_gets_the_message(browser: Browser, served: machines.Brainscan) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, forced_colors="active")
    page = upload_page(context.new_page(), served)
    seen = {}
    for who in ("clinician", "patient"):
        picture = page.locator(f"[name=recipient][value={who}]").screenshot()
        elsewhere = context.new_page()  # without a policy
        seen[who] = elsewhere.evaluate(PIXELS, [base64.b64encode(picture).decode(), [[0.5, 0.5], [0.5, 0.18]]])
        elsewhere.close()
    (dot, ground), (middle, around) = seen["clinician"], seen["patient"]
    assert dot != ground, "the chosen one has its dot"
    assert middle == around, "the other has none"
    context.close()


def test_with_text_at_twice_the_size_buttons_keep_their_words_whole(
    browser: Browser, served: machines.Brainscan
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Page.enable")
    session.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
    upload_page(page, served)
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".file-pick:visible").first.bounding_box()
    assert box is not None
    assert box["height"] < 4 * 32, "two lines, not a letter a line"
    context.close()
