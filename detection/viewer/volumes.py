"""The geometry of what the viewer shows, as the worker wrote it (detection/analysis/voxels.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from detection import storage
from detection.models.measurement import Plane

ACROSS: dict[Plane, tuple[int, int, int]] = {
    Plane.AXIAL: (0, 1, 2),
    Plane.CORONAL: (0, 2, 1),
    Plane.SAGITTAL: (1, 2, 0),
    Plane.ACQUIRED: (0, 1, 2),
}
"""For each plane: which of x, y, z (0, 1, 2) runs across it, down it, and through it."""


@dataclass(frozen=True)
class Slices:
    """One plane of a volume.

    Attributes
    ----------
    width, height, count : int
        Voxels across and down a slice, and slices.
    pixel_mm : tuple of float or None
        Distance between voxel centres across and down, or None where the file does not say.
    """

    width: int
    height: int
    count: int
    pixel_mm: tuple[float, float] | None


@dataclass(frozen=True)
class StoredVolume:
    """`volume.json` of one analysis: `described` is its content, `slices` its planes."""

    described: dict[str, Any]
    slices: dict[Plane, Slices]


def load(analysis_id: UUID) -> StoredVolume | None:
    """The geometry of an analysis; None where the worker wrote none."""
    try:
        with storage.open_derived(analysis_id, "volume.json") as file:
            described: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        return None
    return StoredVolume(described, {Plane(name): _slices(described, Plane(name)) for name in described["planes"]})


def _slices(described: dict[str, Any], plane: Plane) -> Slices:
    across, down, through = ACROSS[plane]
    dims = described["dims"]
    wide, tall = (described["spacing"][axis] if described["spacing"] else None for axis in (across, down))
    pixel = None if wide is None or tall is None else (float(wide), float(tall))
    return Slices(dims[across], dims[down], dims[through], pixel)
