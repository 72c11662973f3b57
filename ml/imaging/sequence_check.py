"""Whether the pixels contradict the sequence that a file names, by the fluid in the middle of the head.

In FLAIR and T1 the ventricles are darker than the brain, in T2 brighter. That much can be seen honestly; FLAIR
against T1, or contrast against none, cannot be told apart this way and is not tried. A contradiction makes the
sequence unknown, never another one.

Measured on the 284 FLAIR, T1 and contrast T1 volumes of the LGG collection: none of them is contradicted. No real
T2 volume was at hand; generated heads stand for T2 (tests/imaging/test_sequences.py). A large bright lesion in the
middle can hide a contradiction: the tags are believed then.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ml.imaging.volume import Volume

CONTRADICTED = "The pixels do not look like the sequence that the file names, so it counts as unknown."
FEWEST_SLICES = 5

_DARK_FLUID = frozenset({"FLAIR", "T1", "T1c"})
_MOST_SLICES, _SIDE = 12, 160
# Against the median of the middle of the head: the darkest fiftieth and the brightest twentieth.
_DARKEST, _BRIGHTEST = 2.0, 95.0
# Dark-fluid volumes of the collection: darkest at most 0.66.
_NO_DARK_FLUID, _BRIGHT_FLUID = 0.70, 1.6
_DARK_SEEN, _NO_BRIGHT_FLUID = 0.40, 1.5


def contradicts(volume: Volume) -> bool:
    """Whether a one-channel volume of known sequence shows fluid the wrong way round.

    False where it cannot be told: few slices, other planes than axial, no head found.
    """
    if volume.sequence is None or volume.channels != 1 or len(volume) < FEWEST_SLICES:
        return False
    if volume.orientation is not None and volume.orientation.plane != "axial":
        return False
    found = _extremes(volume.voxels[..., 0])
    if found is None:
        return False
    darkest, brightest = found
    if volume.sequence in _DARK_FLUID:
        return darkest > _NO_DARK_FLUID and brightest > _BRIGHT_FLUID
    return darkest < _DARK_SEEN and brightest < _NO_BRIGHT_FLUID


def _extremes(voxels: np.ndarray) -> tuple[float, float] | None:
    """Darkest and brightest of the middle of the head as shares of its median; None without a head."""
    slices, rows, columns = voxels.shape
    middle = np.unique(np.linspace(0.35 * slices, 0.70 * slices, _MOST_SLICES).astype(int))
    step = max(1, max(rows, columns) // _SIDE)
    chosen = voxels[middle[middle < slices], ::step, ::step].astype(np.float32)
    low, high = np.percentile(chosen, (0.5, 99.5))
    if not high > low:
        return None
    parts = [core for picture in chosen if (core := _core(picture, low + 0.12 * (high - low))) is not None]
    if not parts:
        return None
    values = np.concatenate(parts) - low
    median = float(np.median(values))
    if median <= 0:
        return None
    darkest, brightest = np.percentile(values, (_DARKEST, _BRIGHTEST)) / median
    return float(darkest), float(brightest)


def _core(picture: np.ndarray, above: float) -> np.ndarray | None:
    """Values inside the ellipse of half the head's size, where the ventricles are; None without a head."""
    pieces, count = ndimage.label(ndimage.binary_fill_holes(ndimage.binary_opening(picture > above, iterations=2)))
    if not count:
        return None
    sizes = np.bincount(pieces.ravel())[1:]
    head = pieces == 1 + int(sizes.argmax())
    if head.mean() < 0.08:
        return None
    rows, columns = np.flatnonzero(head.any(axis=1)), np.flatnonzero(head.any(axis=0))
    y, x = np.ogrid[: picture.shape[0], : picture.shape[1]]
    down = (y - (rows[0] + rows[-1]) / 2) / max((rows[-1] - rows[0]) / 4, 1)
    across = (x - (columns[0] + columns[-1]) / 2) / max((columns[-1] - columns[0]) / 4, 1)
    return picture[down**2 + across**2 < 1]
