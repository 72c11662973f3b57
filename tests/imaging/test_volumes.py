"""DICOM and NIfTI give the same head whatever way it was stored, and its mask goes back there."""

import zipfile

import nibabel
import numpy as np
import pytest

from ml.imaging import readers
from ml.imaging.errors import UploadRefused
from ml.imaging.readers.dicom import NEGATIVE
from ml.imaging.volume import Orientation, Spacing
from tests import phantoms, phantoms_dicom

SPACING = Spacing(5.0, 0.9, 0.8)


@pytest.fixture(scope="module")
def head():
    return phantoms.volume()[0]


def near(spacing):
    return pytest.approx((spacing.between_slices, spacing.row, spacing.column), rel=1e-4)


@pytest.mark.parametrize("axes", ["RAS", "LAS", "LPS", "RPI", "SAL", "AIR", "PSR"])
def test_nifti_is_cut_axially_whatever_its_axes(axes, head, tmp_path):
    path = phantoms.write_nifti(tmp_path / "head.nii.gz", head, axes=axes)
    volume = readers.read([path])
    assert np.array_equal(volume.voxels[..., 0], head)
    assert near(volume.spacing) == (5.0, 0.9, 0.8)
    assert volume.orientation == Orientation("S", "P", "L")
    stored = np.asarray(nibabel.load(path).dataobj)
    axis = next(place for place, label in enumerate(axes) if label in "SI")
    for index in (0, 5):
        number = int(volume.sources[index].split("[")[1].rstrip("]"))
        assert np.array_equal(volume.to_stored(volume.voxels[index, :, :, 0]), np.take(stored, number, axis=axis))


def test_nifti_without_geometry_claims_no_side(head, tmp_path):
    image = nibabel.Nifti1Image(np.ascontiguousarray(head.transpose(2, 1, 0)), None)
    image.header["sform_code"] = image.header["qform_code"] = 0
    nibabel.save(image, tmp_path / "head.nii")
    volume = readers.read([tmp_path / "head.nii"])
    assert volume.orientation is None
    assert volume.spacing is None


def test_a_dicom_series_is_ordered_by_position_not_by_name(head, tmp_path):
    order = [5, 0, 11, 3, 1, 2, 4, 6, 10, 7, 9, 8]
    phantoms_dicom.write_series(tmp_path, phantoms_dicom.series(head), order=order)
    volume = readers.read([tmp_path])
    assert np.array_equal(volume.voxels[..., 0], head)
    assert near(volume.spacing) == (5.0, 0.9, 0.8)
    assert volume.orientation == Orientation("S", "P", "L")


def test_a_dicom_series_stored_mirrored_is_turned_and_turned_back(head, tmp_path):
    mirrored = np.ascontiguousarray(head[::-1, :, ::-1])  # columns to the right: the normal points to the feet
    phantoms_dicom.write_series(tmp_path, phantoms_dicom.series(mirrored, directions=(-1, 0, 0, 0, 1, 0)))
    volume = readers.read([tmp_path])
    assert volume.orientation == Orientation("I", "P", "L")
    assert np.array_equal(volume.voxels[::-1, :, :, 0], head)
    assert np.array_equal(volume.to_stored(volume.voxels[0, :, :, 0]), mirrored[0])


def test_a_multi_frame_dicom_is_a_series(head, tmp_path):
    order = [3, 0, 1, 2, *range(4, 12)]
    path = phantoms_dicom.write(tmp_path / "head.dcm", phantoms_dicom.multiframe(head, order=order))
    volume = readers.read([path])
    assert volume.kind == "series"
    assert np.array_equal(volume.voxels[..., 0], head)
    assert volume.sources[0] == "head.dcm[1]"


def test_a_missing_slice_takes_the_millimetres_away(head, tmp_path):
    datasets = phantoms_dicom.series(head)
    del datasets[5]
    phantoms_dicom.write_series(tmp_path, datasets)
    volume = readers.read([tmp_path])
    assert volume.spacing.between_slices is None
    assert any("not evenly spaced" in note for note in volume.notes)


@pytest.mark.parametrize("stated", [[1e9, 1e9], [0.001, 0.001], [0.9, 400.0]])
def test_pixels_of_a_size_that_no_head_has_are_told(head, tmp_path, stated):
    phantoms_dicom.write_series(tmp_path, phantoms_dicom.series(head, PixelSpacing=stated))
    volume = readers.read([tmp_path])
    assert volume.spacing is None
    assert [note for note in volume.notes if "millimetres" in note] == [
        "The files state pixels of a size that no scan of a head has, so millimetres are not known."
    ]


