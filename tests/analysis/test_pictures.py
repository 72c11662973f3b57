"""What is shown: grey slices in a sensible window, upright, and outlines that run along the mask."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from detection.analysis.pictures import display, most_telling, of_findings, of_slices
from ml.findings import Verdict
from ml.imaging.outlines import dashes, outline
from ml.imaging.volume import Volume
from tests.analysis.stand_in import NOTHING, TUMOUR, answer, volume_of


def coloured(seed: int = 0) -> Volume:
    voxels = np.random.default_rng(seed).integers(0, 200, (1, 48, 40, 3)).astype(np.uint8)
    return Volume(voxels=voxels, kind="image", sources=("a.png",))


def area(polygon: list[list[float]]) -> float:
    x, y = np.array(polygon).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


class TestDisplay:
    def test_sixteen_bits_are_windowed_over_the_whole_volume(self) -> None:
        ramp = np.linspace(0, 4000, 3 * 32 * 32).reshape(3, 32, 32, 1).astype(np.uint16)
        shown = display(Volume(voxels=ramp, kind="series", sources=("a", "b", "c")), refused=False)
        assert (shown.shape, shown.dtype) == ((3, 32, 32), np.uint8)
        assert shown[0].mean() < shown[1].mean() < shown[2].mean()
        assert shown.max() == 255

    def test_of_three_sequences_flair_is_shown_in_grey(self) -> None:
        volume = coloured()
        other = volume.voxels.copy()
        other[..., [0, 2]] = 0
        only_flair = Volume(voxels=other, kind="image", sources=("a.png",))
        assert np.array_equal(display(volume, refused=False), display(only_flair, refused=False))
        assert display(volume, refused=False).ndim == 3

    def test_a_refused_photograph_keeps_its_colours(self) -> None:
        volume = coloured()
        assert np.array_equal(display(volume, refused=True), volume.voxels)

    def test_the_list_shows_the_slice_with_the_largest_outline(self) -> None:
        volume = volume_of(TUMOUR, slices=5)
        voxels = volume.voxels.copy()
        voxels[3] = TUMOUR
        larger = Volume(voxels=voxels, kind="series", sources=volume.sources)
        assert most_telling(answer(larger, TUMOUR)) == 3

    def test_every_slice_has_its_pictures_and_the_scan_one(self) -> None:
        volume = volume_of(NOTHING, slices=2)
        shown = display(volume, refused=False)
        names = [name for name, _ in (*of_slices(shown), *of_findings(shown, answer(volume, NOTHING)))]
        assert sorted(names) == sorted(
            [f"{index}-{kind}.png" for index in (0, 1) for kind in ("image", "mask", "thumbnail")]
            + ["thumbnail.png", "thumbnail-outlined.png"]
        )

    @pytest.mark.parametrize("verdict", [Verdict.TUMOUR, Verdict.UNCERTAIN])
    def test_what_is_in_doubt_is_drawn_as_a_broken_line(self, verdict: Verdict) -> None:
        volume = volume_of(TUMOUR, slices=5)
        sure = answer(volume, TUMOUR)
        findings = replace(
            sure, verdict=verdict, reason="Two looks disagree." if verdict is Verdict.UNCERTAIN else None
        )
        drawn = dict(of_findings(display(volume, refused=False), findings))["thumbnail-outlined.png"]
        with Image.open(io.BytesIO(drawn)) as picture:
            orange = np.asarray(picture)[..., 0].astype(int) - np.asarray(picture)[..., 2] > 100
        _, pieces = ndimage.label(orange, np.ones((3, 3)))
        assert pieces == 1 if verdict is Verdict.TUMOUR else pieces >= 4


class TestDashes:
    @pytest.mark.parametrize(("side", "count"), [(90.0, 40), (10.0, 4), (0.5, 2)])
    def test_whole_ones_go_round_and_cover_their_share(self, side: float, count: int) -> None:
        square = [[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]]
        lines = dashes(square, 6, 3)
        assert len(lines) == count
        length = sum(float(np.hypot(*np.diff(line, axis=0).T).sum()) for line in lines)
        assert length == pytest.approx(4 * side * 2 / 3)
        assert lines[0][0] == [0.0, 0.0]

    def test_they_pass_corners_along_the_line(self) -> None:
        square = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]
        assert [10.0, 0.0] in dashes(square, 15, 5)[0]


class TestOutline:
    def test_nothing_for_an_empty_mask(self) -> None:
        assert outline(np.zeros((5, 5), np.uint8)) == []

    def test_one_pixel(self) -> None:
        mask = np.zeros((4, 4), np.uint8)
        mask[1, 2] = 255
        assert outline(mask) == [[[2.5, 1.0], [3.0, 1.5], [2.5, 2.0], [2.0, 1.5]]]

    def test_pixels_that_touch_by_a_corner_stay_apart(self) -> None:
        mask = np.eye(3, dtype=np.uint8)
        assert len(outline(mask)) == 3

    def test_a_hole_runs_the_other_way(self) -> None:
        mask = np.ones((6, 6), np.uint8)
        mask[2:4, 2:4] = 0
        outer, hole = sorted(outline(mask), key=area, reverse=True)
        assert area(outer) > 0 > area(hole)

    @pytest.mark.parametrize("radius", [3, 10, 60])
    def test_its_area_is_the_masks(self, radius: int) -> None:
        y, x = np.mgrid[:160, :130]
        mask = (x - 60) ** 2 + (y - 80) ** 2 <= radius**2
        (polygon,) = outline(mask)
        assert area(polygon) == pytest.approx(mask.sum(), abs=1 + radius / 2)

    def test_it_reaches_the_edge_of_the_picture(self) -> None:
        (polygon,) = outline(np.ones((3, 7), np.uint8))
        assert np.array(polygon).max(axis=0).tolist() == [7.0, 3.0]
