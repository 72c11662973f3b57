"""Asymmetric phantoms whose every voxel knows where it lies in the patient.

The "lesion" is a wedge that no flip, swap or shift maps onto itself, so a mask that lies on
it voxel by voxel lies there for the right reason.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import UID, EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

from ml import measure
from ml.findings import Compartment, Findings, SliceFinding, Verdict, to_json
from ml.findings import Mask as SliceMask
from ml.imaging.volume import Spacing
from ml.imaging.writers.common import Provenance

SHAPE = (9, 40, 34)  # slices, rows, columns
ROW_MM, COLUMN_MM, SLICE_MM = 0.75, 1.25, 4.0
ORIGIN = np.array([-31.5, 22.25, -14.0])

PROVENANCE = Provenance(
    scan_id=UUID("11111111-2222-4333-8444-555555555555"),
    analysis_id=UUID("99999999-8888-4777-8666-555555555555"),
    scan_sha256="ab" * 32,
    model_version="2026.11.24",
    software_version="0.1.0",
    made=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
)


def wedge(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """(slices, rows, columns) bool: two lesions without symmetry, the larger with a hole."""
    mask = np.zeros(shape, bool)
    for offset, size in enumerate((3, 6, 9, 5)):
        mask[2 + offset, 5 : 5 + 2 * size, 6 : 6 + size] = True
        mask[2 + offset, 5 : 5 + size, 6 + size : 8 + size] = True
    mask[4, 9:12, 9:11] = False
    mask[7, 30:33, 25:30] = True
    mask[7, 30, 30] = True
    return mask


def rotation(degrees: tuple[float, float, float]) -> np.ndarray:
    """(3, 3) about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        i, j = ((1, 2), (2, 0), (0, 1))[axis]
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


# Directions in the patient (LPS): of growing columns, growing rows and growing slices.
PLANES: dict[str, np.ndarray] = {
    "axial, feet first (LPS)": np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], float),
    "axial, head first": np.array([[1, 0, 0], [0, 1, 0], [0, 0, -1]], float),
    "axial, neurological": np.array([[-1, 0, 0], [0, 1, 0], [0, 0, 1]], float),
    "axial, prone (RAS)": np.array([[-1, 0, 0], [0, -1, 0], [0, 0, 1]], float),
    "axial, rows to the front (LAS)": np.array([[1, 0, 0], [0, -1, 0], [0, 0, 1]], float),
    "coronal": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float),
    "sagittal": np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0]], float),
    "oblique": (rotation((12, -17, 8)) @ np.eye(3)).T,
    "double oblique, head first": (rotation((-21, 9, 33)) @ np.diag([1.0, 1.0, -1.0])).T,
}


LPS = "axial, feet first (LPS)"


def place(plane: str, index: np.ndarray) -> np.ndarray:
    """(n, 3) slice, row, column to (n, 3) mm LPS."""
    along_row, along_column, along_slices = PLANES[plane]
    steps = np.stack([along_slices * SLICE_MM, along_column * ROW_MM, along_row * COLUMN_MM])
    return np.asarray(ORIGIN + np.asarray(index, float) @ steps)


