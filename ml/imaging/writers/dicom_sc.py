"""The result as a Secondary Capture series (PS3.3 A.8.1): for a PACS that shows no SEG.

A picture a slice: the original in grey, the outline and its number drawn in, the numbers and
the mark written below. Each picture refers to its original and lies where that lies: its pixels
are the original's, each repeated a whole number of times, and the text stands in rows added
below. The outline cannot be switched off: the series goes beside the original, never in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from ml.findings import Verdict
from ml.imaging.burnt_in import BURNT_IN
from ml.imaging.writers import drawing
from ml.imaging.writers.common import (
    NO_GEOMETRY,
    NotExportable,
    Provenance,
    lesion_labels,
    meaning_of,
)
from ml.imaging.writers.dicom import coded, may_name_patient, new_instance
from ml.imaging.writers.marks import MARK, MARK_LONG
from ml.imaging.writers.source import Plane, SourceSeries

WORDS = {
    Verdict.TUMOUR: "suspicious for tumour",
    Verdict.NO_TUMOUR: "nothing above threshold, which does not exclude a tumour",
    Verdict.UNCERTAIN: "uncertain",
}
_NOTHING = (255, 255, 255)


def secondary_captures(
    source: SourceSeries,
    picture: Callable[[int], np.ndarray],
    masks: np.ndarray,
    scan: Mapping[str, Any],
    provenance: Provenance,
) -> Iterator[Dataset]:
    """Make the series, a picture at a time.

    Args:
        source: the instances, in slice order.
        picture: gives the slice of an index as it is shown: (rows, columns) uint8, as stored.
        masks: (slices, rows, columns) bool, uint8 or numbered (`lesion_labels`), as stored.
        scan: the contract's scan object.
        provenance: also gives the UIDs: the same run gives the same instances.

    Raises:
        NotExportable: if the scan was refused.
        ValueError: if pictures or masks are not this scan's.
    """
    if Verdict(scan["verdict"]) is Verdict.REFUSED:
        raise NotExportable("This scan was not analysed, so there is no result to draw.")
    inside = source.inside(masks, scan)
    labels, _ = lesion_labels(masks)
    rgb = meaning_of(scan).rgb if inside.any() else _NOTHING
    planes, references = _planes(source), source.references()
    times = drawing.magnification(*source.shape[1:])
    width = source.shape[2] * times
    in_doubt = Verdict(scan["verdict"]) is Verdict.UNCERTAIN
    captions = [drawing.wrapped(_sentences(scan, index, provenance), width) for index in range(len(source))]
    most = max(len(lines) for lines in captions)
    for index, lines in enumerate(captions):
        shown = picture(index)
        if shown.shape != source.shape[1:] or shown.dtype != np.uint8:
            raise ValueError(f"the picture is {shown.shape} {shown.dtype}, the source is {source.shape[1:]}")
        outlined = drawing.outlined(shown, labels[index], rgb, times, line=2, broken=in_doubt)
        drawn = drawing.with_caption(outlined, lines, most)
        dataset = _instance(source, index, references[index], provenance)
        _tell_burnt_in(dataset, source.datasets[index], scan)
        _place(dataset, source, planes[index] if planes else None, times)
        pixels = np.asarray(drawn)
        dataset.Rows, dataset.Columns = pixels.shape[:2]
        dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)
        yield dataset


def _planes(source: SourceSeries) -> list[Plane] | None:
    """Where the slices lie; None where the files do not say, and then the pictures do not say either."""
    try:
        return source.planes()
    except NotExportable as error:
        if error.sentence != NO_GEOMETRY:
            raise
        return None


def _sentences(scan: Mapping[str, Any], index: int, provenance: Provenance) -> list[str]:
    """What stands below a slice; plain ASCII, which is all that Pillow's own font holds."""
    found, count = scan["slices"][index], len(scan["slices"])
    area = "nothing outlined"
    if found["area_px"]:
        area = f"{found['area_px']:,} pixels outlined"
        if found["area_mm2"] is not None:
            area = f"{found['area_mm2']:,.0f} mm2 outlined"
    whole = f"Scan: {WORDS[Verdict(scan['verdict'])]}, probability {_chance(scan['tumour_probability'])}."
    if scan["lesions"]:
        volume = scan["tumour_volume_ml"]
        size = "volume not computable" if volume is None else f"{volume:.1f} ml"
        lesions = "1 lesion" if len(scan["lesions"]) == 1 else f"{len(scan['lesions']):,} lesions"
        whole += f" {meaning_of(scan).label}: {lesions}, {size}."
    return [
        f"Slice {index + 1} of {count}: probability {_chance(found['tumour_probability'])}, {area}.",
        whole,
        f"RESEARCH. {MARK}",
        f"Brainscan {provenance.software_version}, model {provenance.model_version}.",
        f"Scan {provenance.scan_id}, SHA-256 {provenance.scan_sha256[:16]}...",
    ]


def _chance(share: float) -> str:
    """A probability (0..1) as the pages write it: never as a certainty."""
    whole = round(share * 100)
    return "under 1%" if whole < 1 else "over 99%" if whole > 99 else f"{whole}%"


def _instance(source: SourceSeries, index: int, reference: Dataset, provenance: Provenance) -> Dataset:
    original = source.datasets[index]
    dataset = new_instance(
        original,
        provenance,
        sop_class=SecondaryCaptureImageStorage,
        kind="SC",
        modality=original.get("Modality") or "OT",
    )
    dataset.SOPInstanceUID = provenance.uid_as_written("SC", "instance", index)
    dataset.InstanceNumber = index + 1
    dataset.SeriesDescription = "RESEARCH, unverified: outline burnt in"
    dataset.ConversionType = "WSD"
    dataset.DateOfSecondaryCapture, dataset.TimeOfSecondaryCapture = dataset.ContentDate, dataset.ContentTime
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = "Outline and numbers of a program drawn on the original"
    dataset.ImageComments = f"{MARK_LONG} {provenance.sentence}"
    derived_from = Dataset()
    derived_from.update(reference)
    derived_from.PurposeOfReferenceCodeSequence = [
        coded("121322", "DCM", "Source image for image processing operation")
    ]
    dataset.SourceImageSequence = [derived_from]
    if original.get("LossyImageCompression"):
        dataset.LossyImageCompression = original.LossyImageCompression
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    return dataset


def _tell_burnt_in(dataset: Dataset, original: Dataset, scan: Mapping[str, Any]) -> None:
    """What the original's pixels may hold: its own word, unless text was seen. What is written below names nobody."""
    if BURNT_IN in (scan.get("notes") or ()) or original.get("BurnedInAnnotation") == "YES":
        may_name_patient(dataset)
    elif original.get("BurnedInAnnotation"):
        dataset.BurnedInAnnotation = original.BurnedInAnnotation


def _place(dataset: Dataset, source: SourceSeries, plane: Plane | None, times: int) -> None:
    """Say where the picture lies: the first of the small pixels lies off the centre of the original's."""
    dataset.PatientOrientation = ""
    if plane is None:
        return
    off = np.full((1, 2), (1 / times - 1) / 2)
    dataset.PixelSpacing = [_decimal(plane.row_mm / times), _decimal(plane.column_mm / times)]
    dataset.ImageOrientationPatient = [_decimal(value) for value in (*plane.along_row, *plane.along_column)]
    dataset.ImagePositionPatient = [_decimal(value) for value in plane.points(off)[0]]
    dataset.SliceThickness = ""
    dataset.FrameOfReferenceUID = source.first.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = source.first.get("PositionReferenceIndicator", "")


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5 6.2)."""
    return f"{value:.9g}"[:16]
