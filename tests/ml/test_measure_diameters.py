"""RANO's two diameters: right on shapes whose diameters are known, in millimetres only where they are known."""

import time

import numpy as np
import pytest

from ml.diameters import diameters
from ml.imaging.volume import Orientation, Spacing
from ml.measure import lesions

AXIAL = Orientation("S", "P", "L")


def ellipse(long, short, degrees, row=1.0, column=1.0, *, side=120.0):
    """An ellipse of two diameters in mm, turned, drawn with pixels of any shape: (rows, columns) bool."""
    rows, columns = np.mgrid[: round(side / row), : round(side / column)].astype(float)
    rows, columns = (rows + 0.5) * row - side / 2, (columns + 0.5) * column - side / 2
    turn = np.deg2rad(degrees)
    along = rows * np.cos(turn) + columns * np.sin(turn)
    across = -rows * np.sin(turn) + columns * np.cos(turn)
    return (2 * along / long) ** 2 + (2 * across / short) ** 2 <= 1


@pytest.mark.parametrize("degrees", [0, 17, 30, 45, 63, 90, 135])
@pytest.mark.parametrize("size", [(80, 50), (30, 12), (60, 55)])
def test_an_ellipse_has_its_own_diameters_however_it_lies(size, degrees):
    found = diameters(ellipse(size[0], size[1], degrees))
    assert found.longest == pytest.approx(size[0], abs=1.01)
    assert found.perpendicular == pytest.approx(size[1], abs=1.01)


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
@pytest.mark.parametrize("pixel", [(0.5, 1.6), (1.6, 0.5)])
def test_pixels_that_are_not_square_change_nothing_in_millimetres(pixel, degrees):
    found = diameters(ellipse(80, 50, degrees, pixel[0], pixel[1]), *pixel)
    assert found.longest == pytest.approx(80, abs=1.7)
    assert found.perpendicular == pytest.approx(50, abs=1.7)


def test_the_ends_are_where_the_lengths_say_and_stand_at_right_angles():
    pixel = np.array([0.5, 1.25])
    found = diameters(ellipse(60, 35, 25, pixel[0], pixel[1]), pixel[0], pixel[1])
    a, b, c, d = (np.array(end) * pixel for end in found.ends)
    assert np.hypot(*(b - a)) == pytest.approx(found.longest)
    assert np.hypot(*(d - c)) == pytest.approx(found.perpendicular)
    assert np.dot(b - a, d - c) == pytest.approx(0, abs=1e-6)


def test_no_two_points_of_the_outline_are_further_apart():
    random = np.random.default_rng(4)
    for _ in range(20):
        blob = random.random((12, 12)) > 0.6
        blob[5, 5] = True
        middles = np.concatenate([np.argwhere(blob) + step for step in ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5))])
        furthest = np.hypot(*(middles[:, None] - middles[None]).transpose(2, 0, 1)).max()
        assert diameters(blob).longest == pytest.approx(furthest)


def test_one_pixel_is_one_pixel_wide():
    found = diameters(np.ones((1, 1), bool), 0.5, 0.5)
    assert (found.longest, found.perpendicular) == pytest.approx((0.5, 0.5))


def test_a_line_of_pixels_is_one_pixel_wide():
    found = diameters(np.ones((1, 9), bool))
    assert (found.longest, found.perpendicular) == pytest.approx((9, 1))


def test_a_notch_is_crossed_but_a_missing_half_is_not_filled_in():
    horseshoe = np.ones((20, 40), bool)
    horseshoe[:14, 5:35] = False  # two legs, 5 wide, over a bar 6 high
    found = diameters(horseshoe)
    assert found.longest == pytest.approx(np.hypot(39, 20), abs=1)
    square = ellipse(60, 60, 0)
    square[60:] = False  # a half-disc: 60 by 30
    half = diameters(square)
    assert (half.longest, half.perpendicular) == pytest.approx((60, 30), abs=1.1)


def test_an_outline_at_the_border_is_measured_up_to_the_border():
    found = diameters(np.ones((30, 10), bool))
    assert found.longest == pytest.approx(np.hypot(30, 9))


def test_an_empty_outline_has_no_diameter():
    with pytest.raises(ValueError, match="nothing is outlined"):
        diameters(np.zeros((4, 4), bool))


def test_forty_slices_of_512_by_512_are_measured_in_seconds():
    mask = np.repeat(ellipse(480, 400, 20, side=512)[None], 40, axis=0)
    begun = time.perf_counter()
    (lesion,) = lesions(mask, Spacing(3.0, 0.5, 0.5), orientation=AXIAL).lesions
    assert lesion.diameters_mm == pytest.approx((240, 200), abs=1)
    assert time.perf_counter() - begun < 20


# ---------------------------------------------------------------- in a volume


def slab(*diameters_of_slices, spacing=1.0):
    """A lesion that is a disc of its own diameter (mm) on each slice, in the middle."""
    return np.stack([ellipse(size or 0.1, size or 0.1, 0, spacing, spacing) for size in diameters_of_slices])


