"""Drawn scans of other parts, which the gate learns to refuse."""

import numpy as np
import pytest

from ml.training import drawn_bodies
from tests import phantoms


@pytest.mark.parametrize("kind", dict.fromkeys(drawn_bodies.KINDS), ids=lambda kind: kind.__name__)
def test_a_kind_is_drawn_differently_each_time(kind: drawn_bodies.Draw) -> None:
    random = np.random.default_rng(1)
    first, second = (drawn_bodies.finish(kind(random), random) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.shape == (drawn_bodies.SIDE, drawn_bodies.SIDE, 3)
    assert np.ptp(first) > 30
    assert np.abs(first.astype(int) - second).mean() > 2


def test_the_same_seed_draws_the_same() -> None:
    one, other = (drawn_bodies.generate(np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_misused_brains_are_pictures_that_differ_from_the_brain() -> None:
    brain = np.repeat(phantoms.slice_picture(size=256)[0][..., None], 3, axis=2)
    shapes = set()
    for seed in range(30):
        made = drawn_bodies.misused(brain, brain[:, ::-1], np.random.default_rng(seed))
        assert made.dtype == np.uint8
        assert made.shape[2] == 3
        assert made.shape != brain.shape or np.abs(made.astype(int) - brain).mean() > 1
        shapes.add(made.shape)
    assert len(shapes) > 3
