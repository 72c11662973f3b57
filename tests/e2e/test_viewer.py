"""Reading in a real browser: slices, planes, window, zoom, marks, keys, touch, 3-D; nothing blocked by the policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e import machines
from tests.e2e.conftest import FLAGS, Watch, sign_in
from tests.e2e.viewing import Viewer, opened
from tests.viewer import corners

EDGES = {"left": ("x", 0.35, -1), "right": ("x", 0.65, 1), "top": ("y", 0.35, -1), "bottom": ("y", 0.65, 1)}


def towards(viewer: Viewer, plane: str) -> set[str]:
    """The letters that the bright corner lies nearest to."""
    bright, letters = viewer.brightest(plane), viewer.letters(plane)
    near = set()
    for edge, (axis, limit, sign) in EDGES.items():
        if (bright[axis] - limit) * sign > 0:
            near.add(letters[edge])
    return near


class TestOrientation:
    @pytest.mark.parametrize("stored", corners.STORED)
    def test_the_marked_corner_lies_under_its_letters_in_every_plane(
        self, page: Page, watch: Watch, served: machines.Brainscan, stored: str
    ) -> None:
        viewer = opened(page, served, f"corner {stored}")
        viewer.focus()
        for key, plane, expected in (
            ("a", "axial", {"L", "P"}),
            ("d", "coronal", {"L", "S"}),
            ("s", "sagittal", {"P", "S"}),
        ):
            viewer.press(key, "End")  # top, back and left are where slices end
            assert towards(viewer, plane) == expected, plane

    def test_radiological_convention(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "corner RAS")
        assert viewer.letters("axial") == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
        viewer.click("plane:coronal")
        assert viewer.letters("coronal") == {"left": "R", "right": "L", "top": "S", "bottom": "I"}
        viewer.click("plane:sagittal")
        assert viewer.letters("sagittal") == {"left": "A", "right": "P", "top": "S", "bottom": "I"}

    def test_millimetres_give_every_plane_its_true_shape(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "corner RAS")
        viewer.focus()
        viewer.press("PageDown")
        x, y, z = corners.COLUMNS * 1.1, corners.ROWS * 0.9, corners.SLICES * 2.0
        for plane, ratio in (("axial", x / y), ("coronal", x / z), ("sagittal", y / z)):
            viewer.click(f"plane:{plane}")
            assert viewer.brightest(plane)["ratio"] == pytest.approx(ratio, rel=0.1), plane

    def test_without_orientation_it_says_so_and_shows_no_letter(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "series")
        expect(viewer.stage).to_contain_text("Orientation unknown. No R or L is shown.")
        expect(viewer.stage).to_contain_text("No scale in this file")
        assert viewer.letters("acquired") == {}
        expect(page.locator("[data-planes]")).to_be_hidden()
        expect(page.locator("[data-why]")).to_contain_text("does not say how the head lies in it")

    def test_without_a_distance_between_slices_one_plane_and_why(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "uneven")
        expect(page.locator("[data-why]")).to_contain_text("The distance between slices is not known")
        assert viewer.letters("axial")["left"] == "R"
        viewer.focus()
        viewer.press("d", "s", "t")
        assert page.locator("plane-view").count() == 1


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
        slider = page.locator("[data-slider]")
        slider.fill("100")
        viewer.drawn()
        assert viewer.slice() == 100
        page.locator(".slices a[href='?slice=20']").click()
        viewer.drawn()
        assert viewer.slice() == 20
        assert page.url.endswith("?slice=20")
        expect(page.locator(".slices a[aria-current=true]")).to_have_attribute("href", "?slice=20")
        expect(viewer.announced).to_have_text(re.compile(r"Axial, slice 20 of 150, \d+%"))
        expect(viewer.announced).to_have_attribute("aria-live", "polite")
        page.reload()
        viewer.ready()
        assert viewer.slice() == 20

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

    def test_a_link_to_a_slice_elsewhere_on_the_page(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "volume", "?slice=1")
        link = page.locator("main a[href^='?slice=']").filter(visible=True).locator("visible=true")
        lesion = page.locator("table a[href^='?slice=']").first
        number = int((lesion.get_attribute("href") or "").split("=")[1])
        assert link.count()
        lesion.click()
        viewer.drawn()
        assert viewer.slice() == number


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

    def test_the_mask_is_cut_in_every_plane(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume")
        viewer.click("three")
        for plane in ("axial", "coronal", "sagittal"):
            expect(viewer.pane(plane).locator("[data-marks] path.mk")).to_have_count(1)


class TestPicture:
    def test_window_by_preset_slider_and_dragging(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume")
        auto, before = viewer.window(), viewer.stage.screenshot()
        page.locator("[data-window] summary").click()
        page.locator("[data-preset=contrast]").click()
        viewer.drawn()
        assert viewer.window() != auto
        assert viewer.stage.screenshot() != before
        page.locator("[data-width]").fill(page.locator("[data-width]").get_attribute("max") or "")
        assert viewer.window()[1] - viewer.window()[0] > auto[1] - auto[0]
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

    def test_mask_and_outline_with_opacity(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume")
        marks = viewer.shown.locator("[data-marks] path.mk")
        expect(marks).to_have_count(1)
        shown = viewer.stage.screenshot()
        page.locator("[data-opacity]").fill("90")
        viewer.drawn()
        assert viewer.stage.screenshot() != shown
        viewer.click("mask")
        expect(marks).to_have_count(0)
        expect(page.locator("[data-heat]")).to_be_hidden()

    def test_a_heat_map_is_off_until_asked_for(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "uneven")
        bare = viewer.shown.screenshot()
        expect(viewer.act("heat")).to_have_attribute("aria-pressed", "false")
        viewer.until("document.querySelector('scan-viewer').volume.heat !== null")
        viewer.focus()
        viewer.press("h")
        expect(viewer.act("heat")).to_have_attribute("aria-pressed", "true")
        half = viewer.shown.screenshot()
        assert half != bare
        page.locator("[data-heat-opacity]").fill("100")
        viewer.drawn()
        assert viewer.shown.screenshot() != half
        viewer.click("heat")
        assert viewer.shown.screenshot() == bare

    def test_full_screen(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume")
        viewer.click("full")
        viewer.until("document.fullscreenElement?.matches('.viewer')")
        viewer.focus()
        viewer.press("f")
        viewer.until("!document.fullscreenElement")


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
# Keys of measuring have their own tests (test_measuring.py), by these names.
MEASURING = {"Enter", "c", "n", "Backspace", "Escape", "Ctrl+z", "Ctrl+y", "Ctrl+Shift+z"}
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
        unknown = set(listed) - set(EFFECTS) - MEASURING
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

    def test_everything_by_keyboard_from_the_address_bar(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "volume", "?slice=60")
        for _ in range(90):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement?.matches('[data-stage]') ?? false"):
                break
        else:
            raise AssertionError("Tab never reaches the stage")
        viewer.press("j", "t", "o", "2")
        assert viewer.slice() == 61


class TestTouch:
    @pytest.fixture
    def phone(self, browser: Browser) -> Iterator[tuple[Page, Watch]]:
        context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        watch = Watch(context)
        yield context.new_page(), watch
        context.close()
        assert not watch.unexpected(), "\n".join(watch.unexpected())

    @staticmethod
    def fingers(page: Page, *steps: list[tuple[float, float]]) -> None:
        """Put fingers down at the first places, move them through the others, lift them."""
        session = page.context.new_cdp_session(page)
        for at, places in enumerate(steps):
            points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
            session.send(
                "Input.dispatchTouchEvent", {"type": "touchMove" if at else "touchStart", "touchPoints": points}
            )
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(120)

    def test_swipe_pinch_and_planes(self, phone: tuple[Page, Watch], served: machines.Brainscan) -> None:
        page, _ = phone
        viewer = opened(page, served, "volume", "?slice=60")
        viewer.stage.scroll_into_view_if_needed()
        box = viewer.stage.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.fingers(page, [(x + 90, y)], [(x + 40, y)], [(x, y)], [(x - 30, y)])
        assert viewer.slice() > 60, "a swipe to the left goes on"
        self.fingers(page, [(x - 30, y), (x + 30, y)], [(x - 60, y), (x + 60, y)], [(x - 90, y), (x + 90, y)])
        assert viewer.zoom() > 200
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
        self.fingers(page, [start], [(start[0] + 30, start[1])], [end])
        expect(viewer.list).to_have_count(count + 1)
        expect(viewer.list.last).to_contain_text("80.0 px")
        viewer.list.last.get_by_role("button", name="Remove").click()
        expect(viewer.list).to_have_count(count)

    def test_every_control_is_large_enough(self, phone: tuple[Page, Watch], served: machines.Brainscan) -> None:
        page, _ = phone
        opened(page, served, "volume")
        small = page.evaluate(
            """() => [...document.querySelectorAll('scan-viewer .tool')].filter(each => each.offsetParent)
                .map(each => [each.getAttribute('aria-label') ?? each.textContent, each.offsetWidth, each.offsetHeight])
                .filter(([, width, height]) => width < 44 || height < 44)"""
        )
        assert not small


class TestThreeD:
    @pytest.fixture(scope="class")
    def software_gl(self, browser_type_launch_args: dict[str, object], playwright: object) -> Iterator[Browser]:
        """Chromium with WebGL drawn by the processor."""
        browser = playwright.chromium.launch(
            executable_path=browser_type_launch_args["executable_path"],
            args=[
                *[flag for flag in FLAGS if flag != "--disable-gpu"],
                "--enable-unsafe-swiftshader",
                "--use-angle=swiftshader",
            ],
        )
        yield browser
        browser.close()

    def test_it_opens_draws_turns_and_closes(
        self, software_gl: Browser, served: machines.Brainscan, pictures: Path | None
    ) -> None:
        context = software_gl.new_context(viewport={"width": 700, "height": 500})
        watch = Watch(context)
        # Chromium's note that WebGL is drawn without a graphics card, and that a test reads its pixels.
        watch.expected = ("GPU stall", "GL Driver Message", "software WebGL")
        page = context.new_page()
        viewer = opened(page, served, "corner RAS")
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        viewer.click("3d")
        canvas = page.locator("[data-3d] canvas")
        expect(canvas).to_have_attribute("data-drawn", "yes", timeout=120_000)
        first = canvas.screenshot()
        if pictures is not None:
            (pictures / "viewer-3d.png").write_bytes(page.locator("[data-3d]").screenshot())
        page.get_by_role("button", name="Turn left").click()
        page.wait_for_timeout(3000)
        assert canvas.screenshot() != first
        assert len(set(first)) > 16, "the picture is not blank"
        assert all(url.startswith(served.address) for url in requests)
        page.locator("[data-3d]").get_by_role("button", name="Close").click()
        expect(page.locator("[data-3d]")).not_to_have_attribute("open", "")
        before = viewer.slice()
        viewer.focus()
        viewer.press("j")
        assert viewer.slice() == before + 1
        context.close()
        assert not watch.unexpected(), "\n".join(watch.unexpected())

    def test_a_lost_context_says_so_and_disturbs_nothing(
        self, software_gl: Browser, served: machines.Brainscan
    ) -> None:
        context = software_gl.new_context(viewport={"width": 700, "height": 500})
        page = context.new_page()
        viewer = opened(page, served, "corner RAS")
        viewer.click("3d")
        canvas = page.locator("[data-3d] canvas")
        expect(canvas).to_have_attribute("data-drawn", "yes", timeout=120_000)
        canvas.evaluate("canvas => canvas.getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()")
        expect(page.locator("[data-3d] .said")).to_contain_text("The browser has taken the 3-D picture away")
        page.locator("[data-3d]").get_by_role("button", name="Close").click()
        viewer.focus()
        viewer.press("End")
        assert viewer.slice() == corners.SLICES
        context.close()

    def test_without_webgl_it_says_so_and_disturbs_nothing(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        page.add_init_script(
            "const own = HTMLCanvasElement.prototype.getContext;"
            "HTMLCanvasElement.prototype.getContext = function (kind, ...more) { return /webgl/.test(kind) ? null : own.call(this, kind, ...more); };"
        )
        viewer = opened(page, served, "corner RAS")
        viewer.click("3d")
        expect(page.locator("[data-3d] .said")).to_contain_text("3-D needs WebGL 2, which this browser does not offer")
        page.keyboard.press("Escape")
        viewer.focus()
        viewer.press("End")
        assert viewer.slice() == corners.SLICES

    def test_nothing_of_it_is_loaded_before_somebody_asks(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        opened(page, served, "corner RAS")
        assert not [url for url in requests if "niivue" in url]


class TestAccess:
    @pytest.mark.parametrize("width", [1440, 390])
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_no_violation_with_everything_open(
        self, browser: Browser, served: machines.Brainscan, pictures: Path | None, width: int, theme: str
    ) -> None:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
        page = context.new_page()
        viewer = opened(page, served, "volume")
        viewer.click("three")
        viewer.click("tool:area")
        for state in ("three planes", "help"):
            if state == "help":
                viewer.click("help")
            if pictures is not None:
                page.screenshot(path=pictures / f"viewer-{state.replace(' ', '-')}-{theme}-{width}.png")
            violations = Axe().run(page, context="scan-viewer").response["violations"]
            assert not violations, [(each["id"], each["nodes"][0]["html"][:120]) for each in violations]
        context.close()


class TestSpeed:
    """Generous bounds, because a test's machine may be busy; docs/performance.md has what a quiet one measured."""

    def test_usable_soon_and_quick_from_then_on(
        self, page: Page, watch: Watch, served: machines.Brainscan, record_property: Callable[[str, object], None]
    ) -> None:
        sign_in(page, served)
        page.set_viewport_size({"width": 1440, "height": 1000})
        page.add_init_script(
            """addEventListener('DOMContentLoaded', () => new MutationObserver((_, self) => {
                if (!document.querySelector('scan-viewer.is-live')) return;
                self.disconnect();
                requestAnimationFrame(() => requestAnimationFrame(() => { window.usableAfter = performance.now(); }));
            }).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: ['class'] }));"""
        )
        page.goto(f"{served.address}/scans/{served.seeded['volume']['scan']}/?slice=60")
        Viewer(page, served).until("window.usableAfter")
        told: dict[str, float] = page.evaluate(
            """async () => {
                const viewer = document.querySelector('scan-viewer');
                const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
                const median = values => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
                const time = async act => {
                    const taken = [];
                    for (let at = 0; at < 25; at += 1) {
                        await frame();
                        const start = performance.now();
                        act(at);
                        await frame();
                        taken.push(performance.now() - start);
                    }
                    return median(taken);
                };
                const [low, high] = viewer.window;
                const first = performance.getEntriesByType('resource').find(each => each.name.includes('image.png'));
                const one = { scroll: await time(() => viewer.step(1)),
                              window: await time(at => viewer.setWindow([low, high - (at + 1) * (high - low) / 60])) };
                viewer.showThree();
                const three = { scrollThree: await time(() => viewer.step(-1)),
                                windowThree: await time(at => viewer.setWindow([low, high - at * (high - low) / 70])) };
                return { usable: window.usableAfter, picture: first.responseEnd, pictureBytes: first.encodedBodySize, ...one, ...three };
            }"""
        )
        for name, value in told.items():
            record_property(f"viewer {name}", round(value, 1))
        assert told["usable"] < 20_000, told
        assert told["picture"] < told["usable"]
        assert told["pictureBytes"] < 150_000
        for name in ("scroll", "window", "scrollThree", "windowThree"):
            assert told[name] < 400, told


class TestLoading:
    def test_the_first_picture_comes_before_the_voxels_and_stays_if_they_never_come(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        watch.expected = ("503", "Failed to load resource")
        page.route("**/voxels?*", lambda route: route.fulfill(status=503))
        sign_in(page, served)
        page.goto(f"{served.address}/scans/{served.seeded['volume']['scan']}/")
        expect(page.locator("svg.plain image")).to_be_visible()
        expect(page.locator("[data-hint]")).to_have_text("The voxels could not be loaded. Load the page again.")
        expect(page.locator("svg.plain image")).to_be_visible()
        expect(page.locator("[data-act=mask]")).to_be_hidden()
        page.locator(".slices a[href='?slice=3']").click()
        expect(page.locator("[data-where]")).to_have_text("Slice 3 of 150")

    def test_voxels_that_are_cut_short_are_not_shown_as_black(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        page.route("**/voxels?*", lambda route: route.fulfill(body=b"\0" * 1000))
        sign_in(page, served)
        page.goto(f"{served.address}/scans/{served.seeded['volume']['scan']}/")
        expect(page.locator("[data-hint]")).to_have_text("The voxels did not arrive whole. Load the page again.")
        expect(page.locator("svg.plain image")).to_be_visible()
