"""The smallest detectable change: from repeated volumes, as a ratio, and only for the version it was measured on."""

import json

import numpy as np
import pytest

from ml import change
from ml.change import SmallestChange, smallest_change, within_patients
from ml.evaluation.repeatability import scanned_again
from ml.findings import Compartment


def test_it_is_the_repeatability_coefficient_of_the_volumes_logarithm():
    assert within_patients([[100, 121], [200, 200]]) == pytest.approx(np.log(1.21) / 2, abs=1e-9)
    limits = SmallestChange(0.1, 14, "Measured.")
    assert limits.shrinks_below == pytest.approx(100 * (np.exp(-0.27718) - 1), abs=0.01)
    assert limits.grows_above == pytest.approx(100 * (np.exp(0.27718) - 1), abs=0.01)


def test_ninety_five_of_a_hundred_repeats_differ_by_less():
    random = np.random.default_rng(0)
    truth = random.lognormal(3, 1, 4000)
    first, second = truth * random.lognormal(0, 0.15, 4000), truth * random.lognormal(0, 0.15, 4000)
    limits = SmallestChange(within_patients(np.stack([first, second], 1).tolist()), 4000, "Drawn.")
    exceeded = np.mean([limits.exceeded_by(100 * (b / a - 1)) for a, b in zip(first, second, strict=True)])
    assert exceeded == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize("volumes", [[], [[5.0]], [[5.0, 0.0]]])
def test_nothing_is_measured_on_nobody(volumes):
    with pytest.raises(ValueError, match=r"patient|nobody"):
        within_patients(volumes)


def test_another_version_or_kind_of_outline_has_none(tmp_path):
    numbers = {
        "model_version": "1.1",
        "method": "m",
        "compartments": {"flair_abnormality": {"within": 0.1, "patients": 9}},
    }
    (tmp_path / change.FILE).write_text(json.dumps(numbers))
    assert smallest_change("1.1", Compartment.FLAIR_ABNORMALITY, tmp_path) == SmallestChange(0.1, 9, "m")
    assert smallest_change("1.0", Compartment.FLAIR_ABNORMALITY, tmp_path) is None
    assert smallest_change("1.1", Compartment.CONTRAST_ENHANCING_TUMOUR, tmp_path) is None
    (tmp_path / change.FILE).write_text("{")
    assert smallest_change("1.1", Compartment.FLAIR_ABNORMALITY, tmp_path) is None


def test_a_head_scanned_again_is_the_same_head_in_another_place():
    rows, columns = np.mgrid[:64, :64]
    head = np.where((rows - 32) ** 2 + (columns - 32) ** 2 < 500, 120, 0).astype(np.uint8)
    voxels = np.repeat(np.repeat(head[None, :, :, None], 6, axis=0), 3, axis=3)
    again = scanned_again(voxels, np.random.default_rng(3))
    assert (again.shape, again.dtype) == (voxels.shape, voxels.dtype)
    assert not np.array_equal(again, voxels)
    assert (again > 60).sum() == pytest.approx((voxels > 60).sum(), rel=0.1)
