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

from ml.imaging.grouping import evenly_spaced
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
        pixel_array=_for_every_frame(source, labels),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_describe(number, meaning, provenance) for number in range(1, count + 1)],
        series_instance_uid=provenance.uid("SEG", "series"),
        series_number=SERIES_NUMBERS["SEG"],
        sop_instance_uid=provenance.uid("SEG", "instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=provenance.software_version,
        device_serial_number=provenance.model_version,
        content_label="RESEARCH",
        content_description=MARK,
        content_creator_name="Brainscan^",
    )
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
    the file's own matter (slices may have gaps or overlap), but readers of segmentations take one for given and a
    single-frame original may state none (PS3.3 C.8.3.1): the distance stands in its place. What a multi-frame original
    says of each frame is left as it is.

    Raises:
        NotExportable: where no thickness is stated for a lone slice, or for slices that are not evenly spaced.
    """
    if source.is_multiframe:
        return source.instances
    along = [float(plane.position @ planes[0].normal) for plane in planes]
    between = None
    if len(planes) > 1 and evenly_spaced(along):
        between = round(abs(along[-1] - along[0]) / (len(along) - 1), 6)
    instances: list[Dataset] = []
    for dataset in source.instances:
        one = Dataset()
        one.update(dataset)  # the original stays as it came
        thickness = dataset.get("SliceThickness") or between
        if thickness is None:
            raise NotExportable(NO_GEOMETRY if len(planes) == 1 else NO_THICKNESS)
        one.add_new("SliceThickness", "DS", thickness)
        one.pop("SpacingBetweenSlices", None)
        if between is not None:
            one.add_new("SpacingBetweenSlices", "DS", between)
        instances.append(one)
    return instances


def _for_every_frame(source: SourceSeries, labels: np.ndarray) -> np.ndarray:
    """The labels laid out as highdicom wants them: a plane for each instance, or for each frame of the one instance."""
    if not source.is_multiframe:
        return labels
    if len(source.instances) > 1:
        raise NotExportable(
            "The slices come from several multi-frame files, which one DICOM Segmentation cannot refer to."
        )
    frames = np.zeros((int(source.first.NumberOfFrames), *labels.shape[1:]), labels.dtype)
    frames[[frame or 0 for frame in source.frames]] = labels
    return frames


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
