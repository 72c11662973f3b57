"""Every format and encoding that is read, from the file that was sent to the Volume of what was stored."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from ml.imaging.errors import UploadRefused
from ml.imaging.volume import Orientation
from tests import phantoms, phantoms_dicom
from tests.imaging.door import files_taken_in, taken_in, volume_of

PYDICOM = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """(6, 64, 64) uint8."""
    return phantoms.volume(slices=6, size=64)[0]


def encoded(dataset: Dataset, pixels: np.ndarray, syntax: UID) -> Dataset:
    """The same picture in another transfer syntax."""
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    elif syntax in (RLELossless, JPEG2000Lossless):
        dataset.compress(syntax, generate_instance_uid=False)
    elif syntax == JPEGBaseline8Bit:
        target = io.BytesIO()
        Image.fromarray(pixels).save(target, "JPEG", quality=95)
        dataset.PixelData = encapsulate([target.getvalue()])
        dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


class TestTransferSyntaxes:
    @pytest.mark.parametrize(
        "syntax",
        [
            ImplicitVRLittleEndian,
            ExplicitVRLittleEndian,
            ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
            RLELossless,
            JPEG2000Lossless,
        ],
        ids=lambda syntax: syntax.name,
    )
    def test_a_series_is_the_same_in_each(self, head, tmp_path, syntax):
        pixels = head.astype(np.uint16) * 16
        datasets = phantoms_dicom.series(pixels)
        plan = taken_in(
            tmp_path, [encoded(each, slice_, syntax) for each, slice_ in zip(datasets, pixels, strict=True)]
        )
        stored = pydicom.dcmread(plan.scans[0].files[0].path)
        assert stored.file_meta.TransferSyntaxUID == syntax
        assert np.array_equal(volume_of(plan).voxels[..., 0], pixels)

    def test_jpeg_baseline_is_nearly_the_same(self, head, tmp_path):
        datasets = phantoms_dicom.series(head)
        encodings = [encoded(each, slice_, JPEGBaseline8Bit) for each, slice_ in zip(datasets, head, strict=True)]
        voxels = volume_of(taken_in(tmp_path, encodings)).voxels[..., 0]
        assert np.abs(voxels.astype(int) - head).mean() < 3

    @pytest.mark.parametrize(
        ("name", "like"),
        [
            ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
            ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
            ("MR_small_RLE.dcm", "MR_small.dcm"),
            ("MR_small_bigendian.dcm", "MR_small.dcm"),
            ("SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle.dcm"),  # JPEG lossless
        ],
    )
    def test_files_of_other_encoders_are_what_their_plain_copies_are(self, tmp_path, name, like):
        found, plain = (
            volume_of(files_taken_in(folder, [PYDICOM / each]))
            for folder, each in ((tmp_path / "a", name), (tmp_path / "b", like))
            if folder.mkdir() is None
        )
        assert np.array_equal(found.voxels, plain.voxels)

    @pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG2000.dcm", "image_dfl.dcm"])
    def test_lossy_and_deflated_files_are_read(self, tmp_path, name):
        """Of other machines, which are not read: as MR they are."""
        dataset = pydicom.dcmread(PYDICOM / name)
        dataset.Modality = "MR"
        voxels = volume_of(taken_in(tmp_path, [dataset])).voxels[0, :, :, 0]
        assert voxels.shape == (dataset.Rows, dataset.Columns)
        assert np.array_equal(
            voxels.astype(float) - voxels.min(), dataset.pixel_array.astype(float) - dataset.pixel_array.min()
        )

    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless], ids=lambda syntax: syntax.name)
    def test_elements_without_their_kind_in_a_file_that_says_explicit(self, head, tmp_path, syntax):
        """Some programs write compressed pixels beside implicit elements; pydicom's SC_rgb_jpeg.dcm is one of theirs."""
        pixels = head[:1].astype(np.uint16) * 16
        dataset = encoded(phantoms_dicom.series(pixels, SeriesDescription="FLAIR")[0], pixels[0], syntax)
        pydicom.dcmwrite(tmp_path / "a.dcm", dataset, implicit_vr=True, little_endian=True, force_encoding=True)
        plan = files_taken_in(tmp_path, [tmp_path / "a.dcm"])
        assert np.array_equal(volume_of(plan).voxels[..., 0], pixels)
        assert pydicom.dcmread(plan.scans[0].files[0].path).SeriesDescription == "FLAIR"


