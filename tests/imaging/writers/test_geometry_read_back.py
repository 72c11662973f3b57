"""Whatever is written lies, read back by other libraries, on the voxels that were outlined: to a hundredth of a millimetre."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from io import BytesIO

import nibabel as nib
import numpy as np
import pytest
from highdicom.seg import segread
from pydicom import Dataset, dcmread

from ml.imaging.writers import dicom_rtstruct, dicom_sc, dicom_seg, nifti
from ml.imaging.writers.common import MEANINGS, Compartment
from ml.imaging.writers.dicom import to_bytes
from ml.imaging.writers.source import SourceSeries
from tests.imaging.writers.geometry import (
    COLUMN_MM,
    PLANES,
    PROVENANCE,
    SHAPE,
    enhanced,
    has_no_symmetry,
    mr_series,
    place,
    scan_of,
    wedge,
)

NEAR = 0.01
EMPTY = np.zeros(SHAPE, bool)


def sources(plane: str, kind: str) -> SourceSeries:
    if kind == "single-frame":
        return SourceSeries(mr_series(plane))
    dataset, frames = enhanced(plane)
    return SourceSeries([dataset] * len(frames), frames)


def in_segmentation(source: SourceSeries) -> np.ndarray:
    """Every pixel of every segment as a point, mm LPS."""
    made = dicom_seg.segmentation(source, wedge(), scan_of(wedge()), PROVENANCE)
    read = segread(BytesIO(to_bytes(made)))
    shared = read.SharedFunctionalGroupsSequence[0]
    spacing = [float(value) for value in shared.PixelMeasuresSequence[0].PixelSpacing]
    directions = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    points = []
    for frame, group in zip(read.pixel_array, read.PerFrameFunctionalGroupsSequence, strict=True):
        origin = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        for row, column in np.argwhere(frame):
            points.append(origin + directions[:3] * column * spacing[1] + directions[3:] * row * spacing[0])
    return np.array(points)


def in_structure_set(source: SourceSeries) -> np.ndarray:
    """Every pixel of the originals whose middle lies within a contour, as a point, mm LPS."""
    read = dcmread(BytesIO(to_bytes(dicom_rtstruct.structure_set(source, wedge(), scan_of(wedge()), PROVENANCE))))
    points = []
    for region in read.ROIContourSequence:
        for contour in region.ContourSequence:
            assert contour.ContourGeometricType == "CLOSED_PLANAR"
            corners = np.array(contour.ContourData, float).reshape(-1, 3)
            assert len(corners) == contour.NumberOfContourPoints
            origin, directions, spacing = original_plane(source, contour.ContourImageSequence[0])
            off = corners - origin
            assert np.abs(off @ np.cross(directions[:3], directions[3:])).max() < NEAR, "the contour lies in its slice"
            pixels = np.stack([off @ directions[:3] / spacing[1], off @ directions[3:] / spacing[0]], axis=1)
            for row, column in np.argwhere(filled(pixels)):
                points.append(origin + directions[:3] * column * spacing[1] + directions[3:] * row * spacing[0])
    return np.array(points)


def original_plane(source: SourceSeries, reference: Dataset) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Position, directions and spacing of the original that a contour refers to, as its own headers say."""
    dataset = next(each for each in source.instances if each.SOPInstanceUID == reference.ReferencedSOPInstanceUID)
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return (
            np.array(dataset.ImagePositionPatient, float),
            np.array(dataset.ImageOrientationPatient, float),
            [float(value) for value in dataset.PixelSpacing],
        )
    group = dataset.PerFrameFunctionalGroupsSequence[reference.ReferencedFrameNumber - 1]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    return (
        np.array(group.PlanePositionSequence[0].ImagePositionPatient, float),
        np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float),
        [float(value) for value in shared.PixelMeasuresSequence[0].PixelSpacing],
    )


