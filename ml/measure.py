"""From outlines to sizes: lesions as connected components in three dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import ndimage

from ml.diameters import Diameters, diameters, longest_possible
from ml.findings import Lesion, Measurements, Point, Side
from ml.imaging.volume import Orientation, Placement, Spacing, Volume
from ml.midline import Midline, midline
from ml.size_rules import measurable_from_mm

# Pixels that touch by a side, an edge or a corner belong together.
_NEIGHBOURS = np.ones((3, 3, 3), bool)

MEASURABLE_SLICES = 2
"""RANO: both diameters of a measurable lesion are long enough on at least so many slices."""

# A lesion is on one side when so much of it lies there, and its centroid is further from the
# head's middle than this part of the head's width (about 5 mm): nearer, the estimate may be wrong.
_ON_ONE_SIDE = 0.9
_NEAR_MIDDLE = 0.03


def of_volume(
    mask: np.ndarray, volume: Volume, find_middle: Callable[[], Midline | None] | None = None
) -> Measurements:
    """Find and measure every lesion of a volume, with all that the volume knows about itself.

    Args:
        mask: (slices, rows, columns) bool, or uint8 where anything above 0 is inside.
        find_middle: gives the volume's `ml.midline`, where that is computed elsewhere; asked if anything is inside.

    Raises:
        ValueError: if the mask is not the volume's.
    """
    if mask.shape != volume.voxels.shape[:3]:
        raise ValueError(f"the mask is {mask.shape}, the volume {volume.voxels.shape[:3]}")
    middle = (find_middle or partial(midline, volume))() if np.any(mask) else None
    return lesions(mask, volume.spacing, orientation=volume.orientation, middle=middle, placement=volume.placement)


def lesions(
    mask: np.ndarray,
    spacing: Spacing | None,
    *,
    orientation: Orientation | None = None,
    middle: Midline | None = None,
    placement: Placement | None = None,
) -> Measurements:
    """Find and measure every lesion.

    Args:
        mask: (slices, rows, columns) bool, or uint8 where anything above 0 is inside.
        spacing: millimetres; without it every size in mm or ml is None.
        orientation: without it nothing is known about sides, and whether slices are axial.
        middle: between the head's halves, from `ml.midline`; without it no side is told.
        placement: where the voxels lie; without it no centroid in the patient's coordinates is told.

    Returns:
        Measurements with the lesions largest first (ties: first slice first).

    Raises:
        ValueError: if the mask is not three-dimensional.
    """
    if mask.ndim != 3:
        raise ValueError(f"a volume's mask is (slices, rows, columns), not {mask.shape}")
    per_slice = tuple(int(np.count_nonzero(picture)) for picture in mask)
    # Only where something is outlined: labels of a whole large volume would be four times its mask.
    corner, inside = _cropped(mask)
    labels, count = ndimage.label(inside, structure=_NEIGHBOURS)
    boxes = ndimage.find_objects(labels, max_label=count)
    frame = _Frame(len(mask), spacing, orientation, middle, placement)
    found = [_measure(labels[box] == label, _moved(box, corner), frame) for label, box in enumerate(boxes, start=1)]
    found.sort(key=lambda lesion: (-lesion.area_px, lesion.slices))
    voxel_ml = spacing.voxel_ml if spacing else None
    return Measurements(
        lesions=tuple(found),
        area_px=per_slice,
        area_mm2=tuple(area * spacing.pixel_mm2 for area in per_slice) if spacing else None,
        volume_ml=sum(per_slice) * voxel_ml if voxel_ml is not None else None,
    )


def _cropped(mask: np.ndarray) -> tuple[tuple[int, int, int], np.ndarray]:
    """The first corner of the box that holds everything inside, and the box as bool."""
    touched = [np.flatnonzero(mask.any(axis=other)) for other in ((1, 2), (0, 2), (0, 1))]
    if not touched[0].size:
        return (0, 0, 0), mask[:1, :1, :1] > 0
    box = tuple(slice(int(places[0]), int(places[-1]) + 1) for places in touched)
    return (box[0].start, box[1].start, box[2].start), mask[box] > 0


def _moved(box: tuple[slice, ...], corner: tuple[int, int, int]) -> tuple[slice, ...]:
    """A box within the cropped mask as one of the whole."""
    return tuple(slice(axis.start + by, axis.stop + by) for axis, by in zip(box, corner, strict=True))


@dataclass(frozen=True)
class _Frame:
    """What is known about the place of all lesions of a volume of so many `slices`."""

    slices: int
    spacing: Spacing | None
    orientation: Orientation | None
    middle: Midline | None
    placement: Placement | None


def _measure(inside: np.ndarray, box: tuple[slice, ...], frame: _Frame) -> Lesion:
    """Measure one lesion, given as bool inside its bounding box."""
    areas = np.count_nonzero(inside, axis=(1, 2))
    area = int(areas.sum())
    largest = int(areas.argmax())
    start = [axis.start for axis in box]
    extent = (inside.shape[0], inside.shape[1], inside.shape[2])
    places = np.argwhere(inside)
    centre = places.mean(axis=0) + start
    spacing = frame.spacing
    voxel_ml = spacing.voxel_ml if spacing else None
    lesion = Lesion(
        slices=(start[0], start[0] + extent[0] - 1),
        area_px=area,
        largest_slice=start[0] + largest,
        largest_area_px=int(areas[largest]),
        extent_px=extent,
        centroid_px=(float(centre[0]), float(centre[1]), float(centre[2])),
        area_mm2=float(areas[largest] * spacing.pixel_mm2) if spacing else None,
        extent_mm=_in_mm(extent, spacing),
        volume_ml=area * voxel_ml if voxel_ml is not None else None,
        side=_side(places[:, 1] + start[1], places[:, 2] + start[2], frame),
        centroid_from_first_voxel_mm=_in_mm((float(centre[0]), float(centre[1]), float(centre[2])), spacing),
        centroid_lps_mm=None
        if frame.placement is None
        else frame.placement.mean(places[:, 0] + start[0], float(centre[1]), float(centre[2])),
    )
    return _with_diameters(lesion, inside, (start[1], start[2]), frame)


def _in_mm(place: tuple[float, float, float], spacing: Spacing | None) -> tuple[float | None, float, float] | None:
    """(slices, rows, columns) in mm; the first is None where the slice distance is unknown."""
    if spacing is None:
        return None
    between = spacing.between_slices
    return (place[0] * between if between is not None else None, place[1] * spacing.row, place[2] * spacing.column)


def _side(rows: np.ndarray, columns: np.ndarray, frame: _Frame) -> Side | None:
    """The side on which pixels (n,) lie, by patient coordinates."""
    if frame.middle is None or frame.orientation is None:
        return None
    towards_left = frame.middle.distances(rows, columns)
    if frame.orientation.columns == "R":
        towards_left = -towards_left
    share = float((towards_left > 0).mean())
    near = abs(float(towards_left.mean())) < _NEAR_MIDDLE * frame.middle.head
    if near or 1 - _ON_ONE_SIDE < share < _ON_ONE_SIDE:
        return Side.MIDLINE
    return Side.LEFT if share > 0.5 else Side.RIGHT


def _with_diameters(lesion: Lesion, inside: np.ndarray, corner: tuple[int, int], frame: _Frame) -> Lesion:
    """The lesion with RANO's diameters, where its slices are not known to lie in another plane than axial."""
    plane = frame.orientation.plane if frame.orientation else None
    if plane not in ("axial", None):
        return lesion
    row, column = (frame.spacing.row, frame.spacing.column) if frame.spacing else (1.0, 1.0)
    best: tuple[int, Diameters] | None = None
    for index, part in _parts(inside):
        if best is not None and longest_possible(part, row, column) <= best[1].longest:
            continue
        found = diameters(part, row, column)
        if best is None or found.longest > best[1].longest:
            best = index, found
    assert best is not None  # a lesion has pixels
    ends = best[1].ends
    moved = [(end[0] + corner[0], end[1] + corner[1]) for end in ends]
    known = plane == "axial" and frame.spacing is not None
    return replace(
        lesion,
        diameters_mm=(best[1].longest, best[1].perpendicular) if known else None,
        diameters_px=(_distance(ends[0], ends[1]), _distance(ends[2], ends[3])),
        diameter_slice=lesion.slices[0] + best[0],
        diameter_ends_px=(moved[0], moved[1], moved[2], moved[3]),
        measurable=_measurable(inside, frame.spacing) if known and frame.spacing and frame.slices > 1 else None,
    )


def _measurable(inside: np.ndarray, spacing: Spacing) -> bool | None:
    """Whether both diameters, to a tenth of a millimetre, are long enough on enough slices.

    None where the distance of slices is unknown: then nobody knows how long is enough.
    """
    if spacing.between_slices is None:
        return None
    least, large = measurable_from_mm(spacing.between_slices), set[int]()
    for index, part in _parts(inside):
        if index in large or round(longest_possible(part, spacing.row, spacing.column), 1) < least:
            continue
        found = diameters(part, spacing.row, spacing.column)
        if round(min(found.longest, found.perpendicular), 1) >= least:
            large.add(index)
            if len(large) >= MEASURABLE_SLICES:
                return True
    return False


def _parts(inside: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each slice's separate parts, the slice with the largest area first: slice index, (rows, columns) bool."""
    for index in np.argsort(-np.count_nonzero(inside, axis=(1, 2)), kind="stable").tolist():
        pieces, count = ndimage.label(inside[index], structure=_NEIGHBOURS[1])
        for number in range(1, count + 1):
            yield index, pieces == number


def _distance(one: Point, other: Point) -> float:
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))
