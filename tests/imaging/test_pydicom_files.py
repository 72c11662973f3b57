"""pydicom's own test files, made by many scanners and programs: each is read, or refused with a sentence."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest

from ml.imaging import readers
from ml.imaging.errors import UploadRefused

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
# 32 pixels on a side are needed, and these are no pictures: segmentations, plans, doses' structures, reports, waveforms, a DICOMDIR.
REFUSED = {
    "rtplan.dcm", "rtplan_truncated.dcm", "rtstruct.dcm", "reportsi.dcm", "reportsi_with_empty_number_tags.dcm",
    "test-SR.dcm", "waveform_ecg.dcm", "MR_truncated.dcm", "no_meta_group_length.dcm", "nested_priv_SQ.dcm",
    "priv_SQ.dcm", "UN_sequence.dcm", "empty_charset_LEI.dcm", "liver_1frame.dcm",
}  # fmt: skip
READ = {
    "CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_expb.dcm",
    "MR_small_implicit.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_padded.dcm",
    "JPEG2000.dcm", "JPGExtended.dcm", "ExplVR_BigEnd.dcm", "image_dfl.dcm", "693_J2KI.dcm", "examples_palette.dcm",
    "examples_rgb_color.dcm", "examples_ybr_color.dcm", "SC_rgb_rle_2frame.dcm",
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.dcm")), ids=lambda path: path.name)
def test_a_file_is_read_or_refused_with_a_sentence(path: Path) -> None:
    sentence = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            slices = len(readers.read([path]))
        except UploadRefused as refused:
            slices, sentence = 0, refused.sentence
    assert (slices > 0) != sentence.endswith(".")
    if path.name in READ | REFUSED:
        assert (path.name in READ) == (slices > 0), sentence


def test_every_mr_of_one_picture_is_the_same_whatever_its_encoding() -> None:
    import numpy as np

    names = ("MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_expb.dcm")
    first, *others = (readers.read([FOLDER / name]).voxels for name in (*names, "MR_small_jp2klossless.dcm"))
    assert all(np.array_equal(first, other) for other in others)
