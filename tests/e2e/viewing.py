"""What the viewer's tests do in the browser: open a scan, look at pixels, press at places of the slice."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e import machines
from tests.e2e.conftest import sign_in

VIEWER = "document.querySelector('scan-viewer')"


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

    def tap(self, x: float, y: float) -> None:
        """Press at a place of the slice with the mouse."""
        self.page.mouse.click(*self.screen(x, y))
        self.drawn()

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
