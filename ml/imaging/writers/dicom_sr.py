"""The result as a DICOM Structured Report: TID 1500, Measurement Report.

One group for the whole scan (verdict, probability), then one for each lesion with its segment
in the DICOM Segmentation, its tracking identifiers and its sizes. A size that cannot be
computed is left out and a comment says why. A lesion's centroid is a point in the patient (SCOORD3D), so
the object is a Comprehensive 3D SR. Nobody has verified it, and it says so in the
places that DICOM has for that (completion, preliminary, verification) and in words.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Mapping
from typing import Any

import numpy as np
from highdicom.seg import Segmentation
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues3D,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    RelationshipTypeValues,
    Scoord3DContentItem,
    SourceImageForMeasurement,
    SourceImageForMeasurementGroup,
    SourceImageForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from ml.findings import Side, Verdict
from ml.imaging.writers.common import (
    MANUFACTURER,
    MODEL_NAME,
    Meaning,
    NotExportable,
    Provenance,
    meaning_of,
)
from ml.imaging.writers.dicom import SERIES_NUMBERS, stamp
from ml.imaging.writers.dicom_seg import ALGORITHM_FAMILY, ALGORITHM_NAME, tracking
from ml.imaging.writers.dicom_sr_library import image_library
from ml.imaging.writers.marks import MARK, MARK_LONG
from ml.imaging.writers.source import SourceSeries

REFUSED = "This scan was not analysed, so there is no result to report."
NO_SPACING = "Sizes in millimetres and millilitres: not computable, no pixel spacing."
NO_SLICE_DISTANCE = "Volumes: not computable, the distance between slices is unknown."

LONG_AXIS = Code("103339001", "SCT", "Long Axis")
SHORT_AXIS = Code("103340004", "SCT", "Short Axis")
SIDES = {
    Side.LEFT.value: Code("7771000", "SCT", "Left"),
    Side.RIGHT.value: Code("24028007", "SCT", "Right"),
}
"""What lies at the midline may lie on one side of it or on both: its laterality is left open, and a comment says so."""
MILLILITRE = Code("ml", "UCUM", "milliliter")

# No standard code says "the program found no tumour" without saying more than it knows.
SCHEME = "99BRAINSCAN"
VERDICTS = {
    Verdict.TUMOUR: Code("tumour", SCHEME, "Tumour suspected by the program"),
    Verdict.NO_TUMOUR: Code("no_tumour", SCHEME, "No tumour found by the program"),
    Verdict.UNCERTAIN: Code("uncertain", SCHEME, "The program is uncertain"),
}


def report(
    source: SourceSeries, scan: Mapping[str, Any], provenance: Provenance, segments: Segmentation | None
) -> Comprehensive3DSR:
    """Make the report.

    Args:
        source: the instances, in slice order.
        scan: the contract's scan object.
        provenance: also gives the UIDs: the same run gives the same instance.
        segments: the segmentation of the same run; None where there is none: nothing is outlined, or
            the slices' places are unknown, and then the lesions refer to their slices instead.

    Raises:
        NotExportable: if the scan was refused.
        ValueError: if the segmentation does not go with the scan.
    """
    verdict = Verdict(scan["verdict"])
    if verdict is Verdict.REFUSED:
        raise NotExportable(REFUSED)
    lesions = scan["lesions"]
    if segments is not None and len(segments.SegmentSequence) != len(lesions):
        raise ValueError("there must be a segment for each lesion")
    groups: list[Any] = [_whole_scan(source, verdict, scan, provenance)]
    for number, lesion in enumerate(lesions, 1):
        if segments is None:
            group: Any = _lesion_on_slices(number, lesion, source, meaning_of(scan), provenance)
        else:
            group = _lesion(number, lesion, source, meaning_of(scan), provenance, segments)
        group[0].ContentSequence.extend(_centroid(lesion, source))
        groups.append(group)
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(provenance)),
        procedure_reported=codes.LN.BrainMRI,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    for text in _comments(scan, provenance):
        content[0].ContentSequence.append(
            TextContentItem(name=codes.DCM.Comment, value=text, relationship_type=RelationshipTypeValues.CONTAINS)
        )
    evidence: list[Dataset] = [*source.instances, *([] if segments is None else [segments])]
    document = Comprehensive3DSR(
        evidence=evidence,
        content=content[0],
        series_instance_uid=provenance.uid_as_written("SR", "series"),
        series_number=SERIES_NUMBERS["SR"],
        sop_instance_uid=provenance.uid_as_written("SR", "instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
    _add_library(document, source)
    document.SeriesDescription = "RESEARCH, unverified: result"
    document.ManufacturerModelName = MODEL_NAME
    document.SoftwareVersions = provenance.software_version
    document.DeviceSerialNumber = provenance.model_version
    scheme = Dataset()
    scheme.CodingSchemeDesignator = SCHEME
    scheme.CodingSchemeName = "Brainscan verdicts"
    document.CodingSchemeIdentificationSequence = [scheme]
    stamp(document, source.first, provenance)
    return document


def _add_library(document: Comprehensive3DSR, source: SourceSeries) -> None:
    """Put the images before what was measured on them (TID 1500). Into the finished document: highdicom copies what it is given."""
    items = list(document.ContentSequence)
    names = [item.ConceptNameCodeSequence[0].CodeValue for item in items]
    items.insert(names.index(codes.DCM.ImagingMeasurements.value), image_library(source))
    document.ContentSequence = Sequence(items)


def _observer(provenance: Provenance) -> ObserverContext:
    return ObserverContext(
        observer_type=codes.cid270.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=provenance.device_uid,
            name=MODEL_NAME,
            manufacturer_name=MANUFACTURER,
            model_name=MODEL_NAME,
            serial_number=provenance.model_version,
        ),
    )


def _algorithm(provenance: Provenance) -> AlgorithmIdentification:
    return AlgorithmIdentification(
        name=ALGORITHM_NAME,
        version=provenance.model_version,
        parameters=[
            f"scan={provenance.scan_id}",
            f"scan_sha256={provenance.scan_sha256}",
            f"analysis={provenance.analysis_id}",
        ],
        family=ALGORITHM_FAMILY,
        manufacturer=MANUFACTURER,
    )


def _whole_scan(
    source: SourceSeries, verdict: Verdict, scan: Mapping[str, Any], provenance: Provenance
) -> MeasurementsAndQualitativeEvaluations:
    measurements = [Measurement(codes.DCM.Probability, scan["tumour_probability"], codes.UCUM.NoUnits)]
    if scan["tumour_volume_ml"] is not None:
        measurements.append(Measurement(codes.SCT.Volume, scan["tumour_volume_ml"], MILLILITRE))
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=provenance.uid("whole scan"), identifier="Whole scan"),
        source_images=[SourceImageForMeasurementGroup.from_source_image(dataset) for dataset in source.instances],
        algorithm_id=_algorithm(provenance),
        finding_sites=[FindingSite(codes.SCT.Brain)],
        measurements=measurements,
        qualitative_evaluations=[QualitativeEvaluation(codes.DCM.Finding, CodedConcept.from_code(VERDICTS[verdict]))],
    )


def _lesion(
    number: int,
    lesion: Mapping[str, Any],
    source: SourceSeries,
    meaning: Meaning,
    provenance: Provenance,
    segments: Segmentation,
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    uid, identifier = tracking(number, meaning, provenance)
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=uid, identifier=identifier),
        # Not by `from_segmentation`: it does not find an only segment, which is told once for all frames.
        referenced_segment=ReferencedSegment(
            sop_class_uid=segments.SOPClassUID,
            sop_instance_uid=segments.SOPInstanceUID,
            segment_number=number,
            source_images=_source_images(lesion, source),
        ),
        finding_category=codes.cid7150.MorphologicallyAbnormalStructure,
        finding_type=CodedConcept.from_code(Code(*meaning.code)),
        algorithm_id=_algorithm(provenance),
        finding_sites=[_site(lesion)],
        measurements=_sizes(lesion, source),
    )


def _source_images(lesion: Mapping[str, Any], source: SourceSeries) -> list[SourceImageForSegmentation]:
    """The originals of a lesion's slices, with their frames where they have several."""
    frames: dict[str, list[int]] = {}
    first, last = lesion["slices"]
    for dataset, frame in zip(source.datasets[first : last + 1], source.frames[first : last + 1], strict=True):
        frames.setdefault(str(dataset.SOPInstanceUID), []).extend([] if frame is None else [frame + 1])
    return [
        SourceImageForSegmentation(source.first.SOPClassUID, uid, sorted(numbers) or None)
        for uid, numbers in frames.items()
    ]


