"""What the gate is fitted on: pictures as others might have made or exported them."""

from __future__ import annotations

import numpy as np
import pytest

from ml.training import drawn_bodies, gate, spoil
from tests import phantoms


@pytest.fixture
def body() -> np.ndarray:
    random = np.random.default_rng(4)
    return drawn_bodies.finish(drawn_bodies.trunk(random), random)


def test_a_body_in_other_shades_is_grey_and_keeps_its_air(body: np.ndarray) -> None:
    air = body.max(axis=2) < 4
    changed = 0
    for seed in range(12):
        other = gate.recontrast(body, np.random.default_rng(seed))
        assert other.dtype == np.uint8
        assert (other == other[..., :1]).all()
        if other.shape == body.shape:
            assert other[air].mean() < 25
            changed += bool(np.abs(other.astype(int) - body)[~air].mean() > 10)
    assert changed >= 4


def test_a_blank_picture_stays_as_it_is() -> None:
    blank = np.zeros((40, 50, 3), np.uint8)
    np.testing.assert_array_equal(gate.recontrast(blank, np.random.default_rng(1)), blank)


def test_a_kind_comes_as_it_is_first_then_in_copies(body: np.ndarray) -> None:
    random = np.random.default_rng(2)
    pictures = gate.others([body, body[:, ::-1]], 3, random, shades=True)
    assert pictures.shape == (8, 256, 256, 3)
    np.testing.assert_array_equal(pictures[:2], gate.prepare_all([body, body[:, ::-1]]))


def test_a_wider_rim_leaves_less_of_the_head() -> None:
    head = phantoms.slice_picture(size=256)[0][None, ..., None]
    left = [int(spoil.without_rim(head, share).sum()) for share in (1 / 24, 1 / 14, 1 / 9)]
    assert left == sorted(left, reverse=True)
    assert left[0] < 0.95 * spoil.without_rim(head, 0).sum()
    assert left[-1] > 0.3 * (head > 30).sum()
