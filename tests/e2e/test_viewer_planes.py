"""Three planes in a real browser: linked by one crosshair, with the marks cut in each."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import opened


class TestPlanes:
    def test_linked_crosshair(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume", "?slice=60")
        viewer.click("three")
        assert page.locator("plane-view:not([hidden])").count() == 3
        axial = viewer.pane("axial").bounding_box()
        assert axial
        page.mouse.click(axial["x"] + axial["width"] * 0.62, axial["y"] + axial["height"] * 0.4)
        viewer.drawn()
        position = page.evaluate("document.querySelector('scan-viewer').scene.position")
        assert int(viewer.pane("sagittal").get_attribute("data-slice") or 0) == position[0] + 1
        assert int(viewer.pane("coronal").get_attribute("data-slice") or 0) == position[1] + 1
        coronal = viewer.pane("coronal").bounding_box()
        assert coronal
        page.mouse.click(coronal["x"] + coronal["width"] / 2, coronal["y"] + coronal["height"] * 0.3)
        viewer.drawn()
        moved = page.evaluate("document.querySelector('scan-viewer').scene.position")
        assert moved[1] == position[1], "the plane that was pressed stays"
        assert moved[2] > position[2], "higher on the screen is nearer the head's top"
        assert int(viewer.pane("axial").get_attribute("data-slice") or 0) == moved[2] + 1
        expect(viewer.pane("axial").locator("[data-cross]")).to_be_attached()
        viewer.focus()
        viewer.press("x")
        expect(page.locator("[data-cross]")).to_have_count(0)

    @pytest.mark.parametrize("width", [1440, 390])
    def test_the_crosshair_has_a_button_too(
        self, page: Page, watch: Watch, served: machines.Brainscan, width: int
    ) -> None:
        page.set_viewport_size({"width": width, "height": 900})
        viewer = opened(page, served, "volume", "?slice=60")
        button = viewer.act("crosshair")
        expect(button).to_be_hidden()
        heights = "[...document.querySelectorAll('.tools')].map(each => each.offsetHeight)"
        before = page.evaluate(heights)
        viewer.click("three")
        if width == 390:
            viewer.click("more")
        assert page.evaluate(heights) == before, "it finds room in its row"
        expect(page.locator("[data-cross]")).not_to_have_count(0)
        viewer.click("crosshair")
        expect(button).to_have_attribute("aria-pressed", "false")
        expect(page.locator("[data-cross]")).to_have_count(0)
        viewer.click("crosshair")
        expect(page.locator("[data-cross]")).not_to_have_count(0)
