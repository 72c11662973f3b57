"""The viewer by keyboard alone in a real browser: what the help lists works, and nothing else is needed."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import Viewer, opened

# What each key of the help does: pressed on the volume's viewer, and what is then different.
EFFECTS: dict[str, Callable[[Viewer], object]] = {
    "l": lambda viewer: viewer.act("tool:ruler").get_attribute("aria-pressed"),
    "p": lambda viewer: viewer.act("tool:area").get_attribute("aria-pressed"),
    "g": lambda viewer: viewer.act("tool:angle").get_attribute("aria-pressed"),
    "w": lambda viewer: viewer.act("tool:window").get_attribute("aria-pressed"),
    **dict.fromkeys(
        ("ArrowLeft", "ArrowUp", "k", "ArrowRight", "ArrowDown", "j", "PageUp", "PageDown", "Home", "End"), Viewer.slice
    ),
    "a": lambda viewer: viewer.shown.get_attribute("data-plane"),
    "d": lambda viewer: viewer.shown.get_attribute("data-plane"),
    "s": lambda viewer: viewer.shown.get_attribute("data-plane"),
    "t": lambda viewer: viewer.page.locator("plane-view:not([hidden])").count(),
    "x": lambda viewer: viewer.announced.text_content(),
    "o": lambda viewer: viewer.act("mask").get_attribute("aria-pressed"),
    "m": lambda viewer: viewer.act("sizes").get_attribute("aria-pressed"),
    **dict.fromkeys(("1", "2", "3", "4"), Viewer.window),
    **dict.fromkeys(("+", "=", "-", "0"), Viewer.zoom),
    **dict.fromkeys(
        ("Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"),
        lambda viewer: viewer.screen(128, 128),
    ),
    "r": Viewer.zoom,
    "f": lambda viewer: viewer.page.evaluate("document.fullscreenElement?.className ?? ''"),
    "?": lambda viewer: viewer.page.locator("[data-help]").get_attribute("open"),
}
# Keys of measuring have their own tests (test_measuring.py), by these names; the window that a file states has its own too
# (test_viewer_picture.py), as this volume's file states none.
ELSEWHERE = {"Enter", "c", "n", "Backspace", "Escape", "Ctrl+z", "Ctrl+y", "Ctrl+Shift+z", "5"}
FIRST = {
    "a": ("d",),
    "1": ("2",),
    "0": ("+", "+"),
    "r": ("+",),
    "-": ("+", "+"),
    **{key: ("+", "+") for key in EFFECTS if "Shift" in key},
}


class TestKeys:
    def test_the_help_lists_keys_that_work_and_no_other(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "volume", "?slice=60")
        viewer.click("help")
        listed = [
            key
            for each in page.locator("[data-keys] dt").all()
            for key in (each.get_attribute("data-keys") or "").split()
        ]
        page.keyboard.press("Escape")
        unknown = set(listed) - set(EFFECTS) - ELSEWHERE
        assert not unknown, f"no test presses {unknown}"
        dead = []
        for key, effect in EFFECTS.items():
            assert key in listed, f"{key} is not in the help"
            viewer.focus()
            viewer.press("1", "0", *FIRST.get(key, ()))
            before = effect(viewer)
            viewer.press(key)
            page.wait_for_timeout(60 if key != "f" else 600)
            if effect(viewer) == before:
                dead.append(key)
            if key == "?":
                page.keyboard.press("Escape")
            elif key in ("l", "p", "g", "w", "f", "t"):
                viewer.press(key)
                page.wait_for_timeout(600 if key == "f" else 0)
            elif key in ("d", "s"):
                viewer.press("a")
            elif key in ("Home", "End"):
                viewer.press("PageDown" if key == "Home" else "PageUp")
        assert not dead, f"these keys do nothing: {dead}"

    def test_a_picture_lists_no_keys_for_slices_or_planes(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "tumour")
        viewer.focus()
        viewer.press("?")
        expect(page.locator("[data-keys] h3")).to_have_text(["Picture", "Measuring"])

    def test_single_letters_can_be_switched_off_and_stay_off(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "volume")
        viewer.click("help")
        page.locator("[data-single]").uncheck()
        page.keyboard.press("Escape")
        page.reload()
        viewer.ready().focus()
        before = viewer.slice()
        viewer.press("o", "j")
        expect(viewer.act("mask")).to_have_attribute("aria-pressed", "true")
        assert viewer.slice() == before
        viewer.press("ArrowRight")
        assert viewer.slice() == before + 1

    def test_tab_reaches_every_control_and_the_stage_and_leaves_again(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        opened(page, served, "two", "?slice=5")
        wanted = {
            str(name)
            for name in page.evaluate(
                """[...document.querySelectorAll('scan-viewer :is(button, input, summary, [data-stage])')]
                    .filter(each => each.checkVisibility() && !each.disabled && !each.closest('dialog'))
                    .map(each => each.getAttribute('aria-label') ?? each.textContent.trim())"""
            )
        }
        assert len(wanted) >= 20
        assert "" not in wanted, "everything has a name"
        page.evaluate("document.querySelector('h1').tabIndex = -1; document.querySelector('h1').focus()")
        reached = set()
        for _ in range(90):
            page.keyboard.press("Tab")
            name, within, ringed = page.evaluate(
                """() => { const at = document.activeElement, { outlineStyle } = getComputedStyle(at);
                    return [at.getAttribute('aria-label') ?? at.textContent.trim(), !!at.closest('scan-viewer'), outlineStyle !== 'none']; }"""
            )
            if within:
                assert ringed, f"nobody sees that {name} has the focus"
                reached.add(str(name))
            elif reached:
                break
        else:
            raise AssertionError("Tab never leaves the viewer")
        assert wanted <= reached, wanted - reached

    def test_the_strip_is_one_stop_and_arrows_go_on_in_it(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "volume", "?slice=60")
        assert page.locator(".slices a[tabindex='0']").count() == 1
        assert page.locator(".slices a:not([tabindex])").count() == 0
        here = page.locator(".slices a[aria-current=true]")
        here.focus()
        for key, number in (("ArrowRight", 61), ("ArrowDown", 62), ("ArrowLeft", 61), ("Home", 1), ("End", 150)):
            viewer.press(key)
            expect(here).to_have_attribute("href", f"?slice={number}")
            expect(here).to_be_focused()
            assert viewer.slice() == number
        viewer.press("Tab")
        assert not page.evaluate("Boolean(document.activeElement.closest('.slices'))")
        viewer.press("Shift+Tab")
        expect(here).to_be_focused()
        # Arrows in the strip are the strip's, whatever plane or tool is in hand.
        viewer.click("plane:coronal")
        viewer.click("tool:ruler")
        here.focus()
        viewer.press("ArrowLeft")
        expect(here).to_have_attribute("href", "?slice=149")
        assert viewer.shown.get_attribute("data-plane") == "axial"

    def test_every_tool_is_taken_and_put_away_by_its_button(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "two", "?slice=5")
        for act in ("mask", "sizes", "tool:ruler", "tool:area", "tool:angle", "three"):
            before = viewer.act(act).get_attribute("aria-pressed")
            viewer.act(act).focus()
            viewer.press("Enter")
            assert viewer.act(act).get_attribute("aria-pressed") != before, act
            viewer.act(act).focus()
            viewer.press("Space")
            assert viewer.act(act).get_attribute("aria-pressed") == before, act
        for plane in ("coronal", "sagittal", "axial"):
            viewer.act(f"plane:{plane}").focus()
            viewer.press("Enter")
            assert viewer.shown.get_attribute("data-plane") == plane
        for act, zoom in (("in", 125), ("out", 100), ("in", 125), ("fit", 100), ("in", 125), ("reset", 100)):
            viewer.act(act).focus()
            viewer.press("Enter")
            assert viewer.zoom() == zoom, act
        page.locator("[data-slider]").focus()
        viewer.press("ArrowRight")
        assert viewer.slice() == 6
        viewer.press("Home")
        assert viewer.slice() == 1

    def test_the_window_menu_is_opened_used_and_closed(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "volume")
        auto = viewer.window()
        summary = page.locator("[data-window] summary")
        summary.focus()
        viewer.press("Enter", "Tab", "Tab", "Enter")
        assert viewer.window() != auto
        page.locator("[data-width]").focus()
        before = viewer.window()
        viewer.press("ArrowLeft")
        assert viewer.window() != before
        viewer.press("Escape")
        expect(page.locator("[data-window]")).not_to_have_attribute("open", "")
        expect(summary).to_be_focused()

    def test_everything_by_keyboard_from_the_stage(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume", "?slice=60")
        viewer.focus()
        viewer.press("j", "t", "o", "2")
        assert viewer.slice() == 61
        viewer.press("?")
        expect(page.locator("[data-help]")).to_have_attribute("open", "")
        viewer.press("j", "Escape")
        expect(viewer.stage).to_be_focused()
        assert viewer.slice() == 61, "the help takes no keys for the picture"
