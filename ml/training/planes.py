"""LGG volumes cut in the other two planes, with their outlines.

The set's slices are axial, and BRISC's sagittal and coronal pictures are contrast T1; hospitals acquire FLAIR in every
plane. So each patient's axial volume is cut anew. What lies between two slices is interpolated, so a cut is coarse
from top to bottom, and as the files tell no distance of slices, its height is drawn.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import ndimage

from ml.training.datasets import Case

Plane = Literal["sagittal", "coronal"]
PLANES: tuple[Plane, ...] = get_args(Plane)
_AXIS: dict[Plane, int] = {"sagittal": 2, "coronal": 1}
_CODE: dict[Plane, str] = {"sagittal": "sa", "coronal": "co"}
CUTS = 24
"""Cuts of a patient in one plane, evenly between the first and last tissue."""
_INSET = 0.08
"""Share of the head on either side that is left out: there a cut shows scalp only."""
_HEIGHT = (0.55, 0.75)
"""Height of a cut, as a share of its width: 20 to 88 slices cover 130 to 170 mm of a picture 220 to 240 mm wide."""
_TISSUE, _ENOUGH = 0.15, 0.04
"""Tissue is brighter than this share of what is bright in the volume; a cut of the head holds at least so much of it."""
_FAR = 12.0
"""Pixels: what is farther from an outline counts as that far, so that a slice without one does not outweigh its neighbour."""


@dataclass(frozen=True)
class Recut(Case):
    """An LGG patient's volume in another plane: its slices are `CUTS` cuts, from one side of the head to the other.

    `images` and `masks` stay the axial files; `name` tells patient and plane, `patient` the patient.
    """

    patient: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """A name for each cut."""
        return tuple(f"{self.name} {number}" for number in range(1, CUTS + 1))

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (cuts, rows, columns, channels) and bool (cuts, rows, columns), the top of the head in row 0.

        Raises DataFault as a case does.
        """
        voxels, outlines = super().read()
        plane = next(plane for plane, code in _CODE.items() if code == self.plane)
        return cut(voxels, outlines, plane, height(self.name, voxels.shape[2]))


def recut(cases: Sequence[Case], planes: Sequence[Plane] = PLANES) -> list[Case]:
    """The LGG patients among the cases in other planes, a case for each."""
    return [
        Recut(case.family, f"{case.name} {plane}", case.images, case.masks, plane=_CODE[plane], patient=case.name)
        for case in cases
        if case.family == "lgg" and not isinstance(case, Recut)
        for plane in planes
    ]


def patient_of(case: Case) -> str:
    """Whose volume it is: a patient's cuts belong where the patient does."""
    return case.patient if isinstance(case, Recut) else case.name


def height(name: str, width: int) -> int:
    """Rows of the cuts of a case, drawn by its name: the same in every run."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return round(float(random.uniform(*_HEIGHT)) * width)


def cut(voxels: np.ndarray, outlines: np.ndarray, plane: Plane, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts an axial volume, its first slice at the bottom.

    Takes uint8 (slices, rows, columns, channels) and bool (slices, rows, columns); gives uint8 (cuts, `rows`, width, channels)
    and bool (cuts, `rows`, width). Pixels are interpolated by splines, outlines by their distances
    (shape-based interpolation, Raya and Udupa 1990).
    """
    axis = _AXIS[plane]
    bright = voxels.max(axis=3)
    tissue = bright > _TISSUE * np.percentile(bright, 99.5)
    tissue = np.flatnonzero(tissue.mean(axis=tuple({0, 1, 2} - {axis})) >= _ENOUGH)
    first, last = (int(tissue[0]), int(tissue[-1])) if len(tissue) else (0, voxels.shape[axis] - 1)
    inset = _INSET * (last - first)
    places = np.linspace(first + inset, last - inset, CUTS).round().astype(int)
    pixels = _stretched(np.take(voxels, places, axis), axis, rows, spline=3)
    inside = np.stack([_depth(outline) for outline in outlines])
    depth = _stretched(np.take(inside, places, axis), axis, rows, spline=1)
    return np.clip(pixels.round(), 0, 255).astype(np.uint8), depth > 0


def _stretched(cuts: np.ndarray, axis: int, rows: int, *, spline: Literal[1, 3]) -> np.ndarray:
    """Cuts along `axis` of (slices, ...) as float32 (cuts, rows, ...): the first slice is the lowest, the first row the highest."""
    upright = np.moveaxis(cuts[::-1], axis, 0).astype(np.float32)
    count = upright.shape[1]
    # Interpolation is linear in what it interpolates: done once, for one axis alone, it is many times sooner.
    share = ndimage.zoom(np.eye(count), (rows / count, 1), order=spline, mode="nearest", grid_mode=True)
    return np.moveaxis(np.tensordot(share.astype(np.float32), upright, (1, 1)), 0, 1)


def _depth(outline: np.ndarray) -> np.ndarray:
    """How far inside an outline each pixel of bool (rows, columns) lies, in pixels; outside below 0."""
    if not outline.any():
        return np.full(outline.shape, -_FAR, np.float32)
    inside = ndimage.distance_transform_edt(outline) - ndimage.distance_transform_edt(~outline)
    return np.clip(inside - 0.5 * np.sign(inside), -_FAR, _FAR).astype(np.float32)
