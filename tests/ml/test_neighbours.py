"""In a series a slice's outline is its neighbours' too, the more the nearer they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ml.segment import REACH_MM, smoothed
from ml.series_rule import USUAL_MM


def among(*given: float | None, between: float | None = USUAL_MM) -> list[float | None]:
    """Slices with the same probability everywhere, None where nothing is outlined: what becomes of them."""
    outlines = [(n, np.full((256, 256), level, np.float32)) for n, level in enumerate(given) if level is not None]
    found = dict(smoothed(outlines, len(given), between))
    return [round(float(found[n][0, 0]), 3) if n in found else None for n in range(len(given))]


def test_what_goes_on_in_the_neighbours_stays() -> None:
    assert among(0.9, 0.9, 0.9) == [0.9, 0.9, 0.9]


def test_a_hole_between_two_sure_slices_is_filled() -> None:
    assert (among(0.9, 0.4, 0.9)[1] or 0) > 0.6


def test_a_spot_on_one_slice_becomes_less_sure_but_a_sure_one_stays_above_any_cut_off_that_is_used() -> None:
    beside, spot, _ = among(0.0, 0.95, 0.0)
    assert spot is not None
    assert beside is not None
    assert 0.55 < spot < 0.6
    assert beside < 0.3


def test_a_lone_picture_stays_as_it_is() -> None:
    assert among(0.7) == [0.7]


def test_a_slice_where_nothing_was_outlined_speaks_against_its_neighbours_and_stays_empty() -> None:
    assert among(None, 0.6, None) == [None, among(0.0, 0.6, 0.0)[1], None]


def test_the_first_slice_has_one_neighbour() -> None:
    weight = np.exp(-((USUAL_MM / REACH_MM) ** 2) / 2)
    assert among(0.6, 0.0)[0] == pytest.approx(0.6 / (1 + weight), abs=1e-3)


def test_distant_slices_do_not_touch_each_other() -> None:
    assert among(0.0, 0.9, 0.0, between=20.0) == [0.0, 0.9, 0.0]


def test_thin_slices_are_nearly_one() -> None:
    assert among(0.9, 0.3, 0.9, between=0.5)[1] == pytest.approx(0.7, abs=0.01)


def test_an_unknown_distance_is_the_usual_one() -> None:
    assert among(0.9, 0.1, 0.5, between=None) == among(0.9, 0.1, 0.5, between=USUAL_MM)


def test_only_three_outlines_are_held_at_a_time() -> None:
    drawn: list[int] = []

    def outlines() -> Iterator[tuple[int, np.ndarray]]:
        for number in range(20):
            drawn.append(number)
            yield number, np.zeros((256, 256), np.float32)

    for number, _ in smoothed(outlines(), 20, USUAL_MM):
        assert len(drawn) <= number + 2
