"""Enhanced multi-frame files: parts of one instance are joined, other files of the series stay scans of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from ml.imaging import readers
from tests import phantoms, phantoms_dicom
from tests.imaging.door import taken_in


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    return phantoms.volume(slices=9, size=64)[0]


def enhanced(head: np.ndarray, *, groups: dict[str, dict[str, Any]] | None = None, **tags: Any) -> Dataset:
    """One enhanced instance; `groups` are shared functional groups."""
    dataset = phantoms_dicom.multiframe(head)
    for name, values in (groups or {}).items():
        item = Dataset()
        for key, value in values.items():
            setattr(item, key, value)
        setattr(dataset.SharedFunctionalGroupsSequence[0], name, Sequence([item]))
    for name, value in tags.items():
        setattr(dataset, name, value)
    return dataset


class TestAConcatenation:
    """One instance that was split over several files, in any order, is one scan."""

    def test_its_parts_are_one_scan_at_the_door(self, head, tmp_path):
        parts = phantoms_dicom.in_parts(enhanced(head, FrameOfReferenceUID=generate_uid()), [4, 4, 1])
        plan = taken_in(tmp_path, [parts[2], parts[0], parts[1]])
        (scan,) = plan.scans
        assert [file.origin for file in scan.files] == [1, 2, 0]
        assert (scan.kind, scan.geometry.slices) == ("series", 9)
        assert plan.set_aside == ()

    def test_its_parts_are_one_volume(self, head, tmp_path):
        paths = phantoms_dicom.write_series(tmp_path, phantoms_dicom.in_parts(enhanced(head), [4, 5]), order=[1, 0])
        volume = readers.read(paths)
        assert np.array_equal(volume.voxels[..., 0], head)
        assert volume.spacing.between_slices == 5.0
        assert volume.notes == ()

    def test_a_missing_part_is_told(self, head, tmp_path):
        parts = phantoms_dicom.in_parts(enhanced(head, SeriesNumber=4), [4, 4, 1])
        plan = taken_in(tmp_path / "door", parts[:2])
        (aside,) = plan.set_aside
        assert (aside.label, aside.files) == ("Series 4", 0)
        assert aside.reason == "The series was stored in 3 parts, and not all are here: 3 missing."
        assert aside.reason in readers.read(phantoms_dicom.write_series(tmp_path / "read", parts[:2])).notes

    @pytest.mark.parametrize("parts", [0, 2**16 - 1])
    def test_a_total_that_cannot_be_is_not_believed(self, head, tmp_path, parts):
        files = phantoms_dicom.in_parts(enhanced(head), [4, 5])
        for each in files:
            each.InConcatenationTotalNumber = parts
        assert taken_in(tmp_path, files).set_aside == ()


def test_two_instances_of_one_series_that_are_no_parts_are_two_scans(head, tmp_path):
    series = generate_uid()
    files = [enhanced(head, SeriesInstanceUID=series, InstanceNumber=number) for number in (1, 2)]
    assert len(taken_in(tmp_path, files).scans) == 2


def test_two_series_of_one_study_are_two_scans(head, tmp_path):
    study = generate_uid()
    files = [enhanced(head, StudyInstanceUID=study, SeriesNumber=number) for number in (1, 2)]
    assert len(taken_in(tmp_path, files).scans) == 2


@pytest.mark.parametrize("content", ["StackID", "TemporalPositionIndex"])
def test_of_several_stacks_or_times_in_one_file_one_is_read_and_told(head, tmp_path, content):
    """Stored slice by slice, so that only the frame's own words keep the two apart."""
    both = np.stack([head, head[::-1]], axis=1).reshape(-1, *head.shape[1:])
    dataset = phantoms_dicom.multiframe(both)
    for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence[0].ImagePositionPatient = [-50.0, -50.0, index // 2 * 5.0]
    values = ("1", "2") if content == "StackID" else (1, 2)
    phantoms_dicom.with_content(dataset, [{content: values[index % 2]} for index in range(len(both))])
    volume = readers.read([phantoms_dicom.write(tmp_path / "a.dcm", dataset)])
    assert np.array_equal(volume.voxels[..., 0], head)
    assert any("mixes 2 kinds" in note for note in volume.notes)


def test_two_echoes_in_one_file_are_not_mixed(head, tmp_path):
    both = np.concatenate([head, 255 - head])
    dataset = phantoms_dicom.multiframe(both)
    for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence[0].ImagePositionPatient = [-50.0, -50.0, index % 9 * 5.0]
        echo = Dataset()
        echo.EffectiveEchoTime = 12.0 if index < 9 else 100.0
        frame.MREchoSequence = Sequence([echo])
    volume = readers.read([phantoms_dicom.write(tmp_path / "a.dcm", dataset)])
    assert np.array_equal(volume.voxels[..., 0], head)
    assert len(volume.notes) == 1


FLAIR = {
    "MRTimingAndRelatedParametersSequence": {"RepetitionTime": 9000.0},
    "MREchoSequence": {"EffectiveEchoTime": 100.0},
    "MRModifierSequence": {"InversionTimes": [2500.0]},
}
T1 = {"MRTimingAndRelatedParametersSequence": {"RepetitionTime": 500.0}, "MREchoSequence": {"EffectiveEchoTime": 12.0}}


@pytest.mark.parametrize(
    ("groups", "agent", "sequence"), [(FLAIR, False, "FLAIR"), (T1, False, "T1"), (T1, True, "T1c")]
)
def test_the_sequence_is_known_by_the_times_in_the_functional_groups(head, tmp_path, groups, agent, sequence):
    """Also after de-identification, which removes what the agent is called and keeps that there was one."""
    dataset = enhanced(head, groups=groups)
    if agent:
        named = Dataset()
        named.CodeValue, named.CodingSchemeDesignator, named.CodeMeaning = "1", "99HOSPITAL", "Dr Quackenbush's"
        dataset.ContrastBolusAgentSequence = Sequence([named])
    plan = taken_in(tmp_path, [dataset])
    assert plan.scans[0].sequence == sequence
    stored = plan.scans[0].files[0].path
    assert readers.read([stored]).sequence in (sequence, None)  # the phantom's pixels are FLAIR's
    assert b"Quackenbush" not in stored.read_bytes()
