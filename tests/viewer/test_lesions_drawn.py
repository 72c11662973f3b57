"""What the viewer draws of lesions: their numbers as the list has them, and RANO's diameters where they were measured."""

from __future__ import annotations

import numpy as np
import pytest

from ml.imaging.volume import Orientation, Spacing, Volume
from tests.viewer.rendering import findings, rendered

SHAPE = (6, 40, 50)
SPACING = Spacing(5.0, 0.5, 0.8)
NAMES = tuple("abcdef")


def two_lesions() -> np.ndarray:
    """A large one on slices 1 to 3, low and to the right of the picture, and a small one on slice 4, high and to the left."""
    mask = np.zeros(SHAPE, bool)
    mask[1:4, 20:31, 25:46] = True
    mask[2, 18:33, 25:46] = True
    mask[4, 4:7, 3:8] = True
    return mask


def volume(orientation: Orientation | None, spacing: Spacing | None = SPACING) -> Volume:
    return Volume(
        np.random.default_rng(1).integers(0, 900, SHAPE).astype(np.int16)[..., None],
        "series",
        NAMES,
        spacing=spacing,
        orientation=orientation,
    )


def test_each_voxel_of_the_mask_says_which_lesion_it_belongs_to() -> None:
    mask = two_lesions()
    _, _, sent = rendered(volume(None), mask)
    assert np.array_equal(sent > 0, mask)
    assert set(sent[1:4][mask[1:4]]) == {1}, "the largest is the first of the list"
    assert set(sent[4][mask[4]]) == {2}


def test_more_lesions_than_a_byte_can_number_keep_their_outline() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[::2, ::4, ::5] = True
    _, _, sent = rendered(volume(None), mask)
    assert np.array_equal(sent > 0, mask)
    assert sent.max() == 255


@pytest.mark.parametrize("upwards", [True, False], ids=["stored upwards", "stored downwards"])
def test_diameters_lie_where_they_were_measured(upwards: bool) -> None:
    mask = two_lesions() if upwards else two_lesions()[::-1]
    head = volume(Orientation("S" if upwards else "I", "P", "L"))
    described, _, sent = rendered(head, mask)
    first, second = described["diameters"]
    assert (first["lesion"], second["lesion"]) == (1, 2)
    for each in (first, second):
        ends = np.array(each["ends"])
        assert len({tuple(end) for end in ends[:, 2:]}) == 1, "all four ends lie on one slice"
        x, y, z = ends.mean(axis=0).round().astype(int)
        assert sent[z, y, x] == each["lesion"], "between its ends lies the lesion"
        lengths = [np.hypot(*((ends[at] - ends[at + 1])[:2] * (0.8, 0.5))) for at in (0, 2)]
        assert lengths == pytest.approx(each["mm"], abs=0.02)
    assert first["ends"][0][2] == 2 if upwards else 3


def test_the_numbers_are_those_of_the_list() -> None:
    head = volume(Orientation("S", "P", "L"))
    described, _, _ = rendered(head, two_lesions())
    listed = findings(head, two_lesions()).lesions
    assert [each["mm"] for each in described["diameters"]] == [pytest.approx(each.diameters_mm) for each in listed]


def test_without_spacing_pixels_and_no_millimetres() -> None:
    described, _, _ = rendered(volume(None, spacing=None), two_lesions())
    assert [each["mm"] for each in described["diameters"]] == [None, None]
    assert all(min(each["px"]) > 1 for each in described["diameters"])


def test_slices_that_are_not_axial_have_no_diameters() -> None:
    described, _, _ = rendered(volume(Orientation("P", "I", "L")), two_lesions())
    assert described["diameters"] == []
