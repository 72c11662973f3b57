"""A size's interval: low and high at two cut-offs, widened as far as patients needed."""

import math

import numpy as np
import pytest

from ml.interval import SizeInterval, counts
from ml.training import sizes
from ml.training.sizes import Sized


def interval(strict: float = 0.8, loose: float = 0.2, below: float = 0.1, above: float = 0.2) -> SizeInterval:
    return SizeInterval(strict, loose, below, above, level=0.9, covered=None)


class TestAnInterval:
    def test_doubtful_edges_make_it_wide(self) -> None:
        sharp, soft = interval().ratios(100, 98, 103), interval().ratios(100, 60, 180)
        assert soft[0] < sharp[0] < 1 < sharp[1] < soft[1]

    def test_the_outlined_size_always_lies_inside(self) -> None:
        assert interval(below=-1.0, above=-1.0).ratios(100, 90, 110) == (1.0, 1.0)

    def test_nothing_at_the_strict_cut_off_is_a_low_end_and_no_error(self) -> None:
        low, high = interval().ratios(100, 0, 100)
        assert 0 < low < 0.06
        assert high == pytest.approx(math.exp(0.2))

    def test_cut_offs_in_disorder_are_an_error(self) -> None:
        with pytest.raises(ValueError, match="in order"):
            interval(strict=0.2, loose=0.8)

    def test_pixels_are_counted_at_each_cut_off(self) -> None:
        assert counts(np.array([[0.1, 0.5], [0.9, 0.2]]), (0.5, 0.8, 0.2)) == (2, 1, 3)


class TestChoosing:
    def scans(self, patients: int, seed: int = 1) -> list[Sized]:
        random = np.random.default_rng(seed)
        truth = np.exp(random.normal(0, 0.3, patients)) * 1000
        return [Sized(number, 1000, 900, 1100, float(size)) for number, size in enumerate(truth)]

    def test_it_holds_the_truth_of_new_patients_about_as_often_as_it_says(self) -> None:
        chosen = sizes.choose(self.scans(3000))
        assert sizes.covered(chosen, self.scans(2000, seed=2))["covered"] == pytest.approx(0.9, abs=0.03)

    def test_with_few_patients_the_farthest_decides(self) -> None:
        few = self.scans(12)
        assert sizes.covered(sizes.choose(few), few)["covered"] == 1.0

    def test_a_patient_with_many_scans_weighs_as_one(self) -> None:
        others = self.scans(200)
        crowd = [Sized(999, 1000, 900, 1100, 50_000.0)] * 400
        assert sizes.choose(others + crowd).above == pytest.approx(sizes.choose(others).above, abs=0.1)

    def test_one_bad_slice_does_not_decide_for_all_lone_pictures(self) -> None:
        slices = [Sized(number % 14, 1000, 900, 1100, 1050.0) for number in range(14 * 30)]
        worst = Sized(0, 1000, 900, 1100, 90_000.0)
        assert sizes.choose([*slices, worst]).above < 0.1

    def test_scans_without_tumour_or_outline_have_no_size(self) -> None:
        outlines = np.zeros((3, 4, 4), np.float32)
        masks = np.zeros((3, 4, 4), np.uint8)
        outlines[0, 0, :2], masks[0, 0, :3] = 0.9, 255
        masks[1, 0, 0], outlines[2, 0, 0] = 255, 0.9
        found = sizes.sized(outlines, masks, np.arange(3), np.arange(3), 0.5)
        assert found == [Sized(0, 2, 2, 2, 3)]
