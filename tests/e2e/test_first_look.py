"""What a page shows before anybody scrolls, on a phone, on paper, and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import rows
from tests.e2e import machines
from tests.e2e.conftest import Watch, sign_in
from tests.e2e.viewing import opened

LONG = "t1_after_contrast_" * 8 + "of_the_second_reading.png"


def result(served: machines.Brainscan, name: str) -> str:
    return f"{served.address}/scans/{served.seeded[name]['scan']}/"


@pytest.mark.parametrize("name", ["two", "tumour", "uncertain", "no_tumour"])
def test_the_whole_picture_stands_on_the_first_screen(
    page: Page, watch: Watch, served: machines.Brainscan, name: str
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page, served)
    page.goto(result(served, name))
    expect(page.locator("scan-viewer.is-live")).to_be_attached(timeout=60_000)
    box = page.locator("[data-stage]").bounding_box()
    assert box
    assert box["y"] + box["height"] <= 900
    assert box["height"] >= 400


def test_a_long_file_name_is_read_whole_on_a_phone(page: Page, watch: Watch, served: machines.Brainscan) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, served)
    page.goto(f"{served.address}/scans/new/")
    page.set_input_files("[data-files]", {"name": LONG, "mimeType": "image/png", "buffer": rows.png()})
    page.locator("[data-submit]").click()
    page.wait_for_url("**/scans/*-*/")
    expect(page.locator(".verdict:not(.working)")).to_be_visible(timeout=120_000)
    for address in (page.url, f"{served.address}/scans/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        name = page.locator(".ident p, .scans .file").filter(has_text=LONG).first
        cut = name.evaluate("each => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight + 1")
        assert not cut


def test_a_phone_changes_between_light_and_dark_in_the_menu(
    page: Page, watch: Watch, served: machines.Brainscan
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, served)
    theme = page.get_by_role("button", name="Light or dark")
    expect(theme).to_be_hidden()
    page.locator("details.menu summary").click()
    theme.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(theme).to_be_hidden()


def test_paper_has_what_was_found_and_nothing_to_press(browser: Browser, served: machines.Brainscan) -> None:
    context = browser.new_context(viewport={"width": 1000, "height": 1400})
    page = context.new_page()
    sign_in(page, served)
    page.goto(result(served, "two"))
    page.emulate_media(media="print")
    for shown in ("#lesions", "#cannot", "#release", "#sequence", "#change"):
        expect(page.locator(shown)).to_be_visible()
    expect(page.get_by_text("Not released.", exact=True).last).to_be_visible()
    for pressed in ("#downloads", "#sequence-is", "input[name=read]", "main button", "main select", ".ident .end"):
        for each in page.locator(pressed).all():
            expect(each).to_be_hidden()
    assert page.locator("#downloads").count() == 1
    context.close()


def test_a_slice_that_the_list_names_is_one_press_away(page: Page, watch: Watch, served: machines.Brainscan) -> None:
    viewer = opened(page, served, "two", "?slice=1")
    link = page.locator("table.lesions td[data-l=Diameters] a").first
    number = int((link.text_content() or "").removeprefix("on slice "))
    assert number != 1
    page.evaluate("window.same = true")
    link.click()
    viewer.drawn()
    assert viewer.slice() == number
    assert page.evaluate("window.same"), "the page was not loaded anew"
    expect(viewer.stage).to_be_focused()


def test_without_javascript_too(browser: Browser, served: machines.Brainscan) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in(page, served)
    page.goto(f"{result(served, 'two')}?slice=1")
    link = page.locator("table.lesions td[data-l=Slices] a").first
    number = (link.text_content() or "").removeprefix("largest on ")
    link.click()
    expect(page.locator("[data-where]")).to_have_text(f"Slice {number} of 12")
    expect(page.locator("[data-stage]")).to_be_in_viewport()
    context.close()
