"""The viewer for everyone: names and roles, high contrast, reduced motion."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import opened


class TestAccess:
    @pytest.mark.parametrize("width", [1440, 390])
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_axe_finds_nothing_with_everything_open(
        self, browser: Browser, served: machines.Brainscan, pictures: Path | None, width: int, theme: str
    ) -> None:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
        page = context.new_page()
        viewer = opened(page, served, "volume")
        viewer.click("three")
        viewer.click("tool:area")
        if width == 390:
            viewer.click("more")
        for state in ("three planes", "help"):
            if state == "help":
                viewer.click("help")
            if pictures is not None:
                page.screenshot(path=pictures / f"viewer-{state.replace(' ', '-')}-{theme}-{width}.png")
            violations = Axe().run(page, context="scan-viewer").response["violations"]
            assert not violations, [(each["id"], each["nodes"][0]["html"][:120]) for each in violations]
        context.close()

    def test_what_a_screen_reader_is_told(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        """Playwright's reading of the accessibility tree: roles, names, states, values."""
        viewer = opened(page, served, "two", "?slice=6")
        told = page.locator("scan-viewer").aria_snapshot()
        for expected in (
            'region "Viewer"',
            'toolbar "Picture and planes"',
            'toolbar "Marks and measuring"',
            'button "Axial" [pressed]',
            'button "Three planes"',
            'button "Outline" [pressed]',
            'button "Diameters" [pressed]',
            'slider "Mask opacity"',
            'button "Ruler"',
            'button "Undo" [disabled]',
            'slider "Slice"',
            'link "Slice 6, ',
        ):
            assert expected in told, f"{expected}\n\n{told}"
        expect(page.locator("[data-slider]")).to_have_attribute("aria-valuetext", "Axial, slice 6 of 12")
        name = viewer.stage.get_attribute("aria-label") or ""
        assert name.startswith("Axial, slice 6 of 12, tumour probability "), name
        assert name.endswith("outlined"), name

    def test_what_changes_is_said_aloud_once(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "two", "?slice=6")
        expect(viewer.announced).to_have_attribute("aria-live", "polite")
        viewer.focus()
        for key, said in (
            ("m", "Diameters off"),
            ("o", "Outline off"),
            ("l", "Ruler"),
            ("Escape", "Tool put away"),
            ("r", "Window, zoom and marks as at first"),
        ):
            viewer.press(key)
            expect(viewer.announced).to_have_text(said)

    def test_forced_colours_keep_the_picture_and_every_control(
        self, browser: Browser, served: machines.Brainscan, pictures: Path | None
    ) -> None:
        context = browser.new_context(viewport={"width": 1440, "height": 1000}, forced_colors="active")
        page = context.new_page()
        viewer = opened(page, served, "two")
        assert page.evaluate("matchMedia('(forced-colors: active)').matches")
        if pictures is not None:
            page.screenshot(path=pictures / "viewer-forced-colours.png")
        stroke = "getComputedStyle(document.querySelector('scan-viewer path.mk')).stroke"
        assert page.evaluate(stroke) == "rgb(255, 138, 61)", "marks keep their own colour upon the picture"
        viewer.act("tool:ruler").focus()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        pressed, rest = (
            page.evaluate(f"getComputedStyle(document.querySelector('[data-act={act}]')).borderColor")
            for act in ("mask", "in")
        )
        assert pressed != rest, "what is pressed can be told"
        context.close()

    def test_with_reduced_motion_nothing_moves_by_itself(self, browser: Browser, served: machines.Brainscan) -> None:
        context = browser.new_context(viewport={"width": 1440, "height": 1000}, reduced_motion="reduce")
        page = context.new_page()
        viewer = opened(page, served, "two", "?slice=1")
        page.locator("table.lesions a").first.click()
        viewer.click("help")
        moving = page.evaluate(
            """() => document.getAnimations({ subtree: true }).filter(each => each.effect.getTiming().duration > 1).length"""
        )
        assert moving == 0
        context.close()
