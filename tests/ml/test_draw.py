"""Which slices a batch is drawn from: shares of sets, planes, and heads without a tumour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.training import cache, recipe, segmenter
from ml.training.datasets import Case
from ml.training.planes import recut
from ml.training.recipe import Mix
from ml.training.sequences import teaches_flair

PATIENT = Case("lgg", "TCGA_XX_0000_20000101", (Path("1.tif"),), (Path("1_mask.tif"),))
CUT = recut([PATIENT])[0]
FLAIR = Case("brisc", "brisc2025_train_02615_no_ax_t1", (Path("1.webp"),), (None,), "no", "ax")
T1 = Case("brisc", "brisc2025_train_02900_no_ax_t1", (Path("2.webp"),), (None,), "no", "ax")
SICK = Case("brisc", "brisc2025_train_00012_gl_ax_t1", (Path("3.webp"),), (Path("3.png"),), "gl", "ax")


def slices(*found: tuple[Case, bool]) -> cache.Slices:
    """One blank slice a case, with a tumour or without."""
    count = len(found)
    return cache.Slices(
        tuple(case for case, _ in found),
        np.zeros((count, 8, 8, 3), np.uint8),
        np.zeros((count, 8, 8), np.uint8),
        np.arange(count),
        np.array([tumour for _, tumour in found]),
        np.ones((count, 3), np.float32),
    )


def shares(of: cache.Slices, mix: Mix, batches: int = 300) -> np.ndarray:
    drawn = recipe.draw(of, mix, 10, np.random.default_rng(1))
    places = np.concatenate([next(drawn) for _ in range(batches)])
    return np.bincount(places, minlength=len(of.case)) / len(places)


def test_a_cut_in_another_plane_is_drawn_as_often_as_asked() -> None:
    both = slices((PATIENT, True), (CUT, True))
    assert shares(both, Mix(lgg=1, sick={"lgg": 1.0})) == pytest.approx([2 / 3, 1 / 3], abs=0.03)
    assert shares(both, Mix(lgg=1, sick={"lgg": 1.0}, recut=1.0)) == pytest.approx([0.5, 0.5], abs=0.03)


def test_flair_without_a_tumour_stands_beside_lggs_tumour_free_slices() -> None:
    of = slices((PATIENT, True), (PATIENT, False), (FLAIR, False))
    mix = Mix(lgg=0.45, sick={"lgg": 0.6, "brisc": 0.9}, kinds={"no": 3.0})
    assert shares(of, mix) == pytest.approx([0.6, 0.1, 0.3], abs=0.03)


def test_it_teaches_the_outline_of_flair_and_t1_does_not() -> None:
    assert [teaches_flair(case) for case in (PATIENT, CUT, FLAIR, T1, SICK)] == [True, True, True, False, False]
    of = slices((PATIENT, True), (CUT, False), (FLAIR, False), (T1, False), (SICK, True))
    *_, flair = segmenter.recipe(segmenter.MIX).inputs(of, np.arange(5), np.random.default_rng(1))
    assert flair.tolist() == [True, True, True, False, False]