def _lesion_on_slices(
    number: int, lesion: Mapping[str, Any], source: SourceSeries, meaning: Meaning, provenance: Provenance
) -> MeasurementsAndQualitativeEvaluations:
    """The same without a segment to refer to: it names the instances that the lesion is on."""
    uid, identifier = tracking(number, meaning, provenance)
    first, last = lesion["slices"]
    on = {id(dataset): dataset for dataset in source.datasets[first : last + 1]}
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=uid, identifier=identifier),
        source_images=[SourceImageForMeasurementGroup.from_source_image(dataset) for dataset in on.values()],
        finding_category=codes.cid7150.MorphologicallyAbnormalStructure,
        finding_type=CodedConcept.from_code(Code(*meaning.code)),
        algorithm_id=_algorithm(provenance),
        finding_sites=[_site(lesion)],
        measurements=_sizes(lesion, source),
    )


def _sizes(lesion: Mapping[str, Any], source: SourceSeries) -> list[Measurement]:
    """What is known of a lesion's size. The area is its largest slice's, the two diameters lie on one axial slice."""
    measurements = []
    if lesion["volume_ml"] is not None:
        measurements.append(Measurement(codes.SCT.Volume, lesion["volume_ml"], MILLILITRE))
    if lesion["area_mm2"] is not None:
        on = _measured_on(lesion.get("largest_slice"), source)
        area = codes.SCT.Area, lesion["area_mm2"], codes.UCUM.SquareMillimeter
        measurements.append(Measurement(*area, derivation=codes.SCT.Maximum, referenced_images=on))
    for name, value in zip((LONG_AXIS, SHORT_AXIS), lesion.get("diameters_mm") or (), strict=False):
        on = _measured_on(lesion.get("diameter_slice"), source)
        measurements.append(Measurement(name, round(value, 1), codes.UCUM.Millimeter, referenced_images=on))
    return measurements


