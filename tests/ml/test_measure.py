"""Lesions are connected outlines in three dimensions, largest first, in mm only where known."""

from typing import Any

import numpy as np
import pytest

from ml.findings import Findings, Mask, SliceFinding, Verdict, to_json
from ml.imaging.volume import Spacing, Volume
from ml.measure import lesions


@pytest.fixture
def mask():
    mask = np.zeros((4, 40, 50), bool)
    mask[0, 3:6, 4:9] = True
    mask[1, 5:7, 9:11] = True  # touches the first by a corner
    mask[3, 20:30, 20:30] = True
    return mask


def test_what_touches_is_one_lesion_and_the_largest_is_first(mask):
    found = lesions(mask, None).lesions
    assert [(lesion.slices, lesion.area_px) for lesion in found] == [((3, 3), 100), ((0, 1), 19)]
    assert found[1].extent_px == (2, 4, 7)
    assert found[1].largest_slice == 0


def test_sizes_follow_the_spacing(mask):
    sizes = lesions(mask, Spacing(5.0, 0.5, 0.4))
    assert sizes.volume_ml == pytest.approx(119 * 5.0 * 0.5 * 0.4 / 1000)
    assert sizes.area_mm2 == pytest.approx((15 * 0.2, 4 * 0.2, 0, 100 * 0.2))
    assert sizes.lesions[0].extent_mm == pytest.approx((5.0, 5.0, 4.0))


def test_unknown_spacing_gives_no_number(mask):
    sizes = lesions(mask, None)
    assert sizes.volume_ml is None
    assert sizes.area_mm2 is None
    assert lesions(mask, Spacing(None, 0.5, 0.4)).volume_ml is None


def test_nothing_outlined_is_nothing_not_unknown():
    sizes = lesions(np.zeros((2, 8, 8), bool), Spacing(5.0, 1.0, 1.0))
    assert sizes.lesions == ()
    assert sizes.volume_ml == 0.0


def test_a_refusal_has_a_reason_and_no_number():
    volume = Volume(np.zeros((2, 8, 8, 1), np.uint8), "series", ("a", "b"))
    scan = to_json(Findings.refused(volume, "This is not a head."), input="x", volume=volume)
    assert (scan["verdict"], scan["reason"], scan["tumour_probability"]) == ("refused", "This is not a head.", None)
    assert [each["area_px"] for each in scan["slices"]] == [0, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "because"},
        {"tumour_probability": 1.2},
        {"tumour_probability": None},
        {"compartment": "flair_abnormality"},
        {"verdict": Verdict.UNCERTAIN},
        {"slices": ()},
    ],
)
def test_findings_that_contradict_themselves_cannot_be_made(wrong):
    right: dict[str, Any] = {
        "kind": "image", "verdict": Verdict.NO_TUMOUR, "reason": None, "tumour_probability": 0.1, "compartment": None,
        "tumour_volume_ml": None, "lesions": (),
        "slices": (SliceFinding(0, "a", 0.1, Verdict.NO_TUMOUR, Mask.empty(4, 4)),),
    }  # fmt: skip
    Findings(**right)
    with pytest.raises(ValueError):  # noqa: PT011 - any sentence
        Findings(**(right | wrong))
