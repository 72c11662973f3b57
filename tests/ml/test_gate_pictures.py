"""What the gate is fitted on: pictures as others might have made or exported them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.gate import edges
from ml.training import cache, drawn_bodies, gate, spoil
from ml.training.datasets import Case
from ml.training.sequences import sequence_of
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


def test_black_beside_a_strong_and_a_faint_edge_has_finite_directions() -> None:
    random = np.random.default_rng(1)
    grey = np.zeros((20, 64, 64))
    grey[:, 16:40, 16:32] = random.random((20, 24, 16))
    grey[:, 16:40, 33] = random.random((20, 24)) * 1e-6
    assert np.isfinite(edges(grey, 8)).all()


def test_a_sequence_is_learnt_from_its_own_channel_only() -> None:
    images = np.zeros((6, 256, 256, 3), np.uint8)
    images[:, 40:200, 60:190] = (60, 120, 180)
    images[:2, ..., 2] = images[:2, ..., 1]  # FLAIR stands in for contrast T1
    case = Case("lgg", "patient", (Path("1.tif"),) * 6, (None,) * 6)
    slices = cache.Slices(
        (case,), images, np.zeros((6, 256, 256), np.uint8), np.zeros(6, int), np.zeros(6, bool), np.ones((6, 3))
    )
    random = np.random.default_rng(3)
    assert len(gate.one_sequence(slices, 1, 100, random)) == 6
    after = gate.one_sequence(slices, 2, 100, random)
    assert after.shape == (4, 256, 256, 3)
    assert (after == after[..., :1]).all()


def test_ends_of_series_come_alone_and_none_is_blank() -> None:
    images = np.zeros((20, 256, 256, 3), np.uint8)
    for number in range(20):
        images[number, 100:140, 100 : 120 + 4 * number] = 120  # wider, the higher the slice lies
        images[number, 110:120, 105:115] = 200
    images[0] = 0
    case = Case("lgg", "patient", (Path("1.tif"),) * 20, (None,) * 20)
    slices = cache.Slices(
        (case,), images, np.zeros((20, 256, 256), np.uint8), np.zeros(20, int), np.zeros(20, bool), np.ones((20, 3))
    )
    assert np.flatnonzero(gate._at_an_end(slices)).tolist() == [0, 1, 2, 17, 18, 19]
    pictures = gate.ends(slices, 8, np.random.default_rng(3))
    assert pictures.shape == (8, 256, 256, 3)
    assert all(np.ptp(picture) > 0 for picture in pictures)


class TestHeadsByCtThatASetCallsMri:
    """BRISC holds some; they are black here, the brains are not."""

    def slices(self) -> cache.Slices:
        names = ("brisc2025_train_02560_no_ax_t1", "brisc2025_train_00001_gl_ax_t1", "brisc2025_test_02560_no_ax_t1")
        cases = tuple(Case("brisc", name, (Path("1.webp"),), (None,), name[-8:-6], "ax") for name in names)
        images = np.zeros((3, 256, 256, 3), np.uint8)
        images[1:, 40:200, 60:190] = 120
        images[1:, 60:120, 80:120] = 200
        empty = np.zeros((3, 256, 256), np.uint8)
        return cache.Slices(cases, images, empty, np.arange(3), np.zeros(3, bool), np.ones((3, 3), np.float32))

    def test_they_are_not_among_the_brains(self) -> None:
        pictures = gate.brains(self.slices(), "brisc", 12, np.random.default_rng(5))
        assert len(pictures) == 12
        assert all(np.ptp(picture) > 0 for picture in pictures)


def brisc(number: int, kind: str, plane: str = "ax") -> Case:
    return Case("brisc", f"brisc2025_train_{number:05}_{kind}_{plane}_t1", (Path("1.webp"),), (None,), kind, plane)


def test_what_the_set_calls_t1_is_taken_for_what_it_shows() -> None:
    assert sequence_of(brisc(12, "gl")) == "t1"
    assert sequence_of(brisc(2900, "no")) == "t1"
    assert sequence_of(brisc(2615, "no")) == "flair"
    assert sequence_of(brisc(2693, "no")) is None, "a head by CT"
    assert sequence_of(brisc(2590, "no")) is None, "nobody said"
    assert sequence_of(Case("lgg", "patient", (), ())) is None, "three sequences in one picture"


def test_pictures_of_a_sequence_come_equally_often() -> None:
    cases = (brisc(2615, "no"), brisc(2546, "no"), brisc(12, "gl"), brisc(2590, "no"))
    images = np.stack([phantoms.slice_picture(size=256, seed=seed)[0] for seed in range(4)])
    slices = cache.Slices(
        cases,
        np.repeat(images[..., None], 3, 3),
        np.zeros((4, 256, 256), np.uint8),
        np.arange(4),
        np.zeros(4, bool),
        np.ones((4, 3)),
    )
    assert gate.named(slices, "flair", 6, np.random.default_rng(1)).shape == (6, 256, 256, 3)
    assert gate.named(slices, "t1", 3, np.random.default_rng(1)).shape == (3, 256, 256, 3)
    only_flair = cache.Slices(
        cases[:1], slices.images[:1], slices.masks[:1], np.zeros(1, int), slices.tumour[:1], slices.top[:1]
    )
    assert len(gate.named(only_flair, "t1", 5, np.random.default_rng(1))) == 0
