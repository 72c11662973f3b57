"""The viewer by fingers in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import opened


class TestTouch:
    @pytest.fixture
    def phone(self, browser: Browser) -> Iterator[tuple[Page, Watch]]:
        context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        watch = Watch(context)
        yield context.new_page(), watch
        context.close()
        assert not watch.unexpected(), "\n".join(watch.unexpected())

    def test_swipe_pinch_and_planes(self, phone: tuple[Page, Watch], served: machines.Brainscan) -> None:
        page, _ = phone
        viewer = opened(page, served, "volume", "?slice=60")
        viewer.stage.scroll_into_view_if_needed()
        box = viewer.stage.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        viewer.fingers([(x + 90, y)], [(x + 40, y)], [(x, y)], [(x - 30, y)])
        assert viewer.slice() > 60, "a swipe to the left goes on"
        viewer.fingers([(x - 30, y), (x + 30, y)], [(x - 60, y), (x + 60, y)], [(x - 90, y), (x + 90, y)])
        assert viewer.zoom() > 200
        viewer.click("more")
        viewer.click("fit")
        assert page.locator("plane-view:not([hidden])").count() == 1
        viewer.click("plane:sagittal")
        assert viewer.shown.get_attribute("data-plane") == "sagittal"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    def test_a_ruler_by_finger(self, phone: tuple[Page, Watch], served: machines.Brainscan) -> None:
        page, _ = phone
        viewer = opened(page, served, "series", "?slice=3")
        viewer.stage.scroll_into_view_if_needed()
        count = viewer.list.count()
        viewer.click("tool:ruler")
        start, end = viewer.screen(60, 100), viewer.screen(140, 100)
        viewer.fingers([start], [(start[0] + 30, start[1])], [end])
        expect(viewer.list).to_have_count(count + 1)
        expect(viewer.list.last).to_contain_text("80.0 px")
        viewer.list.last.get_by_role("button", name="Remove").click()
        expect(viewer.list).to_have_count(count)

    def test_the_help_opens_at_its_top_with_the_gestures(
        self, phone: tuple[Page, Watch], served: machines.Brainscan
    ) -> None:
        page, _ = phone
        viewer = opened(page, served, "volume")
        viewer.click("more")
        viewer.click("help")
        assert page.locator("[data-help]").evaluate("dialog => dialog.scrollTop") == 0
        expect(page.get_by_text("Wheel or swipe: slices.")).to_be_in_viewport()

    def test_nothing_sticks_over_the_tools(self, phone: tuple[Page, Watch], served: machines.Brainscan) -> None:
        page, _ = phone
        viewer = opened(page, served, "volume")
        viewer.act("mask").evaluate("button => button.scrollIntoView()")
        covered = viewer.act("mask").evaluate(
            """button => { const { x, y } = button.getBoundingClientRect();
                return !button.contains(document.elementFromPoint(x + 20, y + 20)); }"""
        )
        assert not covered

    def test_every_control_is_large_enough(self, phone: tuple[Page, Watch], served: machines.Brainscan) -> None:
        page, _ = phone
        opened(page, served, "volume")
        small = page.evaluate(
            """() => [...document.querySelectorAll('scan-viewer .tool')].filter(each => each.offsetParent)
                .map(each => [each.getAttribute('aria-label') ?? each.textContent, each.offsetWidth, each.offsetHeight])
                .filter(([, width, height]) => width < 44 || height < 44)"""
        )
        assert not small
