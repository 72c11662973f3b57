"""The viewer's toolbars in a real browser: calm at every width, and nothing lost where they are narrow."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import Viewer, opened

ROW = 56
"""Screen pixels: a row of tools is at most so high."""
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def narrow(page: Page, watch: Watch, served: machines.Brainscan) -> Viewer:
    """A volume with lesion, diameters and three planes on a phone's width."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    return opened(page, served, "volume")


@pytest.mark.parametrize("width", [1440, 1366, 1280, 1024, 768, 390, 360])
def test_two_rows_with_every_tool_there_is(page: Page, watch: Watch, served: machines.Brainscan, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    viewer = opened(page, served, "volume")
    # No seeded scan has all: this one lacks a heat map only.
    viewer.act("heat").evaluate("button => { button.hidden = false; }")
    for act in ("mask", "sizes", "heat", "three", "full"):
        expect(viewer.act(act)).to_be_visible()
    heights = page.evaluate("[...document.querySelectorAll('.viewer > .tools')].map(each => each.offsetHeight)")
    assert len(heights) == 2
    assert max(heights) <= ROW


def test_what_a_phone_has_no_room_for_stands_behind_one_button(narrow: Viewer) -> None:
    for act in ("in", "fit", "reset", "3d", "help"):
        expect(narrow.act(act)).to_be_hidden()
    narrow.click("more")
    expect(narrow.act("more")).to_have_attribute("aria-expanded", "true")
    narrow.click("in")
    assert narrow.zoom() == 125
    narrow.click("reset")
    assert narrow.zoom() == 100
    assert not Axe().run(narrow.page, context=".viewer > .tools").response["violations"]
    narrow.page.keyboard.press("Escape")
    expect(narrow.act("fit")).to_be_hidden()
    expect(narrow.act("more")).to_be_focused()
    narrow.click("more")
    narrow.stage.click(position={"x": 370, "y": 350})  # beside what dropped down
    expect(narrow.act("fit")).to_be_hidden()


def test_the_outlines_opacity_is_the_same_in_both_places(narrow: Viewer) -> None:
    shown = narrow.shown.screenshot()
    narrow.click("more")
    slider = narrow.page.locator("[data-opacity]:visible")
    slider.focus()
    narrow.press("End", "Escape")
    assert narrow.shown.screenshot() != shown
    narrow.page.set_viewport_size({"width": 1440, "height": 900})
    expect(slider).to_have_js_property("value", "100")


def test_windowing_by_dragging_is_taken_from_the_windows_menu(
    page: Page, watch: Watch, served: machines.Brainscan
) -> None:
    viewer = opened(page, served, "volume")
    before = viewer.window()
    page.locator("[data-window] summary").click()
    viewer.click("tool:window")
    expect(page.locator("[data-window]")).not_to_have_attribute("open", "")
    viewer.drag((100, 100), (140, 100))
    assert viewer.window()[1] - viewer.window()[0] > before[1] - before[0]
    expect(viewer.hint).to_contain_text("Drag")
    page.get_by_role("button", name="Leave").click()
    expect(viewer.hint).to_have_text("")
    viewer.drag((100, 100), (140, 100))
    expect(viewer.act("tool:window")).to_have_attribute("aria-pressed", "false")


def test_one_picture_has_no_third_dimension_to_open(page: Page, watch: Watch, served: machines.Brainscan) -> None:
    expect(opened(page, served, "tumour").act("3d")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_what_to_do_stands_below_the_picture_and_hides_nothing(
    page: Page, watch: Watch, served: machines.Brainscan, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    viewer = opened(page, served, "volume")
    before = viewer.stage.bounding_box()
    viewer.click("tool:area")
    expect(viewer.hint).to_be_visible()
    stage, line = viewer.stage.bounding_box(), page.locator(".hint").bounding_box()
    assert stage
    assert line
    assert stage == before, "the picture stays where it is"
    assert line["y"] >= stage["y"] + stage["height"] - 1
    viewer.press("Escape")
    expect(page.locator(".hint")).to_be_hidden()


def test_an_area_that_is_not_closed_does_not_look_closed(page: Page, watch: Watch, served: machines.Brainscan) -> None:
    viewer = opened(page, served, "volume")
    viewer.click("tool:area")
    for place in ((80, 80), (120, 80), (120, 120)):
        viewer.tap(*place)
    edge = viewer.shown.locator(".measure.draft .closing")
    expect(edge).to_have_count(1)
    assert edge.evaluate("each => getComputedStyle(each).strokeDasharray") != "none"
    assert "Z" not in (viewer.shown.locator(".measure.draft .rul").first.get_attribute("d") or "Z")
    viewer.press("Escape", "Escape")


def test_of_a_refused_picture_the_ai_has_nothing_to_show(page: Page, watch: Watch, served: machines.Brainscan) -> None:
    viewer = opened(page, served, "refused")
    for act in ("mask", "sizes", "heat"):
        expect(viewer.act(act)).not_to_be_visible()
    expect(page.locator("[data-opacity]")).to_have_count(0)
    expect(page.locator("[data-area]")).to_have_text("")
    viewer.focus()
    viewer.press("?")
    expect(page.locator(".keys-in")).not_to_contain_text("AI")
