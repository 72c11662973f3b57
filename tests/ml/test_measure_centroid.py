"""A lesion's centroid is told in the patient's coordinates where the file knows them, whichever way it stores its voxels."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from detection.analysis.decoder import Decoder
from ml.findings import Lesion
from ml.imaging import readers
from ml.imaging.volume import Placement, Volume, to_upright
from ml.measure import of_volume
from tests.imaging.writers.geometry import PLANES, mr_series, place, rotation, wedge, write_series

NEAR = 0.01  # mm: positions are decimal strings of 16 characters


def read(paths: list[Path]) -> Volume:
    return readers.read(paths)


def largest(volume: Volume, stored: np.ndarray) -> Lesion:
    """The largest lesion of a mask (slices, rows, columns) as stored."""
    return of_volume(to_upright(stored, volume.stored_orientation, axis=1), volume).lesions[0]


def largest_voxels() -> np.ndarray:
    """(n, 3) slice, row, column of the wedge's larger lesion."""
    mask = wedge()
    mask[7] = False
    return np.argwhere(mask)


@pytest.mark.parametrize("plane", PLANES)
def test_dicom_of_any_direction(tmp_path, plane):
    volume = read(write_series(mr_series(plane), tmp_path))
    # The reader orders slices along their normal, which is against the order of the phantom's where it lies head first.
    normal = np.cross(*PLANES[plane][:2])
    ascending = normal @ PLANES[plane][2] > 0
    found = largest(volume, wedge() if ascending else wedge()[::-1])
    assert found.centroid_lps_mm == pytest.approx(place(plane, largest_voxels()).mean(axis=0), abs=NEAR)


# From stored voxels to right, front and head, the way nibabel writes them.
AFFINES = {
    "RAS": np.diag([1.0, 1.0, 1.0]),
    "LAS": np.diag([-1.0, 1.0, 1.0]),
    "LPS": np.diag([-1.0, -1.0, 1.0]),
    "head first": np.diag([1.0, 1.0, -1.0]),
    "sagittal": np.array([[0, 0, 1.0], [1.0, 0, 0], [0, 1.0, 0]]),
    "coronal, turned over": np.array([[0, -1.0, 0], [0, 0, 1.0], [-1.0, 0, 0]]),
    "oblique": rotation((8, -12, 5)),
}


@pytest.mark.parametrize("name", AFFINES)
def test_nifti_of_any_direction(tmp_path, name):
    voxels = wedge((36, 40, 34)).astype(np.uint8) * 200
    affine = np.eye(4)
    affine[:3, :3] = AFFINES[name] @ np.diag([4.0, 0.75, 1.25])
    affine[:3, 3] = (31.0, -22.0, 14.0)
    path = tmp_path / "flair.nii.gz"
    nib.save(nib.nifti1.Nifti1Image(voxels, affine), path)
    volume = read([path])
    found = of_volume(volume.voxels[..., 0] > 0, volume).lesions[0]
    ras = nib.affines.apply_affine(affine, largest_voxels()).mean(axis=0)
    assert found.centroid_lps_mm == pytest.approx((-ras[0], -ras[1], ras[2]), abs=NEAR)


def test_uneven_slices_have_a_centroid_all_the_same(tmp_path):
    series = mr_series()
    del series[3]
    volume = read(write_series(series, tmp_path))
    assert volume.spacing is not None
    assert volume.spacing.between_slices is None
    kept = largest_voxels()
    kept = kept[kept[:, 0] != 3]
    expected = place("axial, feet first (LPS)", kept).mean(axis=0)
    assert largest(volume, np.delete(wedge(), 3, axis=0)).centroid_lps_mm == pytest.approx(expected, abs=NEAR)


def test_a_lone_slice_has_one_too(tmp_path):
    volume = read(write_series(mr_series()[4:5], tmp_path))
    expected = place("axial, feet first (LPS)", np.argwhere(wedge())[np.argwhere(wedge())[:, 0] == 4]).mean(axis=0)
    assert largest(volume, wedge()[4:5]).centroid_lps_mm == pytest.approx(expected, abs=NEAR)


def test_files_that_do_not_say_where_they_lie_have_none(tmp_path):
    series = mr_series()
    for dataset in series:
        del dataset.ImagePositionPatient
    assert largest(read(write_series(series, tmp_path)), wedge()).centroid_lps_mm is None
    path = tmp_path / "flair.nii"
    image = nib.nifti1.Nifti1Image(wedge((36, 40, 34)).astype(np.uint8), None)
    image.header.set_sform(None, 0)
    image.header.set_qform(None, 0)
    nib.save(image, path)
    volume = read([path])
    assert of_volume(volume.voxels[..., 0] > 0, volume).lesions[0].centroid_lps_mm is None


def test_it_survives_the_decoders_process(tmp_path):
    paths = write_series(mr_series("double oblique, head first"), tmp_path)
    with Decoder() as decoder:
        decoded = decoder.read(paths, names=[path.name for path in paths], as_series=True)
    assert decoded.placement == read(paths).placement
    assert json.dumps(decoded.placement.slices)


@pytest.mark.parametrize(
    ("slices", "row"), [(((0, 0, float("nan")),), (0, 1, 0)), (((0, 0),), (0, 1, 0)), (((0, 0, 0),), (0, 0, 0))]
)
def test_impossible_places_are_refused(slices, row):
    with pytest.raises(ValueError, match=r"three finite numbers|lie apart"):
        Placement(slices, row, (1, 0, 0))


def test_every_slice_has_a_place():
    with pytest.raises(ValueError, match="every slice needs its place"):
        Volume(
            np.zeros((2, 4, 4, 1), np.uint8),
            "series",
            ("a", "b"),
            placement=Placement(((0, 0, 0),), (0, 1, 0), (1, 0, 0)),
        )
