"""DICOM Segmentation and Structured Report: read back, they lie on the source and say what was found."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from uuid import uuid4

import numpy as np
import pytest
from highdicom.seg import segread
from highdicom.sr import srread
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes

from ml.imaging.writers import common
from ml.imaging.writers.common import NotExportable, lesion_labels
from ml.imaging.writers.dicom import to_bytes
from ml.imaging.writers.dicom_seg import segmentation
from ml.imaging.writers.dicom_sr import NO_SPACING, report
from ml.imaging.writers.source import SourceSeries
from tests.imaging.writers.geometry import (
    COLUMN_MM,
    LPS,
    PLANES,
    PROVENANCE,
    ROW_MM,
    SLICE_MM,
    enhanced,
    mr_series,
    place,
    scan_of,
    wedge,
    write_series,
)
from tests.imaging.writers.standard import validate

EMPTY = np.zeros_like(wedge())


def made(plane: str = LPS, masks: np.ndarray | None = None, **scan):
    masks = wedge() if masks is None else masks
    source, found = SourceSeries(mr_series(plane)), scan_of(masks, **scan)
    segments = segmentation(source, masks, found, PROVENANCE) if masks.any() else None
    return segments, report(source, found, PROVENANCE, segments)


def texts(document) -> list[str]:
    return [item.TextValue for item in document.ContentSequence if item.ValueType == "TEXT"]


def groups(document) -> list:
    imaging = [item for item in document.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "126010"]
    return list(imaging[0].ContentSequence)


def numbers(group) -> dict[str, float]:
    return {
        item.ConceptNameCodeSequence[0].CodeMeaning: float(item.MeasuredValueSequence[0].NumericValue)
        for item in group.ContentSequence
        if item.ValueType == "NUM"
    }


@pytest.mark.parametrize("plane", PLANES)
def test_segments_lie_where_the_lesions_lie(plane):
    segments, _ = made(plane)
    read = segread(BytesIO(to_bytes(segments)))
    pixels = read.pixel_array
    points: dict[int, list[np.ndarray]] = {1: [], 2: []}
    shared = read.SharedFunctionalGroupsSequence[0]
    spacing = [float(value) for value in shared.PixelMeasuresSequence[0].PixelSpacing]
    directions = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    for frame, group in zip(pixels, read.PerFrameFunctionalGroupsSequence, strict=True):
        origin = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        for row, column in np.argwhere(frame):
            points[number].append(origin + directions[:3] * column * spacing[1] + directions[3:] * row * spacing[0])
    labels, _ = lesion_labels(wedge())
    for number, placed in points.items():
        found, truth = np.array(placed), place(plane, np.argwhere(labels == number))
        distances = np.linalg.norm(found[:, None] - truth[None], axis=2)
        assert len(found) == len(truth)
        assert distances.min(axis=1).max() < 1e-3
        assert distances.min(axis=0).max() < 1e-3


def test_both_pass_the_validator():
    for instance in made():
        assert validate(to_bytes(instance)) == []


def test_the_validator_finds_what_is_wrong():
    segments, document = made()
    read = dcmread(BytesIO(to_bytes(segments)))
    del read.SegmentSequence[0].SegmentLabel
    read.BeamName = "x"
    assert validate(to_bytes(read)) == [
        "segmentation-image: SegmentSequence/SegmentLabel TagMissing",
        "General: BeamName TagUnexpected",
    ]
    read = dcmread(BytesIO(to_bytes(document)))
    del read.VerificationFlag
    assert any("VerificationFlag TagMissing" in error for error in validate(to_bytes(read)))


def test_segmentation_refers_to_the_original_instances():
    segments, _ = made()
    outlined = np.flatnonzero(wedge().any(axis=(1, 2)))
    referred = {
        group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for group in segments.PerFrameFunctionalGroupsSequence
    }
    assert referred == {mr_series()[index].SOPInstanceUID for index in outlined}
    assert segments.StudyInstanceUID == mr_series()[0].StudyInstanceUID
    assert segments.FrameOfReferenceUID == mr_series()[0].FrameOfReferenceUID


def test_marks_identity_and_algorithm_are_in_the_segmentation():
    segments, _ = made()
    assert "Not verified" in segments.ContentDescription
    for segment in segments.SegmentSequence:
        algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
        assert PROVENANCE.scan_sha256 in algorithm.AlgorithmParameters
        assert str(PROVENANCE.scan_id) in algorithm.AlgorithmParameters
        assert algorithm.AlgorithmVersion == PROVENANCE.model_version
        assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "52988006"


def test_enhancing_tumour_has_its_own_code():
    segments, _ = made(compartment="contrast_enhancing_tumour")
    assert segments.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue == "C113842"


def test_report_gives_the_same_lesions_under_the_same_tracking_uids():
    segments, document = made()
    read = srread(BytesIO(to_bytes(document)))
    lesions = read.content.get_volumetric_roi_measurement_groups()
    assert [group.tracking_uid for group in lesions] == [segment.TrackingUID for segment in segments.SegmentSequence]
    voxel_ml = ROW_MM * COLUMN_MM * SLICE_MM / 1000
    labels, _ = lesion_labels(wedge())
    for number, group in enumerate(lesions, 1):
        volume = group.get_measurements(codes.SCT.Volume)[0].value
        assert volume == pytest.approx(np.count_nonzero(labels == number) * voxel_ml, abs=6e-4)


def test_report_says_that_nobody_verified_it():
    _, document = made()
    assert (document.VerificationFlag, document.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert any("not verified by a doctor" in text for text in texts(document))
    assert any(PROVENANCE.scan_sha256 in text for text in texts(document))


def test_without_spacing_no_size_is_reported():
    _, document = made(spacing=None)
    assert NO_SPACING in texts(document)
    assert [sorted(numbers(group)) for group in groups(document)] == [["Probability"], [], []]


def test_an_empty_finding_is_a_report_and_never_a_segmentation():
    segments, document = made(masks=EMPTY)
    assert segments is None
    assert validate(to_bytes(document)) == []
    assert len(groups(document)) == 1
    with pytest.raises(NotExportable, match="Nothing is outlined"):
        segmentation(SourceSeries(mr_series()), EMPTY, scan_of(EMPTY), PROVENANCE)


def test_the_same_run_exports_under_the_same_uids():
    first, second = made(), made()
    assert [item.SOPInstanceUID for item in first] == [item.SOPInstanceUID for item in second]


def test_writers_that_say_more_write_other_instances_of_the_same_lesions(monkeypatch: pytest.MonkeyPatch):
    before, before_report = made()
    monkeypatch.setattr(common, "WRITERS", common.WRITERS + 1)
    after, after_report = made()
    for old, new in ((before, after), (before_report, after_report)):
        assert old.SOPInstanceUID != new.SOPInstanceUID
        assert old.SeriesInstanceUID != new.SeriesInstanceUID
    assert [s.TrackingUID for s in before.SegmentSequence] == [s.TrackingUID for s in after.SegmentSequence]


def test_masks_of_another_scan_are_refused():
    with pytest.raises(ValueError, match="do not belong"):
        segmentation(SourceSeries(mr_series()), np.flip(wedge(), 0), scan_of(wedge()), PROVENANCE)


def test_a_lesion_without_segment_names_the_instances_it_is_on():
    series = mr_series()
    for dataset in series:
        del dataset.ImagePositionPatient
    document = report(SourceSeries(series), scan_of(wedge()), PROVENANCE, None)
    assert validate(to_bytes(document)) == []
    _, first, second = groups(document)
    named = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in second.ContentSequence
        if item.ValueType == "IMAGE"
    ]
    assert named == [series[7].SOPInstanceUID]
    assert {"Volume", "Area"} <= set(numbers(first))


def test_diameters_and_side_are_reported_where_they_are_known():
    scan = scan_of(wedge())
    scan["lesions"][0] |= {"diameters_mm": [14.2, 9.5], "side": "left", "volume_ml_interval": [0.4, 0.9]}
    scan["lesions"][1] |= {"diameters_mm": None, "side": None, "volume_ml_interval": None}
    source = SourceSeries(mr_series())
    document = report(source, scan, PROVENANCE, segmentation(source, wedge(), scan, PROVENANCE))
    assert validate(to_bytes(document)) == []
    first, second = groups(document)[1:]
    assert (numbers(first)["Long Axis"], numbers(first)["Short Axis"]) == (14.2, 9.5)
    assert "Long Axis" not in numbers(second)
    site = next(item for item in first.ContentSequence if item.ConceptNameCodeSequence[0].CodeMeaning == "Finding Site")
    assert site.ContentSequence[0].ConceptCodeSequence[0].CodeMeaning == "Left"
    assert any(
        "0.4 to 0.9 ml; how often such intervals hold the true volume is not known" in text for text in texts(document)
    )


def test_at_the_midline_no_side_is_coded_and_words_say_why():
    scan = scan_of(wedge())
    scan["lesions"][0]["side"] = "both sides / midline"
    source = SourceSeries(mr_series())
    document = report(source, scan, PROVENANCE, segmentation(source, wedge(), scan, PROVENANCE))
    first = groups(document)[1]
    site = next(item for item in first.ContentSequence if item.ConceptNameCodeSequence[0].CodeMeaning == "Finding Site")
    assert "ContentSequence" not in site
    assert "Lesion 1: on both sides of the midline or near it; which side is not said." in texts(document)


@pytest.mark.parametrize("kind", ["single-frame", "multi-frame"])
def test_area_and_diameters_name_the_slice_that_they_were_measured_on(kind):
    scan = scan_of(wedge())
    scan["lesions"][0] |= {"diameters_mm": [14.237, 9.96], "diameter_slice": 4, "largest_slice": 3}
    dataset, frames = enhanced()
    source = SourceSeries(mr_series()) if kind == "single-frame" else SourceSeries([dataset] * len(frames), frames)
    document = report(source, scan, PROVENANCE, segmentation(source, wedge(), scan, PROVENANCE))
    assert validate(to_bytes(document)) == []
    first = groups(document)[1]
    sizes = {
        item.ConceptNameCodeSequence[0].CodeMeaning: item for item in first.ContentSequence if item.ValueType == "NUM"
    }
    assert (numbers(first)["Long Axis"], numbers(first)["Short Axis"]) == (14.2, 10.0)
    for name, index in (("Area", 3), ("Long Axis", 4), ("Short Axis", 4)):
        (image,) = [item for item in sizes[name].ContentSequence if item.ValueType == "IMAGE"]
        (original,) = image.ReferencedSOPSequence
        assert original.ReferencedSOPInstanceUID == source.datasets[index].SOPInstanceUID
        assert original.get("ReferencedFrameNumber") == (None if kind == "single-frame" else frames[index] + 1)
    derivations = [item for item in sizes["Area"].ContentSequence if item.ValueType == "CODE"]
    assert [item.ConceptCodeSequence[0].CodeMeaning for item in derivations] == ["Maximum"]
    assert "ContentSequence" not in sizes["Volume"]


def test_the_device_is_the_program_and_not_the_run():
    def device(provenance):
        source = SourceSeries(mr_series())
        read = report(source, scan_of(EMPTY), provenance, None)
        return next(item.UID for item in read.ContentSequence if item.ValueType == "UIDREF")

    first = device(PROVENANCE)
    assert device(replace(PROVENANCE, analysis_id=uuid4(), scan_id=uuid4())) == first
    assert device(replace(PROVENANCE, model_version="2027.1")) != first


def test_the_centroid_is_a_point_in_the_originals_frame_of_reference():
    source, found = SourceSeries(mr_series()), scan_of(wedge())
    centroid = place(LPS, np.argwhere(lesion_labels(wedge())[0] == 1)).mean(axis=0)
    found["lesions"][0]["centroid_lps_mm"] = centroid.round(3).tolist()
    document = report(source, found, PROVENANCE, segmentation(source, wedge(), found, PROVENANCE))
    assert validate(to_bytes(document)) == []
    read = srread(BytesIO(to_bytes(document)))
    points = [[item for item in group.ContentSequence if item.ValueType == "SCOORD3D"] for group in groups(read)]
    assert [len(each) for each in points] == [0, 1, 0]
    ((point,),) = [each for each in points if each]
    assert point.ConceptNameCodeSequence[0].CodeMeaning == "Center of Mass"
    assert point.ReferencedFrameOfReferenceUID == mr_series()[0].FrameOfReferenceUID
    assert list(point.GraphicData) == pytest.approx(centroid, abs=0.001)


def test_intervals_are_told_with_how_often_they_held():
    source, found = SourceSeries(mr_series()), scan_of(wedge())
    found |= {"tumour_volume_ml_interval": [1.5, 4], "interval_level": 0.75, "lesion_interval_level": 0.7}
    found["lesions"][0]["volume_ml_interval"] = [1.25, 3.5]
    said = texts(report(source, found, PROVENANCE, segmentation(source, wedge(), found, PROVENANCE)))
    held = "such intervals held the true volume in {}% of scans with known outlines."
    assert f"All together: interval of the volume 1.5 to 4 ml; {held.format(75)}" in said
    assert f"Lesion 1: interval of the volume 1.25 to 3.5 ml; {held.format(70)}" in said


@pytest.mark.parametrize("kind", ["single-frame", "multi-frame"])
def test_an_only_lesion_has_a_report_that_names_its_segment_and_its_originals(kind):
    masks = wedge()
    masks[7] = False
    if kind == "single-frame":
        source = SourceSeries(mr_series())
    else:
        dataset, frames = enhanced()
        source = SourceSeries([dataset] * len(frames), frames)
    found = scan_of(masks)
    segments = segmentation(source, masks, found, PROVENANCE)
    assert len(segments.SegmentSequence) == 1
    document = report(source, found, PROVENANCE, segments)
    assert validate(to_bytes(document)) == []
    (lesion,) = srread(BytesIO(to_bytes(document))).content.get_volumetric_roi_measurement_groups()
    segment = lesion.referenced_segment
    assert (segment.referenced_sop_instance_uid, segment.referenced_segment_numbers) == (segments.SOPInstanceUID, [1])
    named = [
        (
            image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID,
            image.ReferencedSOPSequence[0].get("ReferencedFrameNumber"),
        )
        for image in segment.source_images_for_segmentation
    ]
    if kind == "single-frame":
        assert named == [(mr_series()[index].SOPInstanceUID, None) for index in range(2, 6)]
    else:
        assert named == [(dataset.SOPInstanceUID, sorted(frames[index] + 1 for index in range(2, 6)))]


def test_the_scanner_did_not_contribute_when_the_result_was_made():
    series = mr_series()
    for dataset in series:
        dataset.AcquisitionDateTime = "20260102101530"
    segments = segmentation(SourceSeries(series), wedge(), scan_of(wedge()), PROVENANCE)
    times = {
        item.PurposeOfReferenceCodeSequence[0].CodeMeaning: str(item.ContributionDateTime).strip('"')
        for item in segments.ContributingEquipmentSequence
    }
    assert times == {"Acquisition Equipment": "20260102101530", "Processing Equipment": "20261124093000"}


@pytest.mark.parametrize("items", [0, 1])
def test_a_code_that_was_emptied_at_the_door_is_not_copied(items, tmp_path):
    series, emptied = mr_series(), Dataset()
    emptied.CodeMeaning, emptied.ContextGroupExtensionFlag = "", "N"
    for dataset in series:
        dataset.ProcedureCodeSequence = [emptied] * items
    source = SourceSeries.read(write_series(series, tmp_path))
    segments = segmentation(source, wedge(), scan_of(wedge()), PROVENANCE)
    assert "ProcedureCodeSequence" not in segments
    assert validate(to_bytes(segments)) == []
