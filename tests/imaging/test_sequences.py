"""A sequence is what tags or name say, unless the pixels contradict it: then it is unknown, never another one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ml.imaging import readers
from ml.imaging.errors import ImagingError
from ml.imaging.fuse import fuse
from ml.imaging.sequence import Acquisition, by_name, recognise
from ml.imaging.sequence_check import CONTRADICTED, ODD_ONE_OUT, WRONG_ONE_ENHANCES, contradicts, mixed_up
from ml.imaging.volume import Orientation, Volume
from tests import phantoms, phantoms_dicom

TAGS: dict[str, dict[str, Any]] = {
    "FLAIR": {"SeriesDescription": "FLAIR", "RepetitionTime": 9000, "EchoTime": 100, "InversionTime": 2500},
    "T1": {"SeriesDescription": "T1", "RepetitionTime": 500, "EchoTime": 12},
    "T2": {"SeriesDescription": "T2", "RepetitionTime": 4000, "EchoTime": 100},
}


def head(contrast: str, *, tumour: bool = False) -> np.ndarray:
    return phantoms.volume(contrast=contrast, tumour=tumour)[0]


def volume(contrast: str, sequence: str | None, **more: Any) -> Volume:
    voxels = head(contrast)[..., np.newaxis]
    return Volume(voxels, "series", ("a",) * len(voxels), sequence=sequence, **more)


def read(tmp_path, drawn, named, *, tumour=False):
    phantoms_dicom.write_series(tmp_path, phantoms_dicom.series(head(drawn, tumour=tumour), **TAGS[named]))
    return readers.read([tmp_path])


@pytest.mark.parametrize("tumour", [True, False])
@pytest.mark.parametrize(
    ("drawn", "named"),
    [("flair", "FLAIR"), ("t1", "T1"), ("t2", "T2"), ("flair", "T1")],  # FLAIR and T1 both have dark fluid
)
def test_what_may_be_true_is_believed(drawn, named, tumour, tmp_path):
    assert read(tmp_path, drawn, named, tumour=tumour).sequence == named


@pytest.mark.parametrize("named", ["FLAIR", "T1"])
def test_bright_fluid_is_no_flair_and_no_t1(named, tmp_path):
    found = read(tmp_path, "t2", named)
    assert found.sequence is None
    assert CONTRADICTED in found.notes


def test_dark_fluid_is_no_t2():
    assert contradicts(volume("flair", "T2"))


@pytest.mark.parametrize(
    "spared",
    [
        volume("t2", None),
        volume("t2", "FLAIR", orientation=Orientation("A", "I", "L")),
        Volume(head("t2")[:3, ..., np.newaxis], "series", ("a",) * 3, sequence="FLAIR"),
        Volume(np.zeros((8, 64, 64, 1), np.uint8), "series", ("a",) * 8, sequence="FLAIR"),
    ],
)
def test_where_it_cannot_be_told_nothing_is_contradicted(spared):
    assert not contradicts(spared)


@pytest.mark.parametrize(
    ("text", "agent", "sequence"),
    [
        ("t1 tra pre", True, None),
        ("t1 se tra nativ", True, None),
        ("t1 tra pre", False, "T1"),
        ("t1 tra", True, "T1c"),
        ("t1 tra post", True, "T1c"),
        ("t1 tra post", False, "T1c"),
    ],
)
def test_a_t1_called_native_that_names_an_agent_may_be_either(text, agent, sequence):
    assert recognise(Acquisition(text, "MR", 500, 10, None, contrast_agent=agent)) == sequence


@pytest.mark.parametrize(
    ("text", "repetition", "echo", "inversion", "sequence"),
    [
        ("t2 tirm cor fs", 4000, 60, 150, None),
        ("flair", 4000, 20, 150, None),
        ("t2 tirm tra dark-fluid", 9000, 100, 2500, "FLAIR"),
        ("flair low field", 3000, 90, 1250, "FLAIR"),
        ("flair", 9000, 100, 0, None),  # zero is no inversion, and then the times are T2's
        ("flair", None, None, None, "FLAIR"),
        ("t1 flair", 2000, 9, 800, "T1"),
    ],
)
def test_an_inversion_that_nulls_fat_makes_no_flair(text, repetition, echo, inversion, sequence):
    assert recognise(Acquisition(text, "MR", repetition, echo, inversion, contrast_agent=False)) == sequence


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("BraTS20_001_flair.nii.gz", "FLAIR"),
        ("case-7_t1ce.nii.gz", "T1c"),
        ("case-7_t1.nii", "T1"),
        ("sub-01_T2w.nii.gz", "T2"),
        ("T1_post.nii.gz", "T1c"),
        ("head.nii.gz", None),
        ("t1_t2_registered.nii.gz", None),
    ],
)
def test_a_nifti_s_name_may_say_it(name, sequence):
    assert by_name(name) == sequence


def test_a_nifti_says_where_it_has_its_sequence_from(tmp_path):
    found = readers.read([phantoms.write_nifti(tmp_path / "case_flair.nii.gz", head("flair"))])
    assert found.sequence == "FLAIR"
    assert any("file's name" in note for note in found.notes)


def test_a_nifti_s_name_is_held_against_its_pixels_too(tmp_path):
    found = readers.read([phantoms.write_nifti(tmp_path / "case_flair.nii.gz", head("t2"))])
    assert found.sequence is None
    assert CONTRADICTED in found.notes


def fused_of(*contrasts: str, tumour: bool = True, **more: Any) -> Volume:
    """Channels named pre, FLAIR, post, showing what was really acquired; `more` goes to the fused volume."""
    parts = [Volume(head(c, tumour=tumour)[..., np.newaxis], "series", ("a",) * 12) for c in contrasts]
    return replace(fuse(*(lambda part=part: part for part in parts)), **more)


class TestSeriesOfOneHeadAreHeldAgainstEachOther:
    @pytest.mark.parametrize("tumour", [True, False])
    def test_rightly_named_ones_are_believed(self, tumour):
        assert not {ODD_ONE_OUT, WRONG_ONE_ENHANCES} & set(fused_of("t1", "flair", "t1c", tumour=tumour).notes)

    @pytest.mark.parametrize("tumour", [True, False])
    @pytest.mark.parametrize("shown", [("flair", "t1", "t1c"), ("t1", "t1c", "flair"), ("flair", "t1c", "t1")])
    def test_a_flair_that_changed_places_with_a_t1_is_told(self, shown, tumour):
        assert fused_of(*shown, tumour=tumour).notes.count(ODD_ONE_OUT) == 1

    def test_enhancement_before_contrast_is_told(self):
        assert WRONG_ONE_ENHANCES in fused_of("t1c", "flair", "t1").notes

    def test_a_series_that_stands_in_is_not_compared(self):
        t1c, flair = volume("t1c", "FLAIR"), volume("flair", "T1c")
        assert ODD_ONE_OUT not in fuse(None, lambda: t1c, lambda: flair).notes

    @pytest.mark.parametrize(
        "spared",
        [
            {"orientation": Orientation("A", "I", "L")},
            {"voxels": np.zeros((12, 64, 64, 3), np.uint8)},
            {"voxels": fused_of("flair", "t1", "t1c").voxels[:3], "sources": ("a",) * 3},
        ],
    )
    def test_where_it_cannot_be_told_nothing_is_said(self, spared):
        assert mixed_up(fused_of("flair", "t1", "t1c", **spared)) is None


class TestFusing:
    def test_channels_are_pre_flair_and_post(self):
        parts = [volume(contrast, None) for contrast in ("t1", "flair", "t1c")]
        fused = fuse(*(lambda part=part: part for part in parts))
        assert fused.voxels.shape == (12, 128, 128, 3)
        for channel, part in enumerate(parts):
            assert np.array_equal(fused.voxels[..., channel], part.voxels[..., 0])
        assert fused.sequence is None

    def test_flair_stands_in_and_it_is_told(self):
        flair, post = volume("flair", "FLAIR"), volume("t1c", "T1c")
        fused = fuse(None, lambda: flair, lambda: post)
        assert np.array_equal(fused.voxels[..., 0], fused.voxels[..., 1])
        assert any("FLAIR stands in" in note for note in fused.notes)

    def test_different_depths_are_held_by_one(self):
        flair = volume("flair", "FLAIR")
        deep = Volume(volume("t1", "T1").voxels.astype(np.int16) - 5, "series", flair.sources)
        fused = fuse(lambda: deep, lambda: flair, None)
        assert fused.voxels.dtype == np.int16
        assert fused.voxels[..., 0].min() == -5

    def test_series_of_two_sizes_do_not_fit(self):
        flair = volume("flair", "FLAIR")
        short = Volume(flair.voxels[:-1], "series", flair.sources[:-1])
        with pytest.raises(ImagingError, match="differ in size"):
            fuse(lambda: short, lambda: flair, None)
