"""Sides in a real browser: letters where the file knows them, a sentence where it does not."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import Viewer, opened
from tests.viewer import corners

EDGES = {"left": ("x", 0.35, -1), "right": ("x", 0.65, 1), "top": ("y", 0.35, -1), "bottom": ("y", 0.65, 1)}


def towards(viewer: Viewer, plane: str) -> set[str]:
    """The (first) letters of the edges that the bright corner lies nearest to."""
    bright, at_edges = viewer.brightest(plane), viewer.letters(plane)
    return {at_edges[edge][0] for edge, (axis, limit, sign) in EDGES.items() if (bright[axis] - limit) * sign > 0}


def letters(viewer: Viewer) -> dict[str, dict[str, str]]:
    """The letters at the edges of each plane, shown one after the other."""
    found = {}
    for plane in ("axial", "coronal", "sagittal"):
        viewer.click(f"plane:{plane}")
        found[plane] = viewer.letters(plane)
    return found


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
            assert len(viewer.letters(plane)) == 4, "every edge has its letter"

    def test_radiological_convention(self, page: Page, watch: Watch, served: machines.Brainscan) -> None:
        viewer = opened(page, served, "corner RAS")
        assert letters(viewer) == {
            "axial": {"left": "R", "right": "L", "top": "A", "bottom": "P"},
            "coronal": {"left": "R", "right": "L", "top": "S", "bottom": "I"},
            "sagittal": {"left": "A", "right": "P", "top": "S", "bottom": "I"},
        }

    def test_oblique_slices_carry_every_side_of_an_edge_and_say_how_far_they_are_tilted(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "corner tilted")
        expect(page.locator("[data-why]")).to_have_text(
            "Oblique: the slices lie 20° off axial. All planes follow the slices as acquired; nothing is resampled."
        )
        assert letters(viewer) == {
            "axial": {"left": "R", "right": "L", "top": "AS", "bottom": "PI"},
            "coronal": {"left": "R", "right": "L", "top": "SP", "bottom": "IA"},
            "sagittal": {"left": "AS", "right": "PI", "top": "SP", "bottom": "IA"},
        }

    def test_letters_are_on_every_plane_when_there_are_three_and_none_is_cut_off(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "corner tilted")
        viewer.click("three")
        for plane in ("axial", "coronal", "sagittal"):
            assert len(viewer.letters(plane)) == 4
            around = viewer.pane(plane).bounding_box()
            assert around
            for letter in viewer.pane(plane).locator("[data-edge]").all():
                box = letter.bounding_box()
                assert box
                assert around["x"] <= box["x"]
                assert box["x"] + box["width"] <= around["x"] + around["width"]

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

    def test_a_picture_says_that_nothing_is_known_of_its_sides_and_its_scale(
        self, page: Page, watch: Watch, served: machines.Brainscan
    ) -> None:
        viewer = opened(page, served, "tumour")
        expect(viewer.stage).to_contain_text("Orientation unknown. No R or L is shown.")
        expect(viewer.stage).to_contain_text("No scale in this file")
        assert viewer.letters("acquired") == {}
        expect(viewer.shown.locator(".bar")).to_have_count(0)
        expect(page.locator("[data-planes]")).to_be_hidden()
        expect(page.locator("[data-why]")).to_be_hidden()
