"""Through the slices in a real browser: by every way that there is, and out of them again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import opened


class TestScrolling:
    def test_by_every_way(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume", "?slice=60")
        assert viewer.slice() == 60
        viewer.stage.hover()
        page.mouse.wheel(0, 120)
        viewer.drawn()
        assert viewer.slice() == 61
        page.mouse.wheel(0, -120)
        viewer.drawn()
        assert viewer.slice() == 60
        viewer.slide("[data-slider]", 99 / 149)
        assert viewer.slice() == pytest.approx(100, abs=1)
        page.locator(".slices a[href='?slice=20']").click()
        viewer.drawn()
        assert viewer.slice() == 20
        expect(page).to_have_url(re.compile(r"\?slice=20$"))
        expect(page.locator(".slices a[aria-current=true]")).to_have_attribute("href", "?slice=20")
        expect(viewer.announced).to_have_text(re.compile(r"Axial, slice 20 of 150, \d+%"))
        expect(viewer.announced).to_have_attribute("aria-live", "polite")
        page.reload()
        viewer.ready()
        assert viewer.slice() == 20

    @pytest.mark.parametrize("planes", [1, 3])
    def test_a_step_lays_the_page_out_once_however_many_planes_there_are(
        self, page: Page, watch: Watch, served: machines.Brainscan, planes: int
    ) -> None:
        """What is written before something is measured makes the browser lay the page out in between."""
        viewer = opened(page, served, "volume", "?slice=60")
        if planes == 3:
            viewer.click("three")
        viewer.stage.hover()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")

        def layouts() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return float(next(each["value"] for each in metrics if each["name"] == "LayoutCount"))

        page.wait_for_timeout(400)
        before, steps = layouts(), 10
        for _ in range(steps):
            page.mouse.wheel(0, 120)
            viewer.drawn()
        assert viewer.slice() > 60
        assert layouts() - before <= 1.5 * steps

    def test_at_the_last_slice_the_page_scrolls_on(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume", "?slice=150")
        page.evaluate("scrollTo(0, 0)")
        viewer.stage.hover()
        before = page.evaluate("scrollY")
        page.wait_for_timeout(400)
        page.mouse.wheel(0, 200)
        page.wait_for_timeout(300)
        assert viewer.slice() == 150
        assert page.evaluate("scrollY") > before
