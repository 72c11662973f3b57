"""How thick slices are and how far apart, in a DICOM Segmentation: as stated, as measured, or not told."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from highdicom.seg import segread

from ml.imaging.writers.common import NotExportable
from ml.imaging.writers.dicom import to_bytes
from ml.imaging.writers.dicom_seg import segmentation
from ml.imaging.writers.dicom_sr import report
from ml.imaging.writers.source import SourceSeries
from tests.imaging.writers.geometry import LPS, PROVENANCE, SLICE_MM, mr_series, scan_of, wedge
from tests.imaging.writers.standard import validate


@pytest.fixture(params=["missing", "empty"])
def without_thickness(request):
    """The series as some converters write it."""
    series = mr_series()
    for dataset in series:
        del dataset.SliceThickness
        if request.param == "empty":
            dataset.SliceThickness = None
    return series


def test_the_slice_distance_stands_for_a_thickness_that_is_not_stated(without_thickness):
    source, found = SourceSeries(without_thickness), scan_of(wedge())
    segments = segmentation(source, wedge(), found, PROVENANCE)
    assert validate(to_bytes(segments)) == []
    measures = segread(BytesIO(to_bytes(segments))).SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.SliceThickness == SLICE_MM
    assert not without_thickness[0].get("SliceThickness")
    assert report(source, found, PROVENANCE, segments)


def test_the_distance_is_the_slices_own_however_they_lie(without_thickness):
    tilted = mr_series("oblique")
    for dataset in tilted:
        dataset.SliceThickness = None
    segments = segmentation(SourceSeries(tilted), wedge(), scan_of(wedge()), PROVENANCE)
    assert str(segments.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness) == "4.0"


def test_where_a_slice_is_missing_its_gap_is_nobodys_thickness(without_thickness):
    del without_thickness[1]
    masks = np.delete(wedge(), 1, axis=0)
    source, found = SourceSeries(without_thickness), scan_of(masks)
    with pytest.raises(NotExportable, match="how thick the slices are"):
        segmentation(source, masks, found, PROVENANCE)
    for dataset in without_thickness:
        dataset.SliceThickness = 3
    segments = segmentation(source, masks, found, PROVENANCE)
    assert segments.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness == 3


@pytest.mark.parametrize("plane", [LPS, "oblique"])
def test_the_distance_is_measured_whatever_the_files_say(plane):
    series = mr_series(plane)
    for dataset in series:
        dataset.SpacingBetweenSlices, dataset.SliceThickness = 1, 2
    segments = segmentation(SourceSeries(series), wedge(), scan_of(wedge()), PROVENANCE)
    assert validate(to_bytes(segments)) == []
    measures = segread(BytesIO(to_bytes(segments))).SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert (measures.SpacingBetweenSlices, measures.SliceThickness) == (SLICE_MM, 2)
    assert series[0].SpacingBetweenSlices == 1


def test_no_distance_is_told_where_a_slice_is_missing():
    series = mr_series()
    del series[1]
    masks = np.delete(wedge(), 1, axis=0)
    segments = segmentation(SourceSeries(series), masks, scan_of(masks), PROVENANCE)
    assert "SpacingBetweenSlices" not in segments.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


def test_a_lone_slice_without_a_thickness_has_a_report_and_no_segmentation(without_thickness):
    source, masks = SourceSeries(without_thickness[4:5]), wedge()[4:5]
    with pytest.raises(NotExportable, match="do not say where its slices lie"):
        segmentation(source, masks, scan_of(masks), PROVENANCE)
    imaging = [
        item
        for item in report(source, scan_of(masks), PROVENANCE, None).ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "126010"
    ]
    assert len(imaging[0].ContentSequence) == 2