def mr_series(plane: str = LPS, shape: tuple[int, int, int] = SHAPE) -> list[Dataset]:
    """A de-identified MR series, an instance a slice, in slice order."""
    along_row, along_column, _ = PLANES[plane]
    rng = np.random.default_rng(5)
    voxels = (rng.integers(0, 400, shape) + 700 * wedge(shape)).astype(np.uint16)
    series = []
    for number in range(shape[0]):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = MRImageStorage
        dataset.SOPInstanceUID = UID(f"1.2.826.0.1.3680043.8.498.7.{number + 1}")
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.1"
        dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.2"
        dataset.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.3"
        dataset.PatientID, dataset.PatientName = "P-1F2E3D", "P-1F2E3D^"
        dataset.PatientBirthDate, dataset.PatientSex = "", ""
        dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20260102", "101112", ""
        dataset.AccessionNumber, dataset.ReferringPhysicianName = "", ""
        dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "MR", 4, number + 1
        dataset.Manufacturer, dataset.PositionReferenceIndicator = "Phantom", ""
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "SE", "SK", ""
        dataset.MRAcquisitionType, dataset.EchoTime, dataset.RepetitionTime, dataset.EchoTrainLength = "2D", 90, 9000, 1
        dataset.SliceThickness, dataset.SpacingBetweenSlices = 3, SLICE_MM
        dataset.PixelSpacing = [ROW_MM, COLUMN_MM]
        dataset.ImageOrientationPatient = [f"{value:.9g}"[:16] for value in (*along_row, *along_column)]
        dataset.ImagePositionPatient = [f"{value:.9g}"[:16] for value in place(plane, np.array([[number, 0, 0]]))[0]]
        dataset.Rows, dataset.Columns = shape[1], shape[2]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
        dataset.PixelData = voxels[number].tobytes()
        series.append(dataset)
    return series


def enhanced(plane: str = LPS, shape: tuple[int, int, int] = SHAPE) -> tuple[Dataset, list[int]]:
    """The same as one enhanced multi-frame instance, its frames stored in no order; and the frame of each slice."""
    series = mr_series(plane, shape)
    order = np.random.default_rng(3).permutation(len(series)).tolist()
    dataset = Dataset()
    dataset.update({element.tag: element for element in series[0] if element.keyword not in _PER_FRAME})
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.NumberOfFrames = len(series)
    dataset.PixelData = b"".join(series[slice_].PixelData for slice_ in order)
    measures, directions = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = series[0].PixelSpacing, 3
    measures.SpacingBetweenSlices = SLICE_MM
    directions.ImageOrientationPatient = series[0].ImageOrientationPatient
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [directions]
    dataset.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for slice_ in order:
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = series[slice_].ImagePositionPatient
        group.PlanePositionSequence = [position]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    return dataset, [order.index(slice_) for slice_ in range(len(series))]


_PER_FRAME = {
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "InstanceNumber", "PixelData",
}  # fmt: skip


def write_series(series: list[Dataset], folder: Path) -> list[Path]:
    paths = []
    for number, dataset in enumerate(series):
        paths.append(folder / f"{number:03}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def scan_of(
    masks: np.ndarray,
    *,
    compartment: Compartment = Compartment.FLAIR_ABNORMALITY,
    spacing: Spacing | None = Spacing(SLICE_MM, ROW_MM, COLUMN_MM),  # noqa: B008
) -> dict[str, Any]:
    """The contract's scan object for these outlines, made the way the pipeline makes it."""
    sizes = measure.lesions(masks, spacing)
    outlined = bool(masks.any())
    verdict = Verdict.TUMOUR if outlined else Verdict.NO_TUMOUR
    slices = tuple(
        SliceFinding(
            index,
            f"{index:03}.dcm",
            0.9 if mask.any() else 0.1,
            Verdict.TUMOUR if mask.any() else Verdict.NO_TUMOUR,
            SliceMask(mask),
            sizes.area_mm2[index] if sizes.area_mm2 else None,
        )
        for index, mask in enumerate(masks)
    )
    findings = Findings(
        "series",
        verdict,
        None,
        0.97 if outlined else 0.03,
        compartment if outlined else None,
        sizes.volume_ml,
        sizes.lesions,
        slices,
    )
    return to_json(findings, input="scan")


def has_no_symmetry(mask: np.ndarray) -> bool:
    """Whether no flip and no quarter turn of equal size maps the mask onto itself."""
    flips = [
        axes
        for count in (1, 2, 3)
        for axes in [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
        if len(axes) == count
    ]
    return not any(np.array_equal(np.flip(mask, axes), mask) for axes in flips) and all(
        a != b for a, b in pairwise(mask.shape)
    )
