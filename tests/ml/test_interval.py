"""A size's interval: low and high at two cut-offs, widened as far as patients needed."""

import math

import numpy as np
import pytest

from ml import measure
from ml.imaging.volume import Spacing
from ml.interval import SizeInterval, counts, of_lesions
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


class TestOfSeveralLesions:
    """Three of 60, 8 and 1 pixels in a series of 1 ml voxels, true sizes between half and twice the outlined."""

    def intervals(self, lesions_covered: float | None, several: bool = True) -> list[tuple[float, float] | None]:
        mask = np.zeros((1, 20, 20), bool)
        mask[0, :6, :10] = True
        if several:
            mask[0, 10, :8] = mask[0, 15, 15] = True
        found = measure.lesions(mask, Spacing(10.0, 10.0, 10.0)).lesions
        size = SizeInterval(0.8, 0.2, 0.1, 0.2, 0.9, covered=0.75, lesions_covered=lesions_covered)
        return [lesion.volume_ml_interval for lesion in of_lesions(found, (0.5, 2.0), size)]

    def test_the_large_ones_have_the_ratios_of_the_whole(self) -> None:
        assert self.intervals(0.7) == [(30, 120), (4, 16), None]

    def test_none_has_any_where_nobody_measured_how_often_they_hold(self) -> None:
        assert self.intervals(None) == [None, None, None]

    def test_an_only_one_has_the_wholes(self) -> None:
        assert self.intervals(None, several=False) == [(30, 120)]


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
        assert found == [Sized(0, 2, 2, 2, 3, ((2, 3),))]


class TestSingleLesions:
    def scan(self) -> Sized:
        """Two lesions and a crumb are outlined; the second is nowhere in truth, the first is smaller there."""
        outlines, masks = np.zeros((2, 2, 32, 32), np.float32)
        outlines[:, 2:12, 2:12], masks[:, 2:12, 2:10] = 0.9, 1
        outlines[0, 20:25, 20:25] = outlines[0, 30, 30] = 0.9
        (found,) = sizes.sized(outlines, masks * 255, np.zeros(2), np.zeros(2), 0.5)
        return found

    def test_each_has_its_own_truth_and_crumbs_are_not_asked(self) -> None:
        assert self.scan().lesions == ((200, 160), (25, 0))

    def test_true_tissue_between_two_outlines_belongs_to_the_nearer_one(self) -> None:
        outlines, masks = np.zeros((2, 1, 8, 32), np.float32)
        outlines[0, 2:6, 2:10] = outlines[0, 2:6, 20:24] = 0.9
        masks[0, 2:6, 2:24] = 255
        (found,) = sizes.sized(outlines, masks, np.zeros(1), np.zeros(1), 0.5)
        assert [truth for _, truth in found.lesions] == [pytest.approx(13 * 4, abs=4), pytest.approx(9 * 4, abs=4)]
        assert sum(truth for _, truth in found.lesions) == 22 * 4

    def test_an_outline_of_nothing_is_a_miss(self) -> None:
        measured = sizes.covered(interval(below=0.5, above=0.5), [self.scan()])
        assert (measured["lesions"], measured["lesions_covered"]) == (2, 0.5)
