"""A NIfTI mask lies on its source, whatever way the source's axes run."""

from __future__ import annotations

import gzip
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

from ml.imaging.limits import Limits
from ml.imaging.readers import dicom as dicom_reader
from ml.imaging.readers import nifti as reader
from ml.imaging.writers import nifti
from ml.imaging.writers.common import NotExportable, lesion_labels
from ml.imaging.writers.source import SourceSeries
from tests.imaging.writers.geometry import (
    PLANES,
    PROVENANCE,
    SHAPE,
    has_no_symmetry,
    mr_series,
    place,
    rotation,
    wedge,
    write_series,
)

SMALL = Limits(min_side=4)
# In scanner space: x to the right, y to the front, z upwards.
RAS = np.ascontiguousarray(wedge((23, 40, 34)).transpose(2, 1, 0))
SCALE = np.diag([1.25, 0.75, 3.5, 1.0])


def affine_of(codes: tuple[str, ...], turn: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """The phantom's mask stored along these axes, and the affine that says so."""
    change = ornt_transform(axcodes2ornt(("R", "A", "S")), axcodes2ornt(codes))
    stored = nib.apply_orientation(RAS.astype(np.int16), change)
    upright = np.eye(4)
    upright[:3, :3] = rotation(turn)
    upright[:3, 3] = (-31.5, 22.25, -14.0)
    return stored, upright @ SCALE @ inv_ornt_aff(change, RAS.shape)


def every_orientation() -> list[tuple[str, ...]]:
    return [
        tuple(sides[axis] for axis in order) for order in permutations(range(3)) for sides in product("RL", "AP", "SI")
    ]


def test_the_phantom_has_no_symmetry():
    assert has_no_symmetry(RAS)


@pytest.mark.parametrize("turn", [(0, 0, 0), (11, -14, 19)], ids=["straight", "oblique"])
@pytest.mark.parametrize("codes", every_orientation(), ids="".join)
def test_mask_of_what_was_read_lies_on_the_source(tmp_path: Path, codes, turn):
    stored, affine = affine_of(codes, turn)
    source = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(stored, affine), source)
    volume = reader.read([source], ["scan"], as_series=True, limits=SMALL)

    made = nib.Nifti1Image.from_bytes(
        gzip.decompress(nifti.like_nifti(source, volume.voxels[..., 0] > 0, PROVENANCE, SMALL))
    )

    original = nib.load(source)
    assert made.shape == original.shape
    assert np.array_equal(made.affine, original.affine)
    assert np.array_equal(np.asarray(made.dataobj) > 0, np.asarray(original.dataobj) > 0)


@pytest.mark.parametrize("form", ["sform only", "qform only", "neither", "big endian", "micrometres", "NIfTI-2"])
def test_mask_keeps_the_forms_of_the_source(tmp_path: Path, form):
    stored, affine = affine_of(("L", "P", "S"), (5, 0, -8))
    kind = nib.Nifti2Image if form == "NIfTI-2" else nib.Nifti1Image
    header = kind.header_class(endianness=">") if form == "big endian" else None
    image = kind(stored, affine, header)
    if form == "qform only":
        image.set_qform(affine, 1)
        image.set_sform(None, 0)
    if form == "neither":
        image.set_qform(None, 0)
        image.set_sform(None, 0)
    if form == "micrometres":
        image.header.set_xyzt_units("micron")
    source = tmp_path / "scan.nii"
    nib.save(image, source)
    volume = reader.read([source], ["scan"], as_series=True, limits=SMALL)

    made = kind.from_bytes(gzip.decompress(nifti.like_nifti(source, volume.voxels[..., 0] > 0, PROVENANCE, SMALL)))

    original = nib.load(source)
    assert np.array_equal(made.affine, original.affine)
    for name in ("sform_code", "qform_code", "xyzt_units"):
        assert made.header[name] == original.header[name]
    assert np.array_equal(made.header["pixdim"][:4], original.header["pixdim"][:4])
    assert np.array_equal(np.asarray(made.dataobj) > 0, np.asarray(original.dataobj) > 0)


