"""The plane between the left and the right half of a head, estimated from the head's outer shape.

The head is laid over its own mirror image: of all planes that cut the slices from front to back
(or from top to bottom), the one with the largest overlap is taken. Only the outer shape counts,
so that a lesion cannot pull the plane towards itself. Where the head is cut off at a side, or its
halves do not fit on each other, the answer is None: the middle is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ml.imaging.volume import Volume

# The head is looked at on a copy of about this many pixels a side, and at most so many slices.
_SMALL = 96
_SLICES = 48
# As in ml.preprocess: what is brighter than this part of the range belongs to the head.
_CONTENT = 0.10
# Heads lie turned by no more than this, in degrees; and the middle lies this near to their centre.
_TURNED = 20.0
_NEAR = 0.15
# Overlap (Dice) of a head with its mirror image below which the two halves do not fit.
_FITS = 0.90
# Share of the head's rows that may touch the left or the right border.
_CUT_OFF = 0.10


@dataclass(frozen=True)
class Midline:
    """A plane that holds the slice axis.

    Attributes:
        point: (row, column) in the plane, in pixels.
        normal: (row, column), of length 1 in mm, towards growing columns.
        pixel: (row, column) size of a pixel in mm, or (1, 1) where only their shape is known.
        head: width of the head across the plane, in the same unit.
    """

    point: tuple[float, float]
    normal: tuple[float, float]
    pixel: tuple[float, float]
    head: float

    def distances(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """How far pixels lie from the plane, in the plane's unit; above 0 towards growing columns."""
        across = (rows - self.point[0]) * self.pixel[0] * self.normal[0]
        return np.asarray(across + (columns - self.point[1]) * self.pixel[1] * self.normal[1])


def midline(volume: Volume) -> Midline | None:
    """Estimate the middle of the head; None where columns do not run from side to side, or it is not clear."""
    if volume.orientation is None or volume.orientation.columns not in ("L", "R"):
        return None
    head, step = _head(volume.voxels)
    pixel = (volume.spacing.row, volume.spacing.column) if volume.spacing else (1.0, 1.0)
    in_rows = np.flatnonzero(head.any(axis=1))
    if in_rows.size < 8 or np.count_nonzero(head[:, [0, -1]]) > _CUT_OFF * in_rows.size * head.max():
        return None
    unit = step * max(pixel)
    square = ndimage.zoom(
        head, (step * pixel[0] / unit, step * pixel[1] / unit), order=1, grid_mode=True, mode="grid-constant"
    )
    found = _mirror(square)
    if found is None:
        return None
    (centre_row, centre_column), degrees, offset, width = found
    turn = np.deg2rad(degrees)
    normal = (float(np.sin(turn)), float(np.cos(turn)))
    point = (centre_row + offset * normal[0], centre_column + offset * normal[1])
    # From pixels of the reduced square to those of the slice: both count from the middle of the first.
    row, column = (((place + 0.5) * unit / size) - 0.5 for place, size in zip(point, pixel, strict=True))
    return Midline((float(row), float(column)), normal, pixel, width * unit)


def _head(voxels: np.ndarray) -> tuple[np.ndarray, int]:
    """How many slices (rows, columns) show the head in each pixel of a reduced slice; and the step."""
    slices, rows, columns, _ = voxels.shape
    step = max(1, min(rows, columns) // _SMALL)
    chosen = voxels[:: max(1, -(-slices // _SLICES)), ::step, ::step].max(axis=3).astype(np.float32)
    low, top = np.percentile(chosen, (0.5, 99.9))
    count = np.zeros(chosen.shape[1:], np.float32)
    for picture in chosen:
        inside = ndimage.uniform_filter(picture, 3) > low + _CONTENT * (top - low)
        pieces, number = ndimage.label(inside)
        if number:
            largest = np.bincount(pieces.ravel())[1:].argmax() + 1
            count += ndimage.binary_fill_holes(pieces == largest)
    return count, step


def _mirror(head: np.ndarray) -> tuple[tuple[float, float], float, float, float] | None:
    """Centre of the head, and the turn (degrees), offset (pixels) and width of the best mirror; None if none fits."""
    centre = ndimage.center_of_mass(head)
    best = (0.0, 0.0, 0.0)
    for step, reach in ((4.0, _TURNED), (1.0, 3.0), (0.25, 0.75)):
        middle = best[1]
        for degrees in np.arange(middle - reach, middle + reach + step / 2, step):
            score, offset = _overlap(_turned(head, centre, float(degrees)))
            best = max(best, (score, float(degrees), offset))
    score, degrees, offset = best
    if score < _FITS or abs(degrees) >= _TURNED:
        return None
    width = np.count_nonzero(_turned(head, centre, degrees).max(axis=0) > 0.5)
    return (float(centre[0]), float(centre[1])), degrees, offset, float(width)


def _turned(head: np.ndarray, centre: tuple[float, ...], degrees: float) -> np.ndarray:
    """The head turned round its centre, which comes to lie in the middle of a square large enough."""
    side = int(np.ceil(np.hypot(*head.shape))) | 1
    turn = np.deg2rad(degrees)
    # Output (down the plane, across it) to input (row, column).
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    start = np.array(centre) - matrix @ np.array([side // 2, side // 2])
    return np.asarray(ndimage.affine_transform(head, matrix, start, output_shape=(side, side), order=1))


def _overlap(turned: np.ndarray) -> tuple[float, float]:
    """The best Dice of a turned head with its mirror image, and the mirror's offset from the middle column."""
    middle = turned.shape[1] // 2
    reach = int(np.count_nonzero(turned.any(axis=0)) * _NEAR)
    total = float(turned.sum())
    best = (0.0, 0.0)
    for twice in range(-2 * reach, 2 * reach + 1):
        # Mirrored about middle + twice / 2: column c goes to 2 * middle + twice - c, and 2 * middle is the last column.
        mirrored = turned[:, ::-1]
        one = turned[:, max(twice, 0) : turned.shape[1] + min(twice, 0)]
        other = mirrored[:, max(-twice, 0) : turned.shape[1] + min(-twice, 0)]
        both = float(np.minimum(one, other).sum())
        best = max(best, (both / total, twice / 2), key=lambda found: found[0])
    assert turned.shape[1] == 2 * middle + 1
    return best
