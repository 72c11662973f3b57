"""The instances of a result's slices are found again, whatever their files are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.imaging.limits import Limits
from ml.imaging.readers import dicom as reader
from ml.imaging.writers.common import NotExportable
from ml.imaging.writers.source import SourceSeries
from tests.imaging.writers.geometry import SHAPE, enhanced, mr_series, write_series

SMALL = Limits(min_side=4)


def test_each_slice_gets_its_own_instance_in_the_order_of_the_volume(tmp_path: Path):
    paths = write_series(mr_series()[::-1], tmp_path)  # named against their order
    names = [path.name for path in paths]
    volume = reader.read(paths, names, as_series=True, limits=SMALL)
    source = SourceSeries.of(list(zip(paths, names, strict=True)), volume.sources)
    assert [dataset.SOPInstanceUID for dataset in source.datasets] == [
        dataset.SOPInstanceUID for dataset in mr_series()
    ]


def test_files_of_one_name_are_told_apart_by_where_they_lie(tmp_path: Path):
    paths = write_series(mr_series()[::-1], tmp_path)
    names = ["IM0"] * len(paths)
    volume = reader.read(paths, names, as_series=True, limits=SMALL)
    source = SourceSeries.of(list(zip(paths, names, strict=True)), volume.sources)
    assert [dataset.InstanceNumber for dataset in source.datasets] == list(range(1, len(paths) + 1))


def test_frames_of_one_file_are_told_apart_by_their_number(tmp_path: Path):
    dataset, frames = enhanced()
    (path,) = write_series([dataset], tmp_path)
    volume = reader.read([path], ["scan[2].dcm"], as_series=True, limits=SMALL)
    source = SourceSeries.of([(path, "scan[2].dcm")], volume.sources)
    assert list(source.frames) == frames


def test_a_file_with_a_single_frame_keeps_its_place(tmp_path: Path):
    dataset, frames = enhanced()
    size = SHAPE[1] * SHAPE[2] * 2
    dataset.NumberOfFrames = 1
    dataset.PixelData = dataset.PixelData[frames[0] * size : (frames[0] + 1) * size]
    dataset.PerFrameFunctionalGroupsSequence = [dataset.PerFrameFunctionalGroupsSequence[frames[0]]]
    (path,) = write_series([dataset], tmp_path)
    volume = reader.read([path], ["one.dcm"], as_series=False, limits=SMALL)
    source = SourceSeries.of([(path, "one.dcm")], volume.sources)
    assert source.planes()[0].position == pytest.approx([-31.5, 22.25, -14.0])


def test_what_names_and_dates_a_patient_may_be_missing(tmp_path: Path):
    series = mr_series()
    for dataset in series:
        del dataset.PatientName, dataset.StudyTime, dataset.ReferringPhysicianName
    paths = write_series(series, tmp_path)
    assert SourceSeries.read(paths).first.StudyTime == ""


def test_other_files_than_the_analysed_ones_are_refused(tmp_path: Path):
    paths = write_series(mr_series(), tmp_path)
    with pytest.raises(NotExportable, match="not the ones that were analysed"):
        SourceSeries.of([(paths[0], "a.dcm")], ["b.dcm"])


def test_a_file_that_is_no_dicom_is_refused(tmp_path: Path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 300)
    with pytest.raises(NotExportable, match="not uploaded as DICOM"):
        SourceSeries.read([path])


def test_dicom_that_does_not_say_which_instance_it_is_is_told_so(tmp_path: Path):
    series = mr_series()
    for dataset in series:
        del dataset.StudyInstanceUID
    with pytest.raises(NotExportable, match="do not say which study, series or instance"):
        SourceSeries.read(write_series(series, tmp_path))
