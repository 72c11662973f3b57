"""The AI's marks in a real browser: outline, numbers, diameters, heat map; each can be taken away."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import Viewer, opened

NEAR = 12
"""Screen pixels: a mark that is drawn at a place lies no further from it."""


class TestOutline:
    def test_opacity_and_away(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume")
        marks = viewer.shown.locator("[data-marks] path.mk")
        expect(marks).to_have_count(1)
        shown = viewer.shown.screenshot()
        viewer.slide("[data-opacity]:visible", 0.9)
        assert viewer.shown.screenshot() != shown
        viewer.click("mask")
        expect(marks).to_have_count(0)
        expect(viewer.announced).to_have_text("Outline off")
        expect(viewer.act("heat")).to_be_hidden()
        expect(page.locator("[data-legend]")).to_be_hidden()

    def test_it_is_cut_in_every_plane(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "volume")
        viewer.click("three")
        for plane in ("axial", "coronal", "sagittal"):
            expect(viewer.pane(plane).locator("[data-marks] path.mk")).to_have_count(1)
            expect(viewer.pane(plane).locator("[data-lesion]")).to_have_text("1")


class TestLesions:
    """The scan `two` has two lesions: one on slices 6 to 9, low and left on the picture, and one on 4 and 5."""

    def test_a_click_on_a_lesion_of_the_list_goes_to_its_slice(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "two", "?slice=1")
        expect(viewer.shown.locator("[data-lesion]")).to_have_count(0)
        for number in ("2", "1"):
            link = page.locator("table.lesions a", has_text=re.compile(f"^{number}$"))
            if not link.is_visible():
                page.get_by_text("1 smaller lesion,").click()
            slice_number = int(re.search(r"slice=(\d+)", link.get_attribute("href") or "")[1])
            link.click()
            viewer.drawn()
            assert viewer.slice() == slice_number
            expect(viewer.shown.locator("[data-lesion]")).to_have_text(number)

    def test_the_number_stands_at_its_outline(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "two", "?slice=7")
        outline = viewer.shown.locator("[data-marks] path.mk").bounding_box()
        number = viewer.shown.locator("[data-lesion]").bounding_box()
        assert outline
        assert number
        assert outline["x"] - 2 * NEAR < number["x"] < outline["x"] + outline["width"] / 2
        assert outline["y"] - 2 * NEAR < number["y"] < outline["y"] + outline["height"] / 2

    def test_both_diameters_on_their_slice_in_millimetres_as_the_list_has_them(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "two")
        cell = page.locator("table.lesions tbody tr").first.locator("td[data-l=Diameters]")
        sizes, where = re.match(r"([\d.]+ × [\d.]+)\smm.*slice (\d+)", (cell.text_content() or "").strip()).groups()
        viewer.go(int(where))
        drawn = viewer.shown.locator("[data-diameters='1']")
        expect(drawn.locator("path.dia")).to_have_count(2)
        assert [f"{size} mm" for size in sizes.split(" × ")] == drawn.locator("text").all_text_contents()
        box, outline = drawn.locator("path.dia").first.bounding_box(), viewer.shown.locator("path.mk").bounding_box()
        assert box
        assert outline
        assert box["x"] >= outline["x"] - NEAR
        assert box["x"] + box["width"] <= outline["x"] + outline["width"] + NEAR
        viewer.go(int(where) - 1 or 2)
        expect(viewer.shown.locator("[data-diameters='1']")).to_have_count(0)

    def test_a_small_lesion_has_its_number_and_once_it_is_selected_its_diameters(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "small")
        page.get_by_text("1 smaller lesion,").click()
        link = page.get_by_role("link", name="Lesion 2, show slice")
        cell = page.locator("tr", has=link).locator("td[data-l=Diameters]").text_content() or ""
        number = int(re.search(r"on slice (\d+)", cell)[1])
        drawn = viewer.shown.locator("[data-diameters='2']")
        viewer.go(number)
        expect(viewer.shown.locator("[data-lesion='2']")).to_have_count(1)
        expect(drawn).to_have_count(0)
        link.click()
        viewer.go(number)
        expect(drawn.locator("path.dia")).to_have_count(2)
        expect(viewer.shown.locator("[data-lesion='2']")).to_have_class("lesion on")
        expect(link).to_have_attribute("aria-current", "true")
        x, y = page.evaluate(
            """() => { const { pane, volume } = document.querySelector('scan-viewer');
                const [a, b] = volume.geometry.diameters.find(each => each.lesion === 2).ends.map(end => pane.plane.at(end));
                return [(a.x + b.x) / 2, (a.y + b.y) / 2]; }"""
        )
        viewer.ready().tap(3, 3)
        expect(drawn).to_have_count(0)
        expect(link).not_to_have_attribute("aria-current", "true")
        expect(viewer.announced).to_have_text("No lesion selected")
        viewer.tap(x, y)
        expect(drawn).to_have_count(1)
        expect(link).to_have_attribute("aria-current", "true")
        viewer.drag((x, y), (x + 20, y), button="right")
        expect(drawn).to_have_count(1)
        viewer.click("reset")
        expect(drawn).to_have_count(0)

    def test_an_area_of_one_picture_is_selected_from_the_list(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "tumour")
        address = page.url
        page.get_by_role("link", name="Area 1, show it").click()
        viewer.drawn()
        expect(viewer.shown.locator("[data-lesion='1']")).to_have_class("lesion on")
        assert page.url == address

    def test_they_stay_on_the_lesion_when_the_picture_is_zoomed_and_moved(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "two")
        line = viewer.shown.locator("path.dia").first
        before = line.bounding_box()
        viewer.click("in")
        after = line.bounding_box()
        assert before
        assert after
        long = [max(box["width"], box["height"]) for box in (before, after)]
        assert long[1] == pytest.approx(long[0] * 1.25, rel=0.05)

    def test_diameters_can_be_taken_away_alone_and_with_all_marks(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "two")
        drawn, outline = viewer.shown.locator("[data-diameters]"), viewer.shown.locator("path.mk")
        expect(viewer.act("sizes")).to_have_attribute("aria-pressed", "true")
        viewer.click("sizes")
        expect(drawn).to_have_count(0)
        expect(outline).to_have_count(1)
        viewer.focus()
        viewer.press("m")
        expect(drawn).to_have_count(1)
        viewer.press("o")
        expect(drawn).to_have_count(0)
        expect(viewer.shown.locator("[data-lesion]")).to_have_count(0)
        expect(viewer.act("sizes")).to_have_attribute("aria-pressed", "false")
        viewer.press("m")
        expect(drawn).to_have_count(1)
        expect(viewer.act("mask")).to_have_attribute("aria-pressed", "true")
        viewer.click("plane:coronal")
        expect(viewer.shown.locator("[data-diameters]")).to_have_count(0)

    def test_without_spacing_they_are_in_pixels_and_never_in_millimetres(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "tumour")
        texts = viewer.shown.locator("[data-diameters] text").all_text_contents()
        assert len(texts) == 2
        assert all(re.fullmatch(r"\d+ px", text) for text in texts)
        assert "mm" not in (viewer.stage.text_content() or "")

    def test_without_a_lesion_there_is_no_control(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "corner LPS")
        expect(viewer.act("sizes")).to_be_hidden()


class TestHeatMap:
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
        expect(page.locator("[data-legend]")).to_contain_text("Where the classifier looked")
        expect(page.locator("[data-legend]")).to_contain_text("is no finding")
        viewer.slide("[data-heat-opacity]", 1)
        assert viewer.shown.screenshot() != half
        viewer.click("heat")
        assert viewer.shown.screenshot() == bare
        expect(page.locator("[data-legend]")).to_be_hidden()

    def test_low_levels_are_seen_on_the_grey_and_more_is_always_lighter(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        """Most of a real map lies under a fifth of its strongest place; the seeded one begins there (column 140)."""
        viewer = opened(page, served, "uneven")
        viewer.click("mask")
        viewer.until("document.querySelector('scan-viewer').volume.heat !== null")
        viewer.click("heat")
        low = viewer.colour("axial", 141.5 / 256, 100 / 256)
        assert max(low) - min(low) >= 45, f"{low} is nearly grey"
        light: list[float] = page.evaluate(
            """() => { const scale = document.querySelector('[data-scale]');
                const { data } = scale.getContext('2d').getImageData(0, 0, scale.width, 1);
                return Array.from({ length: scale.width }, (_, at) => data[4 * at + 3] / 255 *
                    (0.2126 * data[4 * at] + 0.7152 * data[4 * at + 1] + 0.0722 * data[4 * at + 2])); }"""
        )
        assert all(after >= before for before, after in itertools.pairwise(light)), light
        assert light[0] == 0

    @pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
    def test_it_lies_on_the_same_place_in_every_plane(
        self, page: Page, watch: Watch, served: machines.Brainscan, plane: str
    ) -> None:
        """The marked corner is what the classifier looked at: there the grey becomes yellow, elsewhere it stays."""
        viewer = opened(page, served, "corner RAS")
        viewer.click(f"plane:{plane}")
        viewer.focus()
        viewer.press("End")
        bright = viewer.brightest(plane)
        viewer.until("document.querySelector('scan-viewer').volume.heat !== null")
        viewer.click("heat")
        viewer.slide("[data-heat-opacity]", 1)
        assert viewer.colour(plane, bright["x"], bright["y"])[2] < 100, "yellow has little blue"
        grey = viewer.colour(plane, 1 - bright["x"], 1 - bright["y"])
        assert max(grey) - min(grey) <= 2

    def test_one_that_does_not_come_disturbs_nothing(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        watch.expected = ("503", "Failed to load resource")
        page.route("**/heat-voxels?*", lambda route: route.fulfill(status=503))
        viewer = Viewer(page, served)
        viewer.visit("corner RAS")
        expect(viewer.hint).to_have_text("The heat map could not be loaded. Reading goes on without it.")
        expect(viewer.act("heat")).to_be_hidden()
        viewer.focus()
        viewer.press("h", "End")
        expect(page.locator("[data-legend]")).to_be_hidden()


@pytest.fixture(scope="module")
def reserved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[machines.Brainscan]:
    """An installation that shows the picture first."""
    home = tmp_path_factory.mktemp("reserved") / "home"
    with machines.brainscan(home, ready="/healthz", seeded=True, BRAINSCAN_OVERLAY_FIRST="off") as running:
        yield running


class TestPictureFirst:
    """With BRAINSCAN_OVERLAY_FIRST=off the picture comes without the AI's marks, until somebody asks."""

    def test_no_mark_at_first_and_all_of_them_when_asked_for(
        self, browser: Browser, reserved: machines.Brainscan
    ) -> None:
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        watch = Watch(context)
        viewer = opened(context.new_page(), reserved, "two")
        marks = viewer.page.locator("path.mk, [data-lesion], [data-diameters]")
        expect(marks).to_have_count(0)
        bare = viewer.shown.screenshot()
        viewer.focus()
        viewer.press("j", "k")
        expect(marks).to_have_count(0)
        viewer.click("mask")
        expect(marks).to_have_count(3)
        assert viewer.shown.screenshot() != bare
        viewer.click("reset")
        expect(marks).to_have_count(0)
        context.close()
        assert not watch.unexpected(), "\n".join(watch.unexpected())