def filled(corners: np.ndarray) -> np.ndarray:
    """(rows, columns) bool: pixels whose middle lies inside a polygon of (column, row), by even and odd."""
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    inside = np.zeros(SHAPE[1:], bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y1 > rows) != (y2 > rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x1 + (rows - y1) / (y2 - y1) * (x2 - x1)
        inside ^= crosses & (columns < at)
    return inside


def in_nifti(source: SourceSeries) -> np.ndarray:
    """Every voxel above 0 as a point, mm LPS."""
    made = nib.Nifti1Image.from_bytes(gzip.decompress(nifti.like_dicom(source, wedge(), PROVENANCE)))
    inside = np.argwhere(np.asarray(made.dataobj) > 0)
    return nib.affines.apply_affine(made.affine, inside) * (-1, -1, 1)


def same_points(found: np.ndarray, truth: np.ndarray) -> bool:
    distances = np.linalg.norm(found[:, None] - truth[None], axis=2)
    return len(found) == len(truth) and distances.min(axis=1).max() < NEAR and distances.min(axis=0).max() < NEAR


def test_the_phantom_has_no_symmetry():
    assert has_no_symmetry(wedge())


@pytest.mark.parametrize("kind", ["single-frame", "enhanced multi-frame"])
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    "read", [in_segmentation, in_structure_set, in_nifti], ids=["segmentation", "structure set", "NIfTI"]
)
def test_the_outline_lies_where_it_was_drawn(read: Callable[[SourceSeries], np.ndarray], plane: str, kind: str):
    assert same_points(read(sources(plane, kind)), place(plane, np.argwhere(wedge())))


@pytest.mark.parametrize("kind", ["single-frame", "enhanced multi-frame"])
@pytest.mark.parametrize("plane", PLANES)
def test_secondary_captures_show_each_voxel_in_its_place(plane: str, kind: str):
    rng = np.random.default_rng(8)
    shown = rng.integers(0, 256, SHAPE, np.uint8)
    series = list(
        dicom_sc.secondary_captures(sources(plane, kind), shown.__getitem__, EMPTY, scan_of(EMPTY), PROVENANCE)
    )
    voxels = np.argwhere(np.ones(SHAPE, bool))
    middles, values = place(plane, voxels), shown.ravel()
    for made in series:
        read = dcmread(BytesIO(to_bytes(made)))
        grey = read.pixel_array[..., 0]
        pixels = rng.integers((0, 0), (SHAPE[1] * 4, SHAPE[2] * 4), (40, 2))
        for row, column in pixels:
            nearest = np.linalg.norm(middles - point_of(read, row, column), axis=1).argmin()
            assert values[nearest] == grey[row, column]


@pytest.mark.parametrize("plane", ["axial, feet first (LPS)", "oblique", "axial, rows to the front (LAS)"])
def test_secondary_captures_draw_the_line_round_the_lesion(plane: str):
    shown = np.zeros(SHAPE, np.uint8)
    made = dicom_sc.secondary_captures(
        sources(plane, "single-frame"), shown.__getitem__, wedge(), scan_of(wedge()), PROVENANCE
    )
    rgb = MEANINGS[Compartment.FLAIR_ABNORMALITY].rgb
    for index, dataset in enumerate(made):
        read = dcmread(BytesIO(to_bytes(dataset)))
        mask = np.pad(wedge()[index], 1)
        core = mask[1:-1, :-2] & mask[1:-1, 2:] & mask[:-2, 1:-1] & mask[2:, 1:-1]
        edge = np.argwhere(wedge()[index] & ~core)
        drawn = np.argwhere((read.pixel_array[: SHAPE[1] * 4] == rgb).all(axis=2))
        assert bool(len(drawn)) == bool(len(edge))
        if len(edge):
            truth = place(plane, np.column_stack([np.full(len(edge), index), edge]))
            lines = np.array([point_of(read, row, column) for row, column in drawn])
            distances = np.linalg.norm(truth[:, None] - lines[None], axis=2)
            assert distances.min(axis=1).max() < COLUMN_MM  # the width of one pixel


def point_of(read: Dataset, row: int, column: int) -> np.ndarray:
    directions = np.array(read.ImageOrientationPatient, float)
    spacing = [float(value) for value in read.PixelSpacing]
    origin = np.array(read.ImagePositionPatient, float)
    return np.asarray(origin + directions[:3] * column * spacing[1] + directions[3:] * row * spacing[0])