def test_the_largest_slice_is_the_one_that_is_measured():
    (lesion,) = lesions(slab(8, 30, 24), Spacing(5.0, 1.0, 1.0), orientation=AXIAL).lesions
    assert lesion.diameter_slice == 1
    assert lesion.diameters_mm == pytest.approx((30, 30), abs=1)


@pytest.mark.parametrize(
    ("sizes", "measurable"),
    [((14, 14, 14), True), ((14, 14, 6), True), ((14, 6, 6), False), ((8, 8, 8), False), ((14, 0, 14), False)],
)
def test_measurable_is_ten_millimetres_both_ways_on_two_slices(sizes, measurable):
    found = lesions(slab(*sizes), Spacing(5.0, 1.0, 1.0), orientation=AXIAL).lesions
    assert {lesion.measurable for lesion in found} == {measurable}


@pytest.mark.parametrize(
    ("size", "between", "measurable"),
    [(12, 5.0, True), (12, 5.5, True), (10, 5.5, False), (14, 7.5, False), (17, 7.5, True), (30, None, None)],
)
def test_of_thick_slices_a_measurable_lesion_is_twice_as_long_as_they_lie_apart(size, between, measurable):
    (lesion,) = lesions(slab(size, size), Spacing(between, 1.0, 1.0), orientation=AXIAL).lesions
    assert lesion.diameters_mm is not None
    assert lesion.measurable is measurable


@pytest.mark.parametrize(("pixel", "measurable"), [(0.9994, True), (0.9940, False)])
def test_what_is_shown_as_ten_millimetres_counts_as_ten(pixel, measurable):
    mask = np.zeros((2, 20, 20), bool)
    mask[:, 8, 5:15] = mask[:, 5:15, 8] = True  # a cross whose arms are ten pixels long
    (lesion,) = lesions(mask, Spacing(5.0, pixel, pixel), orientation=AXIAL).lesions
    assert (min(round(side, 1) for side in lesion.diameters_mm) >= 10) is measurable
    assert lesion.measurable is measurable


def test_a_long_thin_lesion_is_not_measurable():
    mask = np.repeat(ellipse(60, 6, 30)[None], 3, axis=0)
    (lesion,) = lesions(mask, Spacing(5.0, 1.0, 1.0), orientation=AXIAL).lesions
    assert lesion.diameters_mm == pytest.approx((60, 6), abs=1.1)
    assert lesion.measurable is False


def test_two_prongs_on_one_slice_are_not_taken_for_one_diameter():
    mask = np.zeros((2, 60, 60), bool)
    mask[0, 5:55, 5:55] = True
    mask[1, 5:10, 5:10] = mask[1, 50:55, 50:55] = True
    (lesion,) = lesions(mask[1:] | mask[:1], None).lesions
    alone = lesions(np.stack([mask[1], mask[1]]), None).lesions
    assert lesion.diameters_px[0] > 60
    assert [found.diameters_px[0] < 8 for found in alone] == [True, True]


def test_without_spacing_there_are_pixels_and_no_millimetres():
    (lesion,) = lesions(slab(30, 30), None).lesions
    assert lesion.diameters_px == pytest.approx((30, 30), abs=1)
    assert (lesion.diameters_mm, lesion.measurable) == (None, None)


def test_where_nobody_knows_that_slices_are_axial_there_are_no_millimetres_either():
    (lesion,) = lesions(slab(30, 30), Spacing(5.0, 1.0, 1.0)).lesions
    assert lesion.diameters_px is not None
    assert (lesion.diameters_mm, lesion.measurable) == (None, None)


@pytest.mark.parametrize("other", [Orientation("P", "I", "L"), Orientation("L", "I", "P")])
def test_coronal_and_sagittal_slices_have_no_axial_diameters(other):
    (lesion,) = lesions(slab(30, 30), Spacing(5.0, 1.0, 1.0), orientation=other).lesions
    assert (lesion.diameters_px, lesion.diameter_slice, lesion.diameter_ends_px) == (None, None, None)


def test_a_single_slice_cannot_say_whether_a_lesion_is_measurable():
    (lesion,) = lesions(slab(30), Spacing(None, 1.0, 1.0), orientation=AXIAL).lesions
    assert lesion.diameters_mm == pytest.approx((30, 30), abs=1)
    assert lesion.measurable is None


def test_the_ends_lie_in_the_slice_and_not_in_the_lesions_box():
    mask = np.zeros((3, 50, 80), bool)
    mask[2, 40, 60:71] = True
    (lesion,) = lesions(mask, None).lesions
    assert lesion.diameter_slice == 2
    assert lesion.diameter_ends_px[:2] == ((40.0, 59.5), (40.0, 70.5)) or lesion.diameter_ends_px[:2] == (
        (40.0, 70.5),
        (40.0, 59.5),
    )
