"""Measuring in a real browser: it survives a reload, undo undoes, keys are enough, and nothing vanishes quietly."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests import cast
from tests.e2e import machines
from tests.e2e.conftest import Watch, sign_in
from tests.e2e.viewing import Viewer, opened


@pytest.fixture
def viewer(page: Page, watch: Watch, served: machines.Brainscan) -> Iterator[Viewer]:
    """The volume, without any measurement; what a test leaves is removed."""
    made = opened(page, served, "volume", "?slice=60")
    clear(made)
    yield made
    page.unroute_all(behavior="ignoreErrors")
    made.open("volume")
    clear(made)


def clear(viewer: Viewer) -> None:
    while count := viewer.list.count():
        viewer.list.last.get_by_role("button", name="Remove").click()
        expect(viewer.list).to_have_count(count - 1)


def tool(viewer: Viewer, name: str) -> None:
    """Take a tool, or put it away."""
    viewer.click(f"tool:{name}")


class TestRuler:
    def test_dragged_it_is_in_millimetres_and_there_after_a_reload(self, viewer: Viewer) -> None:
        tool(viewer, "ruler")
        viewer.drag((80, 100), (120, 130))
        expect(viewer.list).to_have_count(1)
        expect(viewer.list.first).to_contain_text("45.0 mm")  # hypot(40, 30) voxels of 0.9 mm
        expect(viewer.list.first).to_contain_text("Ruler, axial slice 60")
        viewer.page.reload()
        viewer.ready()
        expect(viewer.list).to_have_count(1)
        expect(viewer.shown.locator(".measure.mine .rt")).to_have_text("a  45.0 mm")

    def test_pressed_at_both_ends(self, viewer: Viewer) -> None:
        tool(viewer, "ruler")
        viewer.tap(100, 100)
        viewer.tap(100, 150)
        expect(viewer.list.first).to_contain_text("45.0 mm")

    def test_the_server_says_the_same_number_as_the_picture(self, viewer: Viewer) -> None:
        viewer.click("plane:coronal")
        tool(viewer, "ruler")
        # The list has it before the server does.
        with viewer.page.expect_response(lambda answer: answer.request.method == "POST"):
            viewer.drag((61.3, 40.2), (93.1, 88.8))
        kept = re.compile(r"\d+(\.\d)? mm")
        drawn = viewer.page.evaluate("document.querySelector('[data-announce]').textContent").split(", ")[1]
        expect(viewer.list.first).not_to_contain_text("you")
        expect(viewer.list.first.locator("b")).to_contain_text(kept)
        answer = viewer.page.request.get(f"{viewer.page.url.split('?')[0]}measurements/").json()["measurements"]
        assert answer[0]["text"] == drawn
        assert answer[0]["plane"] == "coronal"

    def test_it_stays_on_its_slice_and_one_can_go_there(self, viewer: Viewer) -> None:
        tool(viewer, "ruler")
        viewer.drag((80, 100), (120, 130))
        expect(viewer.list).to_have_count(1)
        viewer.focus()
        viewer.press("Escape", "PageDown")
        expect(viewer.shown.locator(".measure")).to_have_count(0)
        viewer.press("s")
        viewer.list.first.get_by_role("button", name="Go to").click()
        viewer.drawn()
        assert (viewer.shown.get_attribute("data-plane"), viewer.slice()) == ("axial", 60)
        expect(viewer.shown.locator(".measure")).to_have_count(1)


class TestAreaAndAngle:
    def test_a_polygon_by_its_corners(self, viewer: Viewer) -> None:
        tool(viewer, "area")
        for corner in ((80, 80), (120, 80), (120, 130), (80, 130)):
            viewer.tap(*corner)
        viewer.click("close")
        expect(viewer.list.first).to_contain_text("1620 mm²")  # 40 x 50 voxels of 0.81 mm²

    def test_freehand(self, viewer: Viewer) -> None:
        tool(viewer, "area")
        viewer.drag((80, 80), (120, 80), (120, 130), (80, 130), (80, 84))
        expect(viewer.list).to_have_count(1)
        area = float(re.search(r"(\d+) mm²", viewer.list.first.text_content() or "")[1])
        assert area == pytest.approx(1620, rel=0.06)

    def test_an_outline_that_crosses_itself_has_no_area(self, viewer: Viewer) -> None:
        tool(viewer, "area")
        for corner in ((80, 80), (120, 130), (120, 80), (80, 130)):
            viewer.tap(*corner)
        viewer.click("close")
        expect(viewer.announced).to_have_text("The outline crosses itself, so it has no area. Draw it again.")
        expect(viewer.list).to_have_count(0)

    def test_an_angle(self, viewer: Viewer) -> None:
        tool(viewer, "angle")
        for point in ((80, 130), (80, 80), (130, 80)):
            viewer.tap(*point)
        expect(viewer.list.first).to_contain_text("90.0°")

    def test_without_spacing_pixels_and_the_assumption_is_told(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "tumour")
        clear(viewer)
        tool(viewer, "angle")
        for point in ((80, 130), (80, 80), (130, 80)):
            viewer.tap(*point)
        expect(viewer.list.first).to_contain_text("90.0°")
        expect(viewer.list.first).to_contain_text("if pixels are square")
        tool(viewer, "ruler")
        viewer.drag((80, 100), (120, 130))
        expect(viewer.list.nth(1)).to_contain_text("50.0 px")
        expect(page.locator("[data-measures]")).not_to_contain_text("mm")
        clear(viewer)


class TestUndo:
    def test_undo_and_redo_of_drawing_moving_and_removing(self, viewer: Viewer) -> None:
        tool(viewer, "ruler")
        viewer.drag((80, 100), (120, 130))
        expect(viewer.list).to_have_count(1)
        viewer.focus()
        viewer.press("Escape")
        viewer.drag((120, 130), (80, 130))
        expect(viewer.list.first).to_contain_text("27.0 mm")
        viewer.list.first.get_by_role("button", name="Remove").click()
        expect(viewer.list).to_have_count(0)
        viewer.focus()
        for state in ("27.0 mm", "45.0 mm"):
            viewer.press("Control+z")
            expect(viewer.list).to_have_count(1)
            expect(viewer.list.first).to_contain_text(state)
        viewer.press("Control+z")
        expect(viewer.list).to_have_count(0)
        expect(viewer.act("undo")).to_be_disabled()
        viewer.press("Control+y")
        expect(viewer.list.first).to_contain_text("45.0 mm")
        viewer.press("Control+Shift+z")
        expect(viewer.list.first).to_contain_text("27.0 mm")
        viewer.click("redo")
        expect(viewer.list).to_have_count(0)
        viewer.click("undo")
        expect(viewer.list.first).to_contain_text("27.0 mm")
        viewer.page.reload()
        viewer.ready()
        expect(viewer.list).to_have_count(1)
        expect(viewer.list.first).to_contain_text("27.0 mm")

    def test_after_a_reload_undo_goes_on_through_earlier_measurements(self, viewer: Viewer) -> None:
        tool(viewer, "ruler")
        viewer.drag((80, 100), (120, 130))
        expect(viewer.list.first).not_to_contain_text("you")
        viewer.focus()
        viewer.press("Escape")
        viewer.drag((120, 130), (80, 130))
        expect(viewer.list.first).to_contain_text("27.0 mm")
        viewer.page.reload()
        viewer.ready()
        expect(viewer.act("undo")).to_be_enabled()
        viewer.click("undo")
        expect(viewer.list.first).to_contain_text("45.0 mm")
        viewer.click("undo")
        expect(viewer.list).to_have_count(0)
        expect(viewer.act("undo")).to_be_disabled()
        viewer.click("redo")
        expect(viewer.list.first).to_contain_text("45.0 mm")
        viewer.page.reload()
        viewer.ready()
        expect(viewer.list.first).to_contain_text("45.0 mm")


class TestKeysOnly:
    def test_a_ruler_is_placed_nudged_and_removed(self, viewer: Viewer) -> None:
        page = viewer.page
        viewer.focus()
        viewer.press("l", "Enter", *["Shift+ArrowRight"] * 5, "Enter")
        expect(viewer.list.first).to_contain_text("45.0 mm")
        viewer.press("Escape")
        viewer.list.first.get_by_role("button", name="Adjust").focus()
        page.keyboard.press("Enter")
        expect(viewer.stage).to_be_focused()
        viewer.press("n", *["ArrowLeft"] * 10, "Enter")
        expect(viewer.list.first).to_contain_text("36.0 mm")
        viewer.list.first.get_by_role("button", name="Remove").focus()
        page.keyboard.press("Enter")
        expect(viewer.list).to_have_count(0)

    def test_an_area_is_closed_and_points_are_taken_back(self, viewer: Viewer) -> None:
        viewer.focus()
        viewer.press("p", "Enter", *["Shift+ArrowRight"] * 4, "Enter", "Shift+ArrowDown", "Enter", "Backspace")
        viewer.press(*["Shift+ArrowDown"] * 3, "Enter", *["Shift+ArrowLeft"] * 4, "Enter", "c")
        expect(viewer.list.first).to_contain_text("1296 mm²")  # 40 x 40 voxels

    def test_escape_leaves_the_drawing_then_the_tool(self, viewer: Viewer) -> None:
        viewer.focus()
        viewer.press("g", "Enter", "ArrowRight", "Enter", "Escape")
        expect(viewer.act("tool:angle")).to_have_attribute("aria-pressed", "true")
        viewer.press("Escape")
        expect(viewer.act("tool:angle")).to_have_attribute("aria-pressed", "false")
        before = viewer.slice()
        viewer.press("ArrowRight")
        assert viewer.slice() == before + 1
        expect(viewer.list).to_have_count(0)


class TestFaults:
    def test_what_could_not_be_kept_stays_says_so_and_can_be_sent_again(self, viewer: Viewer, watch: Watch) -> None:
        watch.expected = ("ERR_FAILED", "Failed to load resource")
        viewer.page.route("**/measurements/", lambda route: route.abort())
        tool(viewer, "ruler")
        viewer.drag((80, 100), (120, 130))
        row = viewer.list.first
        expect(row).to_contain_text("Not kept. The server could not be reached.")
        expect(viewer.shown.locator(".measure.unkept")).to_have_count(1)
        viewer.page.unroute("**/measurements/")
        row.get_by_role("button", name="Keep").click()
        expect(row).not_to_contain_text("Not kept")
        viewer.page.reload()
        viewer.ready()
        expect(viewer.list).to_have_count(1)

    def test_who_was_signed_out_is_told(self, viewer: Viewer) -> None:
        cookies = viewer.page.context.cookies()
        viewer.page.context.clear_cookies(name="sessionid")
        tool(viewer, "ruler")
        viewer.drag((80, 100), (120, 130))
        expect(viewer.list.first).to_contain_text("You were signed out.")
        viewer.page.context.add_cookies(cookies)  # type: ignore[arg-type]

    def test_a_reviewer_measures_for_the_moment_and_is_told(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        # The toolbars and the whole slice have to be on the screen together.
        page.set_viewport_size({"width": 1440, "height": 1000})
        sign_in(page, served, "rita", cast.PASSWORD)
        viewer = Viewer(page, served).open("series")
        count = viewer.list.count()
        tool(viewer, "ruler")
        viewer.drag((80, 100), (120, 130))
        expect(viewer.list).to_have_count(count + 1)
        expect(viewer.list.last).to_contain_text("Not kept: you may read this scan, not write on it.")
        page.reload()
        viewer.ready()
        expect(viewer.list).to_have_count(count)
