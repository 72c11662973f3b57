"""NIfTI's millimetres are the head's own, or they are not known: sheared slices, registrations, templates."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from ml.imaging import readers
from ml.imaging.readers.nifti import IMPLAUSIBLE, IN_TEMPLATE, SHEARED, STRETCHED, TWO_SIDES, TWO_SIZES
from ml.imaging.volume import Volume
from tests import phantoms
from tests.imaging.door import files_taken_in, volume_of

SCANNER, ALIGNED, TALAIRACH, MNI = 1, 2, 3, 4
HEAD = phantoms.volume(slices=10, size=64)[0]
RIGHT_FRONT_UP = np.ascontiguousarray(HEAD.transpose(2, 1, 0)[::-1, ::-1])


def written(
    folder: Path, sform: tuple[np.ndarray, int] | None, qform: tuple[np.ndarray, int] | None, voxel: tuple[float, ...]
) -> Volume:
    """A file with these forms and their codes, that states these voxel sizes."""
    image = nibabel.Nifti1Image(RIGHT_FRONT_UP, np.eye(4))
    image.set_qform(*qform or (None, 0))
    image.set_sform(*sform or (None, 0))
    image.header["pixdim"][1:4] = voxel
    image.header.set_xyzt_units("mm")
    nibabel.save(image, folder / "head.nii")
    return readers.read([folder / "head.nii"])


def scaled(x: float, y: float, z: float) -> np.ndarray:
    return np.diag([x, y, z, 1.0])


@pytest.mark.parametrize("degrees", [5, 20])
def test_a_voxel_of_shifted_slices_is_as_large_as_what_it_fills(degrees, tmp_path):
    affine = scaled(1, 1, 5)
    affine[1, 2] = 5 * np.tan(np.radians(degrees))
    spacing = written(tmp_path, (affine, SCANNER), None, (1, 1, 5)).spacing
    assert spacing is not None
    assert spacing.between_slices == pytest.approx(5.0)
    assert spacing.voxel_ml == pytest.approx(abs(np.linalg.det(affine[:3, :3])) / 1000)


def test_pixels_that_are_slanted_have_no_millimetres(tmp_path):
    affine = scaled(1, 1, 5)
    affine[0, 1] = 0.3
    volume = written(tmp_path, (affine, SCANNER), None, (1, 1, 5))
    assert volume.spacing is None
    assert SHEARED in volume.notes


@pytest.mark.parametrize("code", [ALIGNED, TALAIRACH, MNI])
def test_where_the_scanner_is_known_a_registration_scales_nothing(code, tmp_path):
    native = scaled(1, 1, 1)
    native[:3, 3] = -20, -30, -40
    volume = written(tmp_path, (scaled(1.2, 1.2, 1.2), code), (native, SCANNER), (1, 1, 1))
    assert volume.spacing is not None
    assert volume.spacing.voxel_ml == pytest.approx(0.001)
    assert volume.placement is not None
    assert volume.placement.slices[0][2] == pytest.approx(-40)
    assert not {STRETCHED, IN_TEMPLATE} & set(volume.notes)


def test_without_the_scanner_what_a_registration_scaled_is_not_known(tmp_path):
    volume = written(tmp_path, (scaled(1.2, 1.2, 1.2), MNI), None, (1, 1, 1))
    assert volume.spacing is None
    assert volume.placement is None
    assert STRETCHED in volume.notes
    assert volume.orientation is not None


@pytest.mark.parametrize("by", ["sform", "qform", "both"])
def test_millimetres_of_a_template_are_told_to_be_so(by, tmp_path):
    form = scaled(1, 1, 1), MNI
    volume = written(tmp_path, None if by == "qform" else form, None if by == "sform" else form, (1, 1, 1))
    assert volume.spacing is not None
    assert volume.notes.count(IN_TEMPLATE) == 1


@pytest.mark.parametrize("code", [SCANNER, ALIGNED])
def test_coordinates_that_scale_nothing_are_taken_as_they_are(code, tmp_path):
    volume = written(tmp_path, (scaled(0.9, 0.9, 5), code), (scaled(0.9, 0.9, 5), SCANNER), (0.9, 0.9, 5))
    assert volume.spacing is not None
    assert volume.spacing.voxel_ml == pytest.approx(0.00405)
    assert not {STRETCHED, IN_TEMPLATE} & set(volume.notes)


def test_the_mask_lies_on_the_voxels_whichever_form_was_taken(tmp_path):
    """The sform here turns the axes: read by one form and written by the other, the mask would lie elsewhere."""
    import gzip

    from ml.imaging.writers.nifti import like_nifti
    from tests.imaging.writers.geometry import PROVENANCE

    turned = np.array([[0, 1.2, 0, 0], [1.2, 0, 0, 0], [0, 0, -1.2, 0], [0, 0, 0, 1]], float)
    volume = written(tmp_path, (turned, MNI), (scaled(1, 1, 1), SCANNER), (1, 1, 1))
    assert np.array_equal(volume.voxels[..., 0], HEAD)
    mask = nibabel.Nifti1Image.from_bytes(gzip.decompress(like_nifti(tmp_path / "head.nii", HEAD > 120, PROVENANCE)))
    assert np.array_equal(np.asarray(mask.dataobj) > 0, RIGHT_FRONT_UP > 120)


@pytest.mark.parametrize("code", [SCANNER, ALIGNED, TALAIRACH, MNI])
def test_where_one_form_mirrors_the_other_sides_are_not_known(code, tmp_path):
    volume = written(tmp_path, (scaled(-1, 1, 5), code), (scaled(1, 1, 5), SCANNER), (1, 1, 5))
    assert (volume.orientation, volume.placement) == (None, None)
    assert volume.spacing is not None
    assert TWO_SIDES in volume.notes


def test_where_one_form_turns_the_head_over_sides_are_not_known(tmp_path):
    volume = written(tmp_path, (scaled(-1, -1, 5), SCANNER), (scaled(1, 1, 5), SCANNER), (1, 1, 5))
    assert volume.orientation is None
    assert TWO_SIDES in volume.notes


@pytest.mark.parametrize(("degrees", "code"), [(0.01, SCANNER), (3, SCANNER), (25, ALIGNED)])
def test_a_head_turned_straight_contradicts_nothing(degrees, code, tmp_path):
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    volume = written(tmp_path, (turn @ scaled(1.001, 1, 5), code), (scaled(1, 1, 5), SCANNER), (1, 1, 5))
    assert volume.orientation is not None
    assert volume.spacing is not None
    assert not {TWO_SIDES, TWO_SIZES} & set(volume.notes)


def test_two_sizes_of_voxels_are_no_millimetres(tmp_path):
    volume = written(tmp_path, (scaled(2, 2, 10), SCANNER), (scaled(1, 1, 5), SCANNER), (1, 1, 5))
    assert (volume.spacing, volume.placement) == (None, None)
    assert volume.orientation is not None
    assert TWO_SIZES in volume.notes


@pytest.mark.parametrize("stated", [5.0, 5.0 / np.cos(np.radians(20))])
def test_shifted_slices_may_state_their_distance_along_the_shift_or_across(stated, tmp_path):
    affine = scaled(1, 1, 5)
    affine[1, 2] = 5 * np.tan(np.radians(20))
    volume = written(tmp_path, (affine, SCANNER), (scaled(1, 1, stated), SCANNER), (1, 1, stated))
    assert volume.spacing is not None
    assert volume.spacing.between_slices == pytest.approx(5.0)


def test_voxels_of_a_metre_are_told_to_be_impossible(tmp_path):
    volume = written(tmp_path, (scaled(1000, 1000, 6000), SCANNER), None, (1000, 1000, 6000))
    assert volume.spacing is None
    assert IMPLAUSIBLE in volume.notes


def test_micrometres_are_converted_before_they_are_judged(tmp_path):
    affine = scaled(1000, 1000, 6000)
    affine[:3, 3] = -120_000, -90_000, -70_000
    image = nibabel.Nifti1Image(RIGHT_FRONT_UP, affine)
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / "head.nii")
    volume = volume_of(files_taken_in(tmp_path, [tmp_path / "head.nii"]))
    assert volume.spacing is not None
    assert volume.spacing.voxel_ml == pytest.approx(0.006)
    assert volume.placement is not None
    assert volume.placement.slices[0][2] == pytest.approx(-70.0)