def test_a_distance_that_no_slices_of_a_head_have_is_told(head, tmp_path):
    datasets = phantoms_dicom.series(head)
    for number, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [0.0, 0.0, 900.0 * number]
    phantoms_dicom.write_series(tmp_path, datasets)
    volume = readers.read([tmp_path])
    assert volume.spacing.between_slices is None
    assert any(note.startswith("The slices lie so near or so far") for note in volume.notes)


def test_two_slices_at_one_place_are_one(head, tmp_path):
    datasets = phantoms_dicom.series(head)
    again = phantoms_dicom.series(head, SeriesInstanceUID=datasets[0].SeriesInstanceUID)[4]
    phantoms_dicom.write_series(tmp_path, [*datasets, again])
    volume = readers.read([tmp_path])
    assert len(volume) == 12
    assert "1 slice lies where another one lies already. It was left out." in volume.notes


def test_the_largest_of_several_series_is_read_and_told(head, tmp_path):
    phantoms_dicom.write_series(tmp_path / "a", phantoms_dicom.series(head))
    phantoms_dicom.write_series(tmp_path / "b", phantoms_dicom.series(head[:3]))
    volume = readers.read([tmp_path])
    assert len(volume) == 12
    assert any("2 series" in note for note in volume.notes)


def test_two_patients_in_one_upload_stop_it(head, tmp_path):
    phantoms_dicom.write_series(tmp_path / "a", phantoms_dicom.series(head[:3]))
    phantoms_dicom.write_series(tmp_path / "b", phantoms_dicom.series(head[:3], PatientID="ANOTHER"))
    with pytest.raises(UploadRefused, match="more than one patient"):
        readers.read([tmp_path])


def test_values_mean_what_the_header_says(head, tmp_path):
    pixels = head[5].astype(np.int16) - 100
    plain = phantoms_dicom.single(pixels, RescaleSlope=2, RescaleIntercept=10)
    inverse = phantoms_dicom.single(255 - head[5], PhotometricInterpretation="MONOCHROME1")
    volume = readers.read([phantoms_dicom.write(tmp_path / "a.dcm", plain)])
    assert np.array_equal(volume.voxels[0, :, :, 0], pixels * 2 + 10)
    assert volume.kind == "image"
    assert NEGATIVE not in volume.notes
    turned = readers.read([phantoms_dicom.write(tmp_path / "b.dcm", inverse)])
    assert np.array_equal(turned.voxels[0, :, :, 0], head[5])
    assert NEGATIVE in turned.notes


@pytest.mark.parametrize(
    ("tags", "sequence"),
    [
        ({"SeriesDescription": "sT2W/FLAIR", "RepetitionTime": 9000, "EchoTime": 100, "InversionTime": 2500}, "FLAIR"),
        ({"SeriesDescription": "T1 SE ax", "RepetitionTime": 500, "EchoTime": 12}, "T1"),
        ({"SeriesDescription": "T1 SE ax", "ContrastBolusAgent": "Gd", "EchoTime": 12}, "T1c"),
        ({"SeriesDescription": "T2 TSE", "RepetitionTime": 4000, "EchoTime": 100}, "T2"),
        ({"SeriesDescription": "ep2d diff b1000"}, None),
        ({"SeriesDescription": "T1", "RepetitionTime": 4000, "EchoTime": 100}, None),
    ],
)
def test_the_sequence_is_named_only_where_tags_agree(tags, sequence, head, tmp_path):
    phantoms_dicom.write_series(tmp_path, phantoms_dicom.series(head[:3], **tags))
    assert readers.read([tmp_path]).sequence == sequence


def test_a_zip_is_one_series(head, tmp_path):
    paths = phantoms.write_pictures(tmp_path / "in", head)
    with zipfile.ZipFile(tmp_path / "head.zip", "w") as zipped:
        for path in paths:
            zipped.write(path, f"export/{path.name}")
    volume = readers.read([tmp_path / "head.zip"])
    assert np.array_equal(volume.voxels[..., 0], head)
    assert volume.sources[9] == "export/head_10.png"
