"""Sizes of any small outline agree with counting and trying all, whichever way the pixels lie and whatever their shape."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from ml.diameters import diameters
from ml.imaging.outlines import outline
from ml.imaging.volume import Orientation, Placement, Spacing, Volume
from ml.measure import lesions, of_volume

PIXELS = st.tuples(st.sampled_from([0.4, 0.75, 1.0]), st.sampled_from([0.5, 1.0, 1.6]))
OUTLINES = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))).filter(np.any)
VOLUMES = arrays(bool, st.tuples(st.integers(1, 4), st.integers(2, 7), st.integers(2, 7))).filter(np.any)
checked = settings(max_examples=80, deadline=None)


def known(value: Any) -> Any:
    """A measure that these volumes always have."""
    assert value is not None
    return value


def middles(inside: np.ndarray, pixel: tuple[float, float]) -> np.ndarray:
    """The middles of all pixel edges between inside and outside, in mm: where every outline passes through."""
    padded = np.pad(inside, 1)
    found = []
    for axis in (0, 1):
        crossed = np.argwhere(np.diff(padded.astype(int), axis=axis)) - 1.0
        crossed[:, axis] += 0.5
        found.append(crossed)
    return np.concatenate(found) * pixel


@checked
@given(OUTLINES, PIXELS)
def test_no_two_points_are_further_apart_than_the_longest(inside, pixel):
    points = middles(inside, pixel)
    furthest = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)).max()
    assert diameters(inside, *pixel).longest == pytest.approx(furthest)


@checked
@given(OUTLINES, PIXELS)
def test_no_line_at_right_angles_is_longer_than_the_perpendicular(inside, pixel):
    corners = ndimage.convolve(np.pad(inside, 1).astype(int), [[1, -1], [-1, 1]], mode="constant")
    assume(
        not np.isin(corners, (-2, 2)).any()
    )  # pixels that only touch by a corner are joined, which `outline` does not do
    found = diameters(inside, *pixel)
    start, end = (np.array(each) * pixel for each in found.ends[:2])
    along = (end - start) / found.longest
    turned = np.stack([along, [-along[1], along[0]]], axis=1)
    # `outline` counts x, y from pixel corners; here whole numbers are middles, as (row, column).
    lines = [np.array(polygon)[:, ::-1] - 0.5 for polygon in outline(inside)]
    stops = np.concatenate([(polygon * pixel @ turned)[:, 0] for polygon in lines])
    widest = 0.0
    for stop in stops:
        crossings = []
        for polygon in lines:
            ends = polygon * pixel @ turned
            for one, other in zip(ends, np.roll(ends, -1, axis=0), strict=True):
                low, high = sorted((one[0], other[0]))
                if low - 1e-9 <= stop <= high + 1e-9:
                    if high - low < 1e-9:
                        crossings += [one[1], other[1]]
                    else:
                        crossings.append(one[1] + (stop - one[0]) / (other[0] - one[0]) * (other[1] - one[1]))
        widest = max(widest, max(crossings) - min(crossings))
    assert found.perpendicular == pytest.approx(widest, abs=1e-6)


@checked
@given(OUTLINES, PIXELS)
@example(np.array([[1, 0], [0, 0], [1, 0], [0, 0], [0, 0], [0, 0], [1, 0], [0, 0], [0, 1]], bool), (0.4, 1.6))
def test_turning_the_picture_over_changes_no_length(inside, pixel):
    found = diameters(inside, *pixel)
    for other, sizes in ((inside[::-1], pixel), (inside[:, ::-1], pixel), (inside.T, pixel[::-1])):
        turned = diameters(other, *sizes)
        assert turned.longest == pytest.approx(found.longest)
        # Of several equally long diameters any may be taken, and each has its own line at right angles.
        if _only_one_longest(inside, pixel, found.longest):
            assert turned.perpendicular == pytest.approx(found.perpendicular)


def _only_one_longest(inside: np.ndarray, pixel: tuple[float, float], longest: float) -> bool:
    points = middles(inside, pixel)
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    return int(np.count_nonzero(apart > longest - 1e-6)) == 2


@checked
@given(VOLUMES, PIXELS, st.sampled_from([0.9, 3.0, 6.5]))
def test_volumes_extents_and_centroids_are_those_of_the_counted_voxels(mask, pixel, between):
    found = lesions(mask, Spacing(between, *pixel))
    voxel = between * pixel[0] * pixel[1] / 1000
    assert sum(known(lesion.volume_ml) for lesion in found.lesions) == pytest.approx(np.count_nonzero(mask) * voxel)
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    assert len(found.lesions) == count
    expected = []
    for number in range(1, count + 1):
        places = np.argwhere(labels == number)
        extent = (places.max(axis=0) - places.min(axis=0) + 1) * (between, *pixel)
        expected.append((len(places) * voxel, *extent, *places.mean(axis=0)))
    measured = [
        (known(lesion.volume_ml), *known(lesion.extent_mm), *known(lesion.centroid_px)) for lesion in found.lesions
    ]
    assert sorted(map(tuple, np.round(measured, 6).tolist())) == sorted(map(tuple, np.round(expected, 6).tolist()))


@checked
@given(VOLUMES)
def test_a_file_stored_the_other_way_round_has_the_same_centroids_in_the_patient(mask):
    """The same head with its columns from left to right: the affine turns over with the voxels."""

    def centroids(inside: np.ndarray, first: float, step: float, side: Literal["L", "R"]) -> np.ndarray:
        places = Placement(tuple((first, -7.0, 4.0 * index) for index in range(len(inside))), (0, 0.8, 0), (step, 0, 0))
        volume = Volume(
            np.zeros((*inside.shape, 1), np.uint8), "series", ("slice",) * len(inside),
            spacing=Spacing(4.0, 0.8, 0.6), orientation=Orientation("S", "P", side), placement=places,
        )  # fmt: skip
        found = of_volume(inside, volume).lesions
        return np.array(sorted(tuple(np.round(known(lesion.centroid_lps_mm), 6) + 0.0) for lesion in found))

    columns = mask.shape[2]
    usual = centroids(mask, -50.0, 0.6, "L")
    assert centroids(mask[:, :, ::-1], -50.0 + 0.6 * (columns - 1), -0.6, "R") == pytest.approx(usual)
