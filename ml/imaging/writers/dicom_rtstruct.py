"""The outline as an RT Structure Set (PS3.3 A.19): for planning systems, and programs that read no SEG.

A region of interest for each lesion, in the order of the result's list, drawn as closed planar
contours in patient coordinates on the original instances. It is a research result that nobody
has approved, and its approval status, label and descriptions say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from ml.imaging.outlines import keyholed, outline
from ml.imaging.writers.common import (
    Meaning,
    Provenance,
    meaning_of,
)
from ml.imaging.writers.dicom import coded, file_meta, new_instance
from ml.imaging.writers.marks import MARK, MARK_LONG
from ml.imaging.writers.source import Plane, SourceSeries

# Retired, and still what readers expect as the class of the referenced study (PS3.3 C.8.8.5).
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"


def structure_set(source: SourceSeries, masks: np.ndarray, scan: Mapping[str, Any], provenance: Provenance) -> Dataset:
    """Make the structure set.

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
    planes, labels, count = source.outlined(masks, scan, form="a structure set")
    references = source.references()

    dataset = new_instance(
        source.first, provenance, sop_class=RTStructureSetStorage, kind="RTSTRUCT", modality="RTSTRUCT"
    )
    dataset.SeriesDescription = f"RESEARCH, unverified: {meaning.label}"
    dataset.OperatorsName = ""
    dataset.FrameOfReferenceUID = source.first.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = source.first.get("PositionReferenceIndicator", "")
    dataset.StructureSetLabel = "RESEARCH"
    dataset.StructureSetName = meaning.label
    dataset.StructureSetDescription = f"{MARK_LONG} {provenance.sentence}"
    dataset.StructureSetDate, dataset.StructureSetTime = dataset.ContentDate, dataset.ContentTime
    del dataset.ContentDate, dataset.ContentTime
    dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(source, references)]
    dataset.StructureSetROISequence = [_region(number, meaning, source, provenance) for number in range(1, count + 1)]
    dataset.ROIContourSequence = [
        _contours(number, labels == number, meaning, planes, references) for number in range(1, count + 1)
    ]
    dataset.RTROIObservationsSequence = [_observation(number, meaning) for number in range(1, count + 1)]
    dataset.ApprovalStatus = "UNAPPROVED"
    # Implicit VR: an explicit DS ends at 64 kB, and a ragged contour may not (PS3.5 7.1.2).
    dataset.file_meta = file_meta(ImplicitVRLittleEndian)
    return dataset


def _frame_of_reference(source: SourceSeries, references: list[Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = source.first.SeriesInstanceUID
    series.ContourImageSequence = references
    study = Dataset()
    study.ReferencedSOPClassUID = _STUDY_CLASS
    study.ReferencedSOPInstanceUID = source.first.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = source.first.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    return frame


def _region(number: int, meaning: Meaning, source: SourceSeries, provenance: Provenance) -> Dataset:
    region = Dataset()
    region.ROINumber = number
    region.ReferencedFrameOfReferenceUID = source.first.FrameOfReferenceUID
    region.ROIName = f"{meaning.label} {number}"
    region.ROIDescription = f"{MARK} Tracking UID {provenance.uid('lesion', number)}"
    region.ROIGenerationAlgorithm = "AUTOMATIC"
    region.ROIGenerationDescription = f"Brainscan U-Net outline {provenance.model_version}"[:64]
    return region


def _contours(
    number: int, inside: np.ndarray, meaning: Meaning, planes: list[Plane], references: list[Dataset]
) -> Dataset:
    """The contours of one region: (slices, rows, columns) bool."""
    contours: list[Dataset] = []
    for index in np.flatnonzero(inside.any(axis=(1, 2))).tolist():
        for polygon in keyholed(outline(inside[index])):
            # A pixel's centre is half a pixel from its corner, and DICOM counts from centres.
            points = planes[index].points(np.asarray(polygon) - 0.5)
            contour = Dataset()
            contour.ContourImageSequence = [references[index]]
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(points)
            contour.ContourNumber = len(contours) + 1
            contour.ContourData = [f"{value:.4f}" for value in points.ravel()]
            contours.append(contour)
    item = Dataset()
    item.ReferencedROINumber = number
    item.ROIDisplayColor = list(meaning.rgb)
    item.ContourSequence = contours
    return item


def _observation(number: int, meaning: Meaning) -> Dataset:
    observation = Dataset()
    observation.ObservationNumber = number
    observation.ReferencedROINumber = number
    observation.RTROIInterpretedType = ""
    observation.ROIInterpreter = ""
    observation.RTROIIdentificationCodeSequence = [coded(*meaning.code)]
    return observation