def _measured_on(index: int | None, source: SourceSeries) -> list[SourceImageForMeasurement] | None:
    """The original of a slice; None where the run did not say which."""
    if index is None:
        return None
    dataset, frame = source.datasets[index], source.frames[index]
    numbers = None if frame is None else [frame + 1]
    return [SourceImageForMeasurement(dataset.SOPClassUID, dataset.SOPInstanceUID, numbers)]


def _centroid(lesion: Mapping[str, Any], source: SourceSeries) -> list[Scoord3DContentItem]:
    """The point where a lesion's centroid lies, where the files say it: TID 1411 may be extended."""
    place, frame = lesion.get("centroid_lps_mm"), source.first.get("FrameOfReferenceUID")
    if place is None or not frame:
        return []
    point = Scoord3DContentItem(
        name=codes.DCM.CenterOfMass,
        graphic_type=GraphicTypeValues3D.POINT,
        graphic_data=np.array([place], float),
        frame_of_reference_uid=frame,
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    return [point]


def _site(lesion: Mapping[str, Any]) -> FindingSite:
    """The brain, and the patient's side where the files tell it."""
    laterality = SIDES.get(lesion.get("side") or "")
    return FindingSite(codes.SCT.Brain, laterality=laterality)


def _interval(name: str, size: abc.Sequence[float] | None, level: float | None) -> list[str]:
    """The program's interval of a volume with how often it held, in one sentence: alone it would read as a fact."""
    if not size:
        return []
    held = "how often such intervals hold the true volume is not known"
    if level is not None:
        held = f"such intervals held the true volume in {100 * level:.0f}% of scans with known outlines"
    return [f"{name}: interval of the volume {size[0]:g} to {size[1]:g} ml; {held}."]


def _comments(scan: Mapping[str, Any], provenance: Provenance) -> list[str]:
    comments = [MARK_LONG, provenance.sentence]
    if scan["reason"]:
        comments.append(scan["reason"])
    if scan["compartment"] is not None:
        comments.append(f"The outlines mean: {meaning_of(scan).label}. {MARK}")
    whole, single = scan.get("interval_level"), scan.get("lesion_interval_level")
    comments += _interval("All together", scan.get("tumour_volume_ml_interval"), whole)
    for number, lesion in enumerate(scan["lesions"], 1):
        # An only lesion has the interval of the whole outline.
        comments += _interval(
            f"Lesion {number}", lesion.get("volume_ml_interval"), whole if len(scan["lesions"]) == 1 else single
        )
        if lesion.get("side") == Side.MIDLINE.value:
            comments.append(f"Lesion {number}: on both sides of the midline or near it; which side is not said.")
    if any(lesion["area_mm2"] is None for lesion in scan["lesions"]):
        comments.append(NO_SPACING)
    elif any(lesion["volume_ml"] is None for lesion in scan["lesions"]):
        comments.append(NO_SLICE_DISTANCE)
    return comments
