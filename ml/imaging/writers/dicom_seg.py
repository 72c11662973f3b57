"""The outline as a DICOM Segmentation that refers to the original instances (PS3.3 A.51).

A segment a lesion, in the order of the result's list, each with its own tracking UID, so that
the structured report, the PACS and a follow-up name the same lesion. Empty frames are left
out; an empty finding has no segmentation at all, because readers crash on one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from ml.imaging.writers.common import (
    MANUFACTURER,
    MODEL_NAME,
    NO_GEOMETRY,
    Meaning,
    NotExportable,
    Provenance,
    meaning_of,
)
from ml.imaging.writers.dicom import SERIES_NUMBERS, stamp
from ml.imaging.writers.marks import MARK
from ml.imaging.writers.source import Plane, SourceSeries

NO_THICKNESS = (
    "The files do not say how thick the slices are, and these are not evenly spaced, so this format cannot be made. "
    "Choose the contours (RTSTRUCT) instead."
)
NOT_PARALLEL = (
    "The slices do not all point the same way, so this format cannot be made. Choose the contours (RTSTRUCT) instead."
)
ALGORITHM_NAME = "Brainscan U-Net outline"
# CID 7162: "Artificial Intelligence".
ALGORITHM_FAMILY = codes.cid7162.ArtificialIntelligence


def segmentation(
    source: SourceSeries, masks: np.ndarray, scan: Mapping[str, Any], provenance: Provenance
) -> Segmentation:
    """Make the segmentation.

    Args:
        source: the instances, in slice order.
        masks: (slices, rows, columns) bool, uint8 or numbered (`lesion_labels`), as stored.
        scan: the contract's scan object.
        provenance: also gives the UIDs: the same run gives the same instance.

    Raises:
        NotExportable: if nothing is outlined, or the slices' places are unknown.
        ValueError: if the masks are not this scan's or not of the source's shape.
    """
    meaning = meaning_of(scan)
    planes, labels, count = source.outlined(masks, scan, form="a DICOM Segmentation")
    segments = Segmentation(
        source_images=_measured(source, planes),
        pixel_array=labels,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_describe(number, meaning, provenance) for number in range(1, count + 1)],
        series_instance_uid=provenance.uid_as_written("SEG", "series"),
        series_number=SERIES_NUMBERS["SEG"],
        sop_instance_uid=provenance.uid_as_written("SEG", "instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=provenance.software_version,
        device_serial_number=provenance.model_version,
        content_label="RESEARCH",
        content_description=MARK,
        content_creator_name="Brainscan^",
    )
    if len(source) == 1:  # highdicom calls the distance of a lone slice 1 mm
        segments.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].pop("SpacingBetweenSlices", None)
    if source.is_multiframe:
        _name_frames(segments, source)
    segments.SeriesDescription = f"RESEARCH, unverified: {meaning.label}"
    # highdicom makes a new one each time; the same run is to give the same instance.
    organization = provenance.uid("SEG", "dimensions")
    for item in (*segments.DimensionOrganizationSequence, *segments.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    stamp(segments, source.first, provenance)
    return segments


def tracking(number: int, meaning: Meaning, provenance: Provenance) -> tuple[str, str]:
    """Tracking UID and identifier of the result's lesion `number`, counted from 1."""
    return provenance.uid("lesion", number), f"{meaning.label} {number}"


