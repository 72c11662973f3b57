"""What the viewer's tests do in the browser: open a scan, look at pixels, press at places of the slice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e import machines
from tests.e2e.conftest import sign_in

VIEWER = "document.querySelector('scan-viewer')"

# When the voxels stood on the screen: two frames after the viewer came alive.
USABLE = """addEventListener('DOMContentLoaded', () => new MutationObserver((_, self) => {
    if (!document.querySelector('scan-viewer.is-live')) return;
    self.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => { window.usableAfter = performance.now(); }));
}).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: ['class'] }));"""
# From the moment the browser got an event until the frame that it led to was painted: a message that is posted in a
# frame's callback arrives once that frame is out. `handed` is the part of it before the page heard of the event: the
# browser's own, and for a wheel a whole frame longer than for a pointer, on an empty page too.
WAITS = """kind => {
    window.waits = [];
    window.handed = [];
    window.stopWaiting?.abort();
    window.stopWaiting = new AbortController();
    addEventListener(kind, event => window.handed.push(performance.now() - event.timeStamp) && requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.waits.push(performance.now() - event.timeStamp);
        port2.postMessage(0);
    }), { capture: true, passive: true, signal: window.stopWaiting.signal });
}"""


class Viewer:
    """An open scan's viewer."""

    def __init__(self, page: Page, served: machines.Brainscan) -> None:
        self.page, self.served = page, served
        self.stage = page.locator("[data-stage]")
        self.list = page.locator("[data-list] li")
        self.hint = page.locator("[data-hint]")
        self.announced = page.locator("[data-announce]")

    def open(self, name: str, query: str = "") -> Viewer:
        """Open a seeded scan and wait until its voxels are there."""
        self.page.goto(f"{self.served.address}/scans/{self.served.seeded[name]['scan']}/{query}")
        return self.ready()

    def visit(self, name: str) -> None:
        """Sign in and open a seeded scan, whatever becomes of it."""
        sign_in(self.page, self.served)
        self.page.goto(f"{self.served.address}/scans/{self.served.seeded[name]['scan']}/")

    def ready(self) -> Viewer:
        expect(self.page.locator("scan-viewer.is-live")).to_be_attached(timeout=60_000)
        expect(self.page.locator("[data-hint]")).to_have_text("")
        # Places on the slice are pressed by the mouse, so the whole stage has to be on the screen.
        self.page.evaluate("document.querySelector('[data-stage]').scrollIntoView({ block: 'center' })")
        self.drawn()
        return self

    def drawn(self) -> None:
        """Wait for the next two frames."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def until(self, expression: str, seconds: float = 60.0) -> Any:
        """Wait until an expression is true in the page; Playwright's own way is forbidden by the page's policy."""
        for _ in range(int(seconds / 0.1)):
            if value := self.page.evaluate(expression):
                return value
            self.page.wait_for_timeout(100)
        raise AssertionError(f"never true: {expression}")

    def focus(self) -> None:
        self.stage.focus()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.drawn()

    def act(self, what: str) -> Locator:
        return self.page.locator(f'[data-act="{what}"]')

    def click(self, what: str) -> None:
        self.act(what).click()
        self.drawn()

    def pane(self, plane: str) -> Locator:
        return self.page.locator(f"plane-view[data-plane={plane}]")

    @property
    def shown(self) -> Locator:
        """The plane in hand."""
        return self.page.locator("plane-view.is-active")

    def slice(self) -> int:
        return int(self.shown.get_attribute("data-slice") or 0)

    def window(self) -> tuple[float, float]:
        low, high = (self.page.locator("scan-viewer").get_attribute("data-values") or "").split(",")
        return float(low), float(high)

    def zoom(self) -> int:
        return int((self.page.locator("[data-zoom]").text_content() or "").removesuffix("%"))

    def screen(self, x: float, y: float) -> tuple[float, float]:
        """Where a place on the slice (voxels) lies on the page."""
        at: dict[str, float] = self.page.evaluate(
            f"""([x, y]) => {{
                const pane = {VIEWER}.pane, box = pane.getBoundingClientRect(), at = pane.toScreen(x, y);
                return {{ x: box.left + at.x, y: box.top + at.y }};
            }}""",
            [x, y],
        )
        return at["x"], at["y"]

    def drag(self, start: tuple[float, float], *through: tuple[float, float], button: Any = "left") -> None:
        """Drag over places of the slice."""
        self.page.mouse.move(*self.screen(*start))
        self.page.mouse.down(button=button)
        for place in through:
            self.page.mouse.move(*self.screen(*place), steps=4)
        self.page.mouse.up(button=button)
        self.drawn()

    def slide(self, slider: str, share: float) -> None:
        """Drag a slider's thumb to a share of its length."""
        place = self.page.locator(slider)
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        assert box
        low, high, value = (float(place.evaluate(f"input => input.{name}")) for name in ("min", "max", "value"))
        thumb = 16  # css: its middle runs from half its width to half its width before the end
        at = [box["x"] + thumb / 2 + part * (box["width"] - thumb) for part in ((value - low) / (high - low), share)]
        self.page.mouse.move(at[0], box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(at[1], box["y"] + box["height"] / 2, steps=5)
        self.page.mouse.up()
        self.drawn()

    def go(self, number: int) -> None:
        """To a slice, by the link of the strip."""
        self.page.locator(f".slices a[href='?slice={number}']").click()
        self.drawn()

    def fingers(self, *steps: list[tuple[float, float]]) -> None:
        """Put fingers down at the first places, move them through the others, lift them: the browser's own touch events."""
        session = self.page.context.new_cdp_session(self.page)
        for at, places in enumerate(steps):
            points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
            session.send(
                "Input.dispatchTouchEvent", {"type": "touchMove" if at else "touchStart", "touchPoints": points}
            )
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        self.page.wait_for_timeout(120)

    def tap(self, x: float, y: float) -> None:
        """Press at a place of the slice with the mouse."""
        self.page.mouse.click(*self.screen(x, y))
        self.drawn()

    def waits(self, kind: str, act: Callable[[int], object], times: int = 25) -> list[float]:
        """Milliseconds from real events to the painted frame, shortest first.

        `act` is called with 0, 1, ... and makes the browser send events of that kind (`wheel`, `pointermove`, `keydown`).
        """
        self.page.evaluate(WAITS, kind)
        for at in range(times):
            act(at)
            self.drawn()
        waits: list[float] = self.page.evaluate("window.waits")
        assert len(waits) >= times, f"{len(waits)} of {times} {kind} events came"
        return sorted(waits)

    def handed(self) -> list[float]:
        """Of the last `waits`: milliseconds until the browser handed the page the event, shortest first."""
        handed: list[float] = self.page.evaluate("window.handed")
        return sorted(handed)

    def brightest(self, plane: str) -> dict[str, float]:
        """The middle of the pixels that are nearly white in a plane, as shares of its picture's width and height;
        `ratio` is width by height of everything that is not black."""
        found: dict[str, float] = self.page.evaluate(
            """plane => {
                const pane = document.querySelector(`plane-view[data-plane=${plane}]`);
                const canvas = pane.querySelector('canvas');
                const { width, height } = canvas;
                const dense = width / pane.getBoundingClientRect().width;
                const start = pane.toScreen(0, 0), end = pane.toScreen(pane.plane.width, pane.plane.height);
                const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
                let [x, y, count, lit] = [0, 0, 0, [width, height, 0, 0]];
                for (let at = 0; at < data.length; at += 4) {
                    const px = (at / 4) % width, py = Math.floor(at / 4 / width);
                    if (data[at] > 20) lit = [Math.min(lit[0], px), Math.min(lit[1], py), Math.max(lit[2], px), Math.max(lit[3], py)];
                    if (data[at] > 240) { x += px; y += py; count += 1; }
                }
                return { count, x: (x / count / dense - start.x) / (end.x - start.x),
                         y: (y / count / dense - start.y) / (end.y - start.y),
                         ratio: (lit[2] - lit[0]) / (lit[3] - lit[1]) };
            }""",
            plane,
        )
        return found

    def colour(self, plane: str, x: float, y: float) -> list[int]:
        """Red, green and blue of the canvas at a place of a plane's picture, as shares of its width and height."""
        found: list[int] = self.page.evaluate(
            """([plane, x, y]) => {
                const pane = document.querySelector(`plane-view[data-plane=${plane}]`);
                const canvas = pane.querySelector('canvas');
                const dense = canvas.width / pane.getBoundingClientRect().width;
                const at = pane.toScreen(x * pane.plane.width, y * pane.plane.height);
                const one = new OffscreenCanvas(1, 1).getContext('2d');
                one.drawImage(canvas, -Math.floor(at.x * dense), -Math.floor(at.y * dense));
                return [...one.getImageData(0, 0, 1, 1).data].slice(0, 3);
            }""",
            [plane, x, y],
        )
        return found

    def letters(self, plane: str) -> dict[str, str]:
        return {
            str(each.get_attribute("data-edge")): str(each.text_content())
            for each in self.pane(plane).locator("[data-edge]").all()
        }


def opened(page: Page, served: machines.Brainscan, name: str, query: str = "") -> Viewer:
    """Signed in as the doctor, with a scan open."""
    if page.viewport_size and page.viewport_size["width"] > 1000:
        page.set_viewport_size({"width": 1440, "height": 1000})
    sign_in(page, served)
    return Viewer(page, served).open(name, query)


@dataclass(frozen=True)
class Speed:
    """What reading a volume takes, in milliseconds; lists hold one wait for each event, shortest first.

    `picture` and `usable` count from the moment the browser asks for the page: until the picture of the slice has arrived,
    and until the voxels stand on the screen with their tools. `wheel_handed` and `slider_handed` are what of `wheel` and
    `slider` passed before the page heard of the event. Each event is sent just after a frame: the longest wait for the next.
    """

    picture: float
    picture_bytes: int
    usable: float
    wheel: list[float]
    slider: list[float]
    window: list[float]
    wheel_of_three: list[float]
    window_of_three: list[float]
    wheel_handed: list[float]
    slider_handed: list[float]


def speed(page: Page, served: machines.Brainscan, name: str = "volume", times: int = 25) -> Speed:
    """Open a seeded volume and read in it with mouse and wheel, as a person does: real events, timed to the painted frame."""
    page.set_viewport_size({"width": 1440, "height": 1000})
    sign_in(page, served)
    page.add_init_script(USABLE)
    page.goto(f"{served.address}/scans/{served.seeded[name]['scan']}/?slice=20")
    viewer = Viewer(page, served)
    usable = float(viewer.until("window.usableAfter"))
    viewer.ready()
    first: dict[str, float] = page.evaluate(
        """() => { const { responseEnd, encodedBodySize } =
            performance.getEntriesByType('resource').find(each => each.name.includes('image.png'));
            return { responseEnd, encodedBodySize }; }"""
    )
    box = viewer.stage.bounding_box()
    assert box
    x, y = box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2

    def wheel(_: int) -> None:
        page.mouse.wheel(0, 120)

    def window() -> list[float]:
        page.mouse.move(x, y)
        page.mouse.down(button="right")
        waits = viewer.waits("pointermove", lambda at: page.mouse.move(x + 3 * at + 3, y + 2 * at), times)
        page.mouse.up(button="right")
        viewer.press("1")
        return waits

    page.mouse.move(x, y)
    before = viewer.slice()
    wheel_one = viewer.waits("wheel", wheel, times)
    wheel_handed = viewer.handed()
    assert viewer.slice() == before + times, "a notch is a slice"
    window_one = window()
    slider = page.locator("[data-slider]").bounding_box()
    assert slider
    along, middle = slider["x"] + slider["width"] / 3, slider["y"] + slider["height"] / 2
    page.mouse.move(along, middle)
    page.mouse.down()
    slider_one = viewer.waits("pointermove", lambda at: page.mouse.move(along + 8 * at + 8, middle), times)
    slider_handed = viewer.handed()
    page.mouse.up()
    viewer.focus()
    viewer.press("t", "Home")
    page.mouse.move(x, y)
    wheel_three = viewer.waits("wheel", wheel, times)
    return Speed(
        first["responseEnd"],
        int(first["encodedBodySize"]),
        usable,
        wheel_one,
        slider_one,
        window_one,
        wheel_three,
        window(),
        wheel_handed,
        slider_handed,
    )
