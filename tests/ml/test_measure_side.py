"""Left and right are the patient's own, told only where the sides and the head's middle are known."""

import numpy as np
import pytest
from scipy import ndimage

from ml.findings import Side
from ml.imaging.volume import Orientation, Spacing, Volume
from ml.measure import of_volume
from ml.midline import midline

AXIAL = Orientation("S", "P", "L")


def head(turned=0.0, moved=0.0, slices=6):
    """A head like an egg, brighter than the air round it: (slices, 120, 128, 1) uint8."""
    rows, columns = np.mgrid[:120, :128].astype(float)
    rows, columns = rows - 60, columns - 64 - moved
    turn = np.deg2rad(turned)
    across, along = columns * np.cos(turn) + rows * np.sin(turn), rows * np.cos(turn) - columns * np.sin(turn)
    inside = (across / (38 + 0.08 * along)) ** 2 + (along / 50) ** 2 <= 1
    picture = np.where(inside, 150, 4).astype(np.uint8)
    noise = np.random.default_rng(1).integers(0, 8, (slices, 120, 128), np.uint8)
    return (picture + noise)[..., None]


def volume(voxels, orientation=AXIAL, spacing=None):
    return Volume(voxels, "series", tuple("abcdefghijkl"[: len(voxels)]), spacing=spacing, orientation=orientation)


def lesion_at(column, row=60, size=5, slices=6):
    mask = np.zeros((slices, 120, 128), bool)
    mask[2:4, row - size : row + size, column - size : column + size] = True
    return mask


def side(mask, *, voxels=None, **facts):
    (lesion,) = of_volume(mask, volume(head() if voxels is None else voxels, **facts)).lesions
    return lesion.side


def test_the_pictures_left_is_the_patients_right():
    assert side(lesion_at(40)) is Side.RIGHT
    assert side(lesion_at(88)) is Side.LEFT


def test_columns_that_run_the_other_way_swap_the_sides():
    assert side(lesion_at(40), orientation=Orientation("S", "P", "R")) is Side.LEFT


def test_a_lesion_across_the_middle_is_on_both_sides():
    assert side(lesion_at(66, size=12)) is Side.MIDLINE


def test_a_small_lesion_close_to_the_middle_is_not_given_to_a_side():
    assert side(lesion_at(65, size=1)) is Side.MIDLINE


@pytest.mark.parametrize(("moved", "column", "expected"), [(-22, 52, Side.LEFT), (22, 76, Side.RIGHT)])
def test_the_heads_middle_counts_and_not_the_pictures(moved, column, expected):
    assert side(lesion_at(column), voxels=head(moved=moved)) is expected


@pytest.mark.parametrize("turned", [-15, -8, 0, 8, 15])
def test_a_turned_head_has_a_turned_middle(turned):
    found = midline(volume(head(turned)))
    assert np.degrees(np.arcsin(found.normal[0])) == pytest.approx(turned, abs=1.0)
    assert found.distances(np.array(60), np.array(64)) == pytest.approx(0, abs=1.0)


def test_flat_pixels_do_not_bend_the_middle():
    squeezed = ndimage.zoom(head(12), (1, 0.5, 1, 1), order=1)
    found = midline(volume(squeezed, spacing=Spacing(5.0, 2.0, 1.0)))
    assert np.degrees(np.arcsin(found.normal[0])) == pytest.approx(12, abs=1.5)


def test_a_bright_lesion_does_not_pull_the_middle():
    bright = head().copy()
    bright[:, 40:80, 30:55] = 255
    assert midline(volume(bright)).distances(np.array(60), np.array(64)) == pytest.approx(0, abs=1.0)


@pytest.mark.parametrize(
    "facts",
    [
        {"orientation": None},
        {"orientation": Orientation("L", "I", "P")},
        {"voxels": head(moved=50)},  # the head leaves the picture
        {"voxels": np.random.default_rng(0).integers(0, 255, (6, 120, 128, 1), np.uint8)},
        {"voxels": np.zeros((6, 120, 128, 1), np.uint8)},
    ],
    ids=["sides unknown", "sagittal", "cut off", "noise", "blank"],
)
def test_where_the_sides_or_the_middle_are_not_known_no_side_is_told(facts):
    assert side(lesion_at(40), **facts) is None


def test_half_a_head_has_no_middle():
    half = head().copy()
    half[:, :, 60:] = 0
    assert side(lesion_at(40), voxels=half) is None


def test_the_centroid_is_told_from_the_first_voxel_in_the_volumes_own_axes():
    (lesion,) = of_volume(lesion_at(40), volume(head(), spacing=Spacing(5.0, 0.5, 0.25))).lesions
    assert lesion.centroid_px == pytest.approx((2.5, 59.5, 39.5))
    assert lesion.centroid_from_first_voxel_mm == pytest.approx((12.5, 29.75, 9.875))
    (flat,) = of_volume(lesion_at(40), volume(head(), spacing=Spacing(None, 0.5, 0.25))).lesions
    assert flat.centroid_from_first_voxel_mm[0] is None


def test_a_mask_of_another_volume_is_refused():
    with pytest.raises(ValueError, match="mask"):
        of_volume(lesion_at(40)[:4], volume(head()))