def test_text_of_the_source_is_not_taken_over(tmp_path: Path):
    stored, affine = affine_of(("R", "A", "S"), (0, 0, 0))
    image = nib.Nifti1Image(stored, affine)
    image.header["descrip"], image.header["aux_file"], image.header["db_name"] = b"QUINN^JANE", b"quinn.txt", b"QUINN"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"born 1970-01-01 as Jane Quinn"))
    source = tmp_path / "scan.nii"
    nib.save(image, source)

    content = gzip.decompress(nifti.like_nifti(source, np.zeros((23, 40, 34), bool), PROVENANCE, SMALL))

    assert b"QUINN" not in content.upper()
    assert b"not verified" in content


def test_it_says_whose_result_it_is():
    content = gzip.decompress(nifti.like_dicom(SourceSeries(mr_series()), wedge(), PROVENANCE))
    (extension,) = nib.Nifti1Image.from_bytes(content).header.extensions
    said = extension.get_content()
    said = said.decode() if isinstance(said, bytes) else said
    for told in (str(PROVENANCE.scan_id), PROVENANCE.scan_sha256, "not verified by a doctor"):
        assert told in said


def test_lesions_carry_their_numbers(tmp_path: Path):
    made = nib.Nifti1Image.from_bytes(gzip.decompress(nifti.like_dicom(SourceSeries(mr_series()), wedge(), PROVENANCE)))
    labels, count = lesion_labels(wedge())
    assert count == 2
    assert np.array_equal(np.asarray(made.dataobj), labels.transpose(2, 1, 0))
    assert made.get_data_dtype() == np.uint8


@pytest.mark.parametrize("plane", PLANES)
def test_mask_of_dicom_lies_where_the_instances_lie(plane):
    made = nib.Nifti1Image.from_bytes(
        gzip.decompress(nifti.like_dicom(SourceSeries(mr_series(plane)), wedge(), PROVENANCE))
    )

    inside = np.argwhere(np.asarray(made.dataobj) > 0)
    ras = nib.affines.apply_affine(made.affine, inside)
    truth = place(plane, np.argwhere(wedge())) * (-1, -1, 1)
    assert np.allclose(ras[np.lexsort(ras.T.round(3))], truth[np.lexsort(truth.T.round(3))], atol=1e-3)
    assert np.allclose(made.get_qform(), made.get_sform(), atol=1e-4)


def test_a_tilted_gantry_keeps_its_shear():
    series = mr_series()
    for number, dataset in enumerate(series):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y + number * 0.9, z]
    made = nib.Nifti1Image.from_bytes(gzip.decompress(nifti.like_dicom(SourceSeries(series), wedge(), PROVENANCE)))
    assert made.affine[1, 2] == pytest.approx(-0.9, abs=1e-5)
    assert made.header["qform_code"] == 0


@pytest.mark.parametrize(("off", "even"), [(0.09, True), (0.18, True), (0.22, False)])
def test_what_has_a_volume_has_a_mask_and_the_other_way_round(off: float, even: bool, tmp_path):
    series = mr_series()
    for number, dataset in enumerate(series[:-1]):
        dataset.ImagePositionPatient = [-31.5, 22.25, -14 + 4 * number + off * (number % 2)]
    paths = write_series(series, tmp_path)
    spacing = dicom_reader.read(paths, [path.name for path in paths], as_series=True, limits=SMALL).spacing
    assert spacing is not None
    assert (spacing.between_slices is not None) == even
    if even:
        assert nifti.like_dicom(SourceSeries(series), wedge(), PROVENANCE)
    else:
        with pytest.raises(NotExportable, match="not evenly spaced"):
            nifti.like_dicom(SourceSeries(series), wedge(), PROVENANCE)


def test_uneven_slices_are_refused():
    series = mr_series()
    series[4].ImagePositionPatient = [-31.5, 22.25, 4.5]
    with pytest.raises(NotExportable, match="not evenly spaced"):
        nifti.like_dicom(SourceSeries(series), wedge(), PROVENANCE)


def test_unknown_positions_are_refused():
    series = mr_series()
    del series[3].ImagePositionPatient
    with pytest.raises(NotExportable, match="do not say where"):
        nifti.like_dicom(SourceSeries(series), wedge(), PROVENANCE)


def test_masks_of_another_scan_are_refused():
    with pytest.raises(ValueError, match="the source is"):
        nifti.like_dicom(SourceSeries(mr_series()), np.zeros((SHAPE[0], 8, 8), bool), PROVENANCE)