class TestValues:
    @pytest.mark.parametrize("bits", range(8, 17))
    def test_unsigned_values_of_8_to_16_bits(self, head, tmp_path, bits):
        top = 2**bits - 1
        pixels = (head.astype(np.float64) / head.max() * top).astype(np.uint8 if bits == 8 else np.uint16)
        datasets = phantoms_dicom.series(pixels, BitsStored=bits, HighBit=bits - 1)
        volume = volume_of(taken_in(tmp_path, datasets))
        assert np.array_equal(volume.voxels[..., 0], pixels)
        assert volume.voxels.max() == top

    @pytest.mark.parametrize("bits", [12, 16])
    def test_signed_values(self, head, tmp_path, bits):
        pixels = head.astype(np.int16) * 8 - 1000
        stored = pixels & np.int16(2**bits - 1) if bits < 16 else pixels  # the sign lies in the highest stored bit
        datasets = phantoms_dicom.series(stored, BitsStored=bits, HighBit=bits - 1, PixelRepresentation=1)
        assert np.array_equal(volume_of(taken_in(tmp_path, datasets)).voxels[..., 0], pixels)

    def test_rescaled_values(self, head, tmp_path):
        datasets = phantoms_dicom.series(head.astype(np.uint16), RescaleSlope=2, RescaleIntercept=-24)
        assert np.array_equal(volume_of(taken_in(tmp_path, datasets)).voxels[..., 0], head.astype(int) * 2 - 24)

    def test_monochrome1_is_turned_over(self, head, tmp_path):
        datasets = phantoms_dicom.series(255 - head, PhotometricInterpretation="MONOCHROME1")
        assert np.array_equal(volume_of(taken_in(tmp_path, datasets)).voxels[..., 0], head)

    def test_what_old_overlays_left_above_the_stored_bits_is_cleared(self, head, tmp_path):
        pixels = head.astype(np.uint16) * 16
        datasets = phantoms_dicom.series(pixels | np.uint16(0x8000), BitsStored=12, HighBit=11)
        assert np.array_equal(volume_of(taken_in(tmp_path, datasets)).voxels[..., 0], pixels)

    def test_values_that_lie_at_other_bits_are_refused(self, head, tmp_path):
        """Whether they are shifted or only said to be, nobody can tell."""
        datasets = phantoms_dicom.series(head.astype(np.uint16) << 4, BitsStored=12, HighBit=15)
        with pytest.raises(UploadRefused, match="HighBit"):
            taken_in(tmp_path, datasets)

    @pytest.mark.parametrize("far", [1e30, -2e5])
    def test_a_position_where_no_head_lies_is_refused(self, head, tmp_path, far):
        datasets = phantoms_dicom.series(head)
        datasets[2].ImagePositionPatient = [0, 0, far]
        with pytest.raises(UploadRefused, match="impossible position"):
            taken_in(tmp_path, datasets)

    def test_a_compression_that_cannot_be_undone_is_not_only_called_damaged(self, tmp_path):
        with pytest.raises(UploadRefused, match="compressed in a way that is not read"):
            files_taken_in(tmp_path, [PYDICOM / "JPEG-lossy.dcm"])

    def test_another_pixel_spacing_is_told_as_that(self, head, tmp_path):
        datasets = phantoms_dicom.series(head)
        datasets[2].PixelSpacing = [1.5, 1.5]
        assert [each.reason for each in taken_in(tmp_path, datasets).set_aside] == [
            "Its pictures differ in pixel spacing, so it became 2 scans."
        ]


class TestNifti:
    @pytest.mark.parametrize("axes", ["RAS", "LPS", "AIR", "PSR", "SAL"])
    @pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
    def test_any_orientation_is_cut_axially(self, head, tmp_path, axes, ending):
        path = phantoms.write_nifti(tmp_path / f"head{ending}", head, axes=axes)
        volume = volume_of(files_taken_in(tmp_path, [path]))
        assert np.array_equal(volume.voxels[..., 0], head)
        assert volume.orientation == Orientation("S", "P", "L")

    @pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
    @pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
    def test_versions_and_types(self, head, tmp_path, kind, dtype):
        image = kind(head.transpose(2, 1, 0)[::-1, ::-1].astype(dtype), np.diag([0.8, 0.9, 5.0, 1.0]))
        nibabel.save(image, tmp_path / "head.nii")
        volume = volume_of(files_taken_in(tmp_path, [tmp_path / "head.nii"]))
        assert np.array_equal(volume.voxels[..., 0], head)

    def test_big_endian(self, head, tmp_path):
        header = nibabel.Nifti1Header(endianness=">")
        header.set_data_dtype(np.dtype(">i2"))
        image = nibabel.Nifti1Image(head.transpose(2, 1, 0)[::-1, ::-1].astype(">i2"), np.diag([1, 1, 5, 1]), header)
        nibabel.save(image, tmp_path / "head.nii")
        assert np.array_equal(volume_of(files_taken_in(tmp_path, [tmp_path / "head.nii"])).voxels[..., 0], head)


class TestPictures:
    @pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
    @pytest.mark.parametrize("depth", [8, 16])
    def test_a_multi_page_tiff_is_a_series(self, head, tmp_path, compression, depth):
        pixels = head if depth == 8 else head.astype(np.uint16) * 257
        pages = [Image.fromarray(page) for page in pixels]
        pages[0].save(tmp_path / "head.tif", save_all=True, append_images=pages[1:], compression=compression)
        volume = volume_of(files_taken_in(tmp_path, [tmp_path / "head.tif"]))
        assert volume.kind == "series"
        assert np.array_equal(volume.voxels[..., 0], pixels)

    @pytest.mark.parametrize("ending", ["png", "tif", "bmp", "webp"])
    def test_numbered_pictures_are_a_series_in_the_order_of_their_numbers(self, head, tmp_path, ending):
        for number, page in zip((1, 2, 3, 9, 10, 11), head, strict=True):
            options: dict[str, Any] = {"lossless": True} if ending == "webp" else {}
            Image.fromarray(page).save(tmp_path / f"head_{number}.{ending}", **options)
        paths = sorted(tmp_path.glob("head_*"))  # head_1, head_10, head_11, head_2 ...
        volume = volume_of(files_taken_in(tmp_path, paths, as_series=True))
        assert np.array_equal(volume.voxels[..., 0], head)


def test_deflated_is_really_deflated(head, tmp_path):
    """That pydicom's writer did compress what the first test sends, so the test says something."""
    (dataset,) = phantoms_dicom.series(head[:1])
    path = phantoms_dicom.write(tmp_path / "a.dcm", encoded(dataset, head[0], DeflatedExplicitVRLittleEndian))
    content = path.read_bytes()
    meta = pydicom.filereader.read_file_meta_info(path)
    at = 132 + 12 + meta.FileMetaInformationGroupLength
    assert len(zlib.decompress(content[at:], -zlib.MAX_WBITS)) > 64 * 64
