"""Window, zoom, full screen and reset in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import opened


class TestPicture:
    def test_the_window_that_the_files_state_is_the_last_preset(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "volume")
        page.locator("[data-window] summary").click()
        preset = page.locator("[data-preset]").last
        expect(preset).to_have_text("As in the file5")
        preset.click()
        expect(preset).to_have_attribute("aria-pressed", "true")
        expect(page.locator("[data-wl]")).to_have_text("W 1600 L 1201")
        page.keyboard.press("Escape")
        viewer.press("1")
        viewer.press("5")
        expect(page.locator("[data-wl]")).to_have_text("W 1600 L 1201")

    def test_its_key_is_5_also_where_a_scan_lacks_other_presets(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        def without(route: Route) -> None:
            told = route.fetch().json()
            told["windows"] = {name: told["windows"][name] for name in ("auto", "full", "file")}
            route.fulfill(json=told)

        page.route("**/volume.json?*", without)
        viewer = opened(page, served, "volume")
        auto = viewer.window()
        viewer.focus()
        viewer.press("3")
        assert viewer.window() == auto, "no other preset takes the key"
        viewer.press("5")
        expect(page.locator("[data-wl]")).to_have_text("W 1600 L 1201")
        page.locator("[data-window] summary").click()
        expect(page.locator("[data-preset] kbd")).to_have_text(["1", "2", "5"])

    def test_window_by_preset_slider_and_dragging(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume")
        auto, before = viewer.window(), viewer.stage.screenshot()
        page.locator("[data-window] summary").click()
        page.locator("[data-preset=contrast]").click()
        viewer.drawn()
        assert viewer.window() != auto
        assert viewer.stage.screenshot() != before
        viewer.slide("[data-width]", 1)
        assert viewer.window()[1] - viewer.window()[0] > auto[1] - auto[0]
        level = sum(viewer.window())
        viewer.slide("[data-level]", 0.9)
        assert sum(viewer.window()) > level
        page.keyboard.press("Escape")
        viewer.press("r")
        viewer.focus()
        viewer.press("r")
        assert viewer.window() == auto
        viewer.drag((100, 100), (130, 100), button="right")
        wider = viewer.window()
        assert wider[1] - wider[0] > auto[1] - auto[0]
        viewer.drag((100, 100), (100, 140), button="right")
        assert sum(viewer.window()) > sum(wider), "down is a higher level"
        expect(page.locator("[data-wl]")).to_have_text(re.compile(r"^W \d+ L -?\d+$"))

    def test_zoom_and_pan(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume")
        viewer.click("in")
        viewer.click("in")
        assert viewer.zoom() == 156
        before = viewer.screen(128, 128)
        viewer.drag((128, 128), (138, 120))
        after = viewer.screen(128, 128)
        assert (after[0] > before[0], after[1] < before[1]) == (True, True)
        viewer.click("fit")
        assert viewer.zoom() == 100
        under = viewer.screen(60, 90)
        page.mouse.move(*under)
        page.keyboard.down("Control")
        page.mouse.wheel(0, -120)
        page.keyboard.up("Control")
        viewer.drawn()
        assert viewer.zoom() == 125
        assert viewer.screen(60, 90) == pytest.approx(under, abs=1), "it zooms about the pointer"
        viewer.click("fit")
        page.mouse.dblclick(*viewer.screen(150, 100))
        viewer.drawn()
        assert viewer.zoom() == 200

    def test_full_screen(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume")
        before = viewer.stage.bounding_box()
        viewer.click("full")
        viewer.until("document.fullscreenElement?.matches('.viewer')")
        viewer.drawn()
        full = viewer.stage.bounding_box()
        assert before
        assert full
        assert full["height"] > max(before["height"], 0.7 * page.evaluate("innerHeight")), "the picture has the screen"
        expect(page.locator("[data-slider]")).to_be_visible()
        expect(page.locator(".strip")).to_be_hidden()
        viewer.focus()
        viewer.press("f")
        viewer.until("!document.fullscreenElement")

    def test_reset_brings_back_what_was_there_at_first(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "two")
        first, window = viewer.shown.screenshot(), viewer.window()
        viewer.focus()
        viewer.press("+", "+", "4", "o")
        viewer.drag((20, 20), (30, 24))
        assert viewer.shown.screenshot() != first
        viewer.click("reset")
        assert (viewer.zoom(), viewer.window()) == (100, window)
        expect(viewer.shown.locator("path.mk")).to_have_count(1)
        assert viewer.shown.screenshot() == first