def _measured(source: SourceSeries, planes: Sequence[Plane]) -> list[Dataset]:
    """The instances with what a segmentation copies of them: a slice thickness, and the distance of slices as measured.

    What a header says of the distance may be wrong, and readers that trust it would make another volume of the same
    outline: it is that of the positions along the normal, and nothing where slices are not evenly spaced. A thickness is
    the file's own matter (slices may have gaps or overlap), but readers of segmentations take one for given and an
    original may state none (PS3.3 C.8.3.1): the distance stands in its place. The original stays as it came.

    Raises:
        NotExportable: where no thickness is stated for a lone slice, or for slices that are not evenly spaced; where the
            slices do not all point the same way; and where they come from several multi-frame files.
    """
    if not source.is_parallel(planes):
        raise NotExportable(NOT_PARALLEL)
    between = source.distance(planes)
    thick = [thickness or between for thickness in source.thicknesses()]
    if None in thick:
        raise NotExportable(NO_GEOMETRY if len(planes) == 1 else NO_THICKNESS)
    if source.is_multiframe:
        return [_of_frames(source, thick[0], between)]
    instances: list[Dataset] = []
    for index, dataset in enumerate(source.datasets):
        one = Dataset()
        one.update(dataset)
        # The same but for the last digits. Added anew, as everything here: `update` shares the elements themselves.
        one.add_new("ImageOrientationPatient", "DS", source.first.ImageOrientationPatient)
        _state(one, thick[index], between)
        instances.append(one)
    return instances


def _state(measures: Dataset, thickness: float | None, between: float | None) -> None:
    measures.add_new("SliceThickness", "DS", thickness)
    measures.pop("SpacingBetweenSlices", None)
    if between is not None:
        measures.add_new("SpacingBetweenSlices", "DS", between)


def _of_frames(source: SourceSeries, thickness: float | None, between: float | None) -> Dataset:
    """A multi-frame instance that holds the slices alone, in their order, with pixel measures and directions shared by all.

    Scanners may state both for each frame, and an instance may hold other frames at the same places: highdicom takes neither.

    Raises:
        NotExportable: where the slices come from several files.
    """
    if len(source.instances) > 1:
        raise NotExportable(
            "The slices come from several multi-frame files, which one DICOM Segmentation cannot refer to."
        )
    measures, directions, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = source.stated(0, "PixelMeasuresSequence", "PixelSpacing")
    _state(measures, thickness, between)
    directions.ImageOrientationPatient = source.stated(0, "PlaneOrientationSequence", "ImageOrientationPatient")
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [directions]
    frames = []
    for index in range(len(source)):
        position, frame = Dataset(), Dataset()
        position.ImagePositionPatient = source.stated(index, "PlanePositionSequence", "ImagePositionPatient")
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    one = Dataset()
    one.update(source.first)
    one.add_new("NumberOfFrames", "IS", len(source))
    one.add_new("SharedFunctionalGroupsSequence", "SQ", [shared])
    one.add_new("PerFrameFunctionalGroupsSequence", "SQ", frames)
    return one


def _name_frames(segments: Segmentation, source: SourceSeries) -> None:
    """Refer to the original's own frames instead of the slices that `_of_frames` made of them."""
    for group in segments.PerFrameFunctionalGroupsSequence:
        for derivation in group.get("DerivationImageSequence") or ():
            for image in derivation.SourceImageSequence:
                frame = source.frames[int(image.ReferencedFrameNumber) - 1]
                image.ReferencedFrameNumber = (frame or 0) + 1


def _describe(number: int, meaning: Meaning, provenance: Provenance) -> SegmentDescription:
    uid, identifier = tracking(number, meaning, provenance)
    description = SegmentDescription(
        segment_number=number,
        segment_label=identifier,
        segmented_property_category=codes.cid7150.MorphologicallyAbnormalStructure,
        segmented_property_type=Code(*meaning.code),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=ALGORITHM_NAME,
            family=ALGORITHM_FAMILY,
            version=provenance.model_version,
            source=MANUFACTURER,
            parameters={
                "scan": str(provenance.scan_id),
                "scan_sha256": provenance.scan_sha256,
                "analysis": str(provenance.analysis_id),
            },
        ),
        tracking_uid=uid,
        tracking_id=identifier,
        anatomic_regions=[codes.SCT.Brain],
        display_color=CIELabColor.from_rgb(*meaning.rgb),
    )
    description.SegmentDescription = MARK
    return description
