"""From outlines to sizes: lesions as connected components in three dimensions."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ml.findings import Lesion, Measurements
from ml.imaging.volume import Spacing

# Pixels that touch by a side, an edge or a corner belong together.
_NEIGHBOURS = np.ones((3, 3, 3), bool)


def lesions(mask: np.ndarray, spacing: Spacing | None) -> Measurements:
    """Find and measure every lesion of a volume.

    Args:
        mask: (slices, rows, columns) bool, or uint8 where anything above 0 is inside.
        spacing: millimetres; without it every size in mm or ml is None.

    Returns:
        Measurements with the lesions largest first (ties: first slice first).

    Raises:
        ValueError: if the mask is not three-dimensional.
    """
    if mask.ndim != 3:
        raise ValueError(f"a volume's mask is (slices, rows, columns), not {mask.shape}")
    inside = mask > 0
    per_slice = tuple(int(area) for area in np.count_nonzero(inside, axis=(1, 2)))
    labels, count = ndimage.label(inside, structure=_NEIGHBOURS)
    boxes = ndimage.find_objects(labels, max_label=count)
    found = [_measure(labels[box] == label, box, spacing) for label, box in enumerate(boxes, start=1)]
    found.sort(key=lambda lesion: (-lesion.area_px, lesion.slices))
    voxel_ml = spacing.voxel_ml if spacing else None
    return Measurements(
        lesions=tuple(found),
        area_px=per_slice,
        area_mm2=tuple(area * spacing.pixel_mm2 for area in per_slice) if spacing else None,
        volume_ml=sum(per_slice) * voxel_ml if voxel_ml is not None else None,
    )


def _measure(inside: np.ndarray, box: tuple[slice, ...], spacing: Spacing | None) -> Lesion:
    """Measure one lesion, given as bool inside its bounding box."""
    areas = np.count_nonzero(inside, axis=(1, 2))
    area = int(areas.sum())
    largest = int(areas.argmax())
    start = [axis.start for axis in box]
    extent = (inside.shape[0], inside.shape[1], inside.shape[2])
    centre = np.argwhere(inside).mean(axis=0) + start
    between, voxel_ml = (spacing.between_slices, spacing.voxel_ml) if spacing else (None, None)
    return Lesion(
        slices=(start[0], start[0] + extent[0] - 1),
        area_px=area,
        largest_slice=start[0] + largest,
        largest_area_px=int(areas[largest]),
        extent_px=extent,
        centroid_px=(float(centre[0]), float(centre[1]), float(centre[2])),
        area_mm2=float(areas[largest] * spacing.pixel_mm2) if spacing else None,
        extent_mm=(
            (extent[0] * between if between is not None else None, extent[1] * spacing.row, extent[2] * spacing.column)
            if spacing
            else None
        ),
        volume_ml=area * voxel_ml if voxel_ml is not None else None,
    )
