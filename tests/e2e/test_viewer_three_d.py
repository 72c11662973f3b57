"""3-D in a real browser: only when asked for, and no harm where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.e2e import machines
from tests.e2e.conftest import FLAGS, Watch
from tests.e2e.viewing import opened
from tests.viewer import corners


class TestThreeD:
    @pytest.fixture(scope="class")
    def software_gl(self, browser_type_launch_args: dict[str, object], playwright: Playwright) -> Iterator[Browser]:
        """Chromium with WebGL drawn by the processor."""
        browser = playwright.chromium.launch(
            executable_path=str(browser_type_launch_args["executable_path"]),
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
        viewer.click("more")
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
        viewer.click("more")
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

    @pytest.mark.parametrize("flag", ["--disable-3d-apis", "--disable-webgl2"])
    def test_without_webgl_it_says_so_and_reading_is_as_quick_as_ever(
        self, browser_type_launch_args: dict[str, object], playwright: Playwright, served: machines.Brainscan, flag: str
    ) -> None:
        """As on a hospital's thin client, or where an administrator has switched it off."""
        browser = playwright.chromium.launch(
            executable_path=str(browser_type_launch_args["executable_path"]), args=[*FLAGS, flag]
        )
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        watch = Watch(context)
        page = context.new_page()
        viewer = opened(page, served, "corner RAS")
        assert page.evaluate("document.createElement('canvas').getContext('webgl2')") is None
        viewer.click("three")
        for plane in ("axial", "coronal", "sagittal"):
            assert len(viewer.letters(plane)) == 4
        viewer.click("3d")
        expect(page.locator("[data-3d] .said")).to_contain_text("3-D needs WebGL 2, which this browser does not offer")
        page.keyboard.press("Escape")
        viewer.focus()
        viewer.press("End")
        assert viewer.slice() == corners.SLICES
        browser.close()
        assert not watch.unexpected(), "\n".join(watch.unexpected())

    def test_nothing_of_it_is_loaded_before_somebody_asks(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        opened(page, served, "corner RAS")
        assert not [url for url in requests if "niivue" in url]
