"""RT Structure Set: a sound instance that says whose, what and that nobody approved it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from ml.imaging.writers.common import NotExportable
from ml.imaging.writers.dicom import to_bytes
from ml.imaging.writers.dicom_rtstruct import structure_set
from ml.imaging.writers.source import SourceSeries
from tests.imaging.writers.geometry import COLUMN_MM, PROVENANCE, ROW_MM, enhanced, mr_series, scan_of, wedge
from tests.imaging.writers.standard import validate


def made(masks: np.ndarray | None = None) -> Dataset:
    masks = wedge() if masks is None else masks
    return dcmread(BytesIO(to_bytes(structure_set(SourceSeries(mr_series()), masks, scan_of(masks), PROVENANCE))))


def test_it_passes_the_validator():
    assert validate(to_bytes(made())) == []
    dataset, frames = enhanced()
    source = SourceSeries([dataset] * len(frames), frames)
    assert validate(to_bytes(structure_set(source, wedge(), scan_of(wedge()), PROVENANCE))) == []


def test_the_validator_finds_what_is_wrong():
    read = made()
    del read.StructureSetLabel, read.RTROIObservationsSequence[0].ObservationNumber
    assert len(validate(to_bytes(read))) == 2


def test_it_is_marked_as_research_that_nobody_approved():
    read = made()
    assert (read.ApprovalStatus, read.StructureSetLabel) == ("UNAPPROVED", "RESEARCH")
    assert read.SeriesDescription.startswith("RESEARCH, unverified")
    assert "not verified by a doctor" in read.StructureSetDescription
    assert PROVENANCE.scan_sha256 in read.StructureSetDescription
    assert all(region.ROIGenerationAlgorithm == "AUTOMATIC" for region in read.StructureSetROISequence)


def test_a_contour_of_more_than_64_kilobytes_stays_a_contour():
    shape = (1, 512, 512)
    ragged = np.zeros(shape, bool)
    ragged[0, 40:240, 40:240:4] = ragged[0, 40, 40:240] = True  # a comb whose teeth are combs
    ragged[0, 40:240:2, 41:240:4] = True
    source = SourceSeries(mr_series(shape=(9, 512, 512))[:1])
    read = dcmread(BytesIO(to_bytes(structure_set(source, ragged, scan_of(ragged), PROVENANCE))))
    (contour,) = read.ROIContourSequence[0].ContourSequence
    assert sum(len(str(value)) + 1 for value in contour.ContourData) > 65_535
    assert contour["ContourData"].VR == "DS"
    assert len(contour.ContourData) == 3 * contour.NumberOfContourPoints


def test_a_region_a_lesion_on_the_originals_of_its_slices():
    read, originals = made(), mr_series()
    assert [region.ROIName for region in read.StructureSetROISequence] == ["FLAIR abnormality 1", "FLAIR abnormality 2"]
    on = [
        {contour.ContourImageSequence[0].ReferencedSOPInstanceUID for contour in region.ContourSequence}
        for region in read.ROIContourSequence
    ]
    assert on == [{originals[index].SOPInstanceUID for index in (2, 3, 4, 5)}, {originals[7].SOPInstanceUID}]
    frame = read.ReferencedFrameOfReferenceSequence[0]
    assert frame.FrameOfReferenceUID == originals[0].FrameOfReferenceUID
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert [item.ReferencedSOPInstanceUID for item in series.ContourImageSequence] == [
        original.SOPInstanceUID for original in originals
    ]


def test_holes_are_held_by_one_contour_round_the_lesion():
    masks = np.zeros_like(wedge())
    masks[3, 5:20, 5:25] = True
    masks[3, 8:15, 9:12] = False
    masks[3, 10:13, 18:22] = False
    (contour,) = made(masks).ROIContourSequence[0].ContourSequence
    corners = np.array(contour.ContourData, float).reshape(-1, 3)
    x, y = corners[:, 0], corners[:, 1]  # an axial slice: the area needs two axes only
    area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    assert area == pytest.approx(np.count_nonzero(masks) * ROW_MM * COLUMN_MM, rel=0.02)


def test_the_same_run_exports_under_the_same_uids():
    assert made().SOPInstanceUID == made().SOPInstanceUID
    assert made() == made()


def test_nothing_outlined_is_refused_with_a_sentence():
    with pytest.raises(NotExportable, match="Nothing is outlined"):
        made(np.zeros_like(wedge()))


def test_unknown_positions_are_refused_with_a_sentence():
    series = mr_series()
    del series[0].ImagePositionPatient
    with pytest.raises(NotExportable, match="do not say where"):
        structure_set(SourceSeries(series), wedge(), scan_of(wedge()), PROVENANCE)
