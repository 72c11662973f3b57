"""In a series a slice's outline is its neighbours' too, the more the nearer they are."""

from __future__ import annotations

import numpy as np
import pytest

from ml.segment import REACH_MM, smooth
from ml.series_rule import USUAL_MM


def outlines(*levels: float | None) -> list[np.ndarray | None]:
    """A slice each, the same probability everywhere; None where nothing was outlined."""
    return [None if level is None else np.full((256, 256), level, np.float32) for level in levels]


def levels(smoothed: list[np.ndarray | None]) -> list[float | None]:
    return [None if each is None else round(float(each[0, 0]), 3) for each in smoothed]


def smoothed(*given: float | None, between: float | None = USUAL_MM) -> list[float | None]:
    slices = outlines(*given)
    smooth(slices, between)
    return levels(slices)


def test_what_goes_on_in_the_neighbours_stays() -> None:
    assert smoothed(0.9, 0.9, 0.9) == [0.9, 0.9, 0.9]


def test_a_hole_between_two_sure_slices_is_filled() -> None:
    assert (smoothed(0.9, 0.4, 0.9)[1] or 0) > 0.6


def test_a_spot_on_one_slice_becomes_less_sure_but_a_sure_one_stays_above_any_cut_off_that_is_used() -> None:
    beside, spot, _ = smoothed(0.0, 0.95, 0.0)
    assert spot is not None
    assert beside is not None
    assert 0.55 < spot < 0.6
    assert beside < 0.3


def test_a_lone_picture_stays_as_it_is() -> None:
    assert smoothed(0.7) == [0.7]


def test_a_slice_where_nothing_was_outlined_speaks_against_its_neighbours_and_stays_empty() -> None:
    assert smoothed(None, 0.6, None) == [None, smoothed(0.0, 0.6, 0.0)[1], None]


def test_the_first_slice_has_one_neighbour() -> None:
    weight = np.exp(-((USUAL_MM / REACH_MM) ** 2) / 2)
    assert smoothed(0.6, 0.0)[0] == pytest.approx(0.6 / (1 + weight), abs=1e-3)


def test_distant_slices_do_not_touch_each_other() -> None:
    assert smoothed(0.0, 0.9, 0.0, between=20.0) == [0.0, 0.9, 0.0]


def test_thin_slices_are_nearly_one() -> None:
    assert smoothed(0.9, 0.3, 0.9, between=0.5)[1] == pytest.approx(0.7, abs=0.01)


def test_an_unknown_distance_is_the_usual_one() -> None:
    assert smoothed(0.9, 0.1, 0.5, between=None) == smoothed(0.9, 0.1, 0.5, between=USUAL_MM)
