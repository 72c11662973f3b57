"""Whether the pixels contradict the sequences that files name.

One series: in FLAIR and T1 the ventricles are darker than the brain, in T2 brighter. That much can be seen honestly.
FLAIR against T1 was tried, by the order of shades and by the gate's own judge, and given up: what told them apart in
one collection called another's contrast T1 a FLAIR. A contradiction makes the sequence unknown, never another one.

Three series that lie on each other say more: T1 before and after contrast resemble each other more than either
resembles FLAIR, and the one after contrast has the brighter vessels. Where it is not so, the person is asked.

Measured on real series: docs/sequences.md. No real T2 volume was at hand; generated heads stand for T2. A large bright
lesion in the middle can hide a contradiction: the tags are believed then.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, stats

from ml.imaging.volume import Volume

CONTRADICTED = "The pixels do not look like the sequence that the file names, so it counts as unknown."
_CORRECT = "Look at each of the three series, and correct the sequence on its own page if it is wrong."
ODD_ONE_OUT = (
    f"FLAIR may be mixed up with a T1: it looks more like one of them than they look like each other. {_CORRECT}"
)
WRONG_ONE_ENHANCES = (
    f"T1 before and after contrast may be mixed up: the one named as before contrast is the more enhanced. {_CORRECT}"
)
FEWEST_SLICES = 5

_DARK_FLUID = frozenset({"FLAIR", "T1", "T1c"})
_MOST_SLICES, _SIDE = 12, 160
_HEAD = 0.12  # share of the range from which on a pixel is head, not air
# Against the median of the middle of the head: the darkest fiftieth and the brightest twentieth.
_DARKEST, _BRIGHTEST = 2.0, 95.0
# Dark-fluid volumes of the collection: darkest at most 0.66.
_NO_DARK_FLUID, _BRIGHT_FLUID = 0.70, 1.6
_DARK_SEEN, _NO_BRIGHT_FLUID = 0.40, 1.5
# Rightly named triples of the collection: at most 0.20 more alike, and 1.08 times as bright.
_MORE_ALIKE, _MORE_ENHANCED = 0.3, 1.2


def contradicts(volume: Volume) -> bool:
    """Whether a one-channel volume of known sequence shows fluid the wrong way round.

    False where it cannot be told: few slices, other planes than axial, no head found.
    """
    if volume.sequence is None or volume.channels != 1 or not _can_be_told(volume):
        return False
    found = _extremes(volume.voxels[..., 0])
    if found is None:
        return False
    darkest, brightest = found
    if volume.sequence in _DARK_FLUID:
        return darkest > _NO_DARK_FLUID and brightest > _BRIGHT_FLUID
    return darkest < _DARK_SEEN and brightest < _NO_BRIGHT_FLUID


def _can_be_told(volume: Volume) -> bool:
    axial = volume.orientation is None or volume.orientation.plane == "axial"
    return axial and len(volume) >= FEWEST_SLICES


def mixed_up(fused: Volume) -> str | None:
    """What speaks against the names of three series that lie on each other, as a sentence; None where nothing does.

    Args:
        fused: three channels, of three series: T1, FLAIR, T1 with contrast.
    """
    if fused.channels != 3 or not _can_be_told(fused):
        return None
    chosen = _middle(fused.voxels)
    lows, highs = np.percentile(chosen, (0.5, 99.5), axis=(0, 1, 2))
    values = [picture[core] for picture in chosen if (core := _common_core(picture, lows, highs)) is not None]
    if not values or not sum(map(len, values)):
        return None
    pre, flair, post = np.concatenate(values).T - lows[:, np.newaxis]
    if min(map(np.median, (pre, flair, post))) <= 0:
        return None
    alike = _alike(pre, post)
    if max(_alike(pre, flair), _alike(flair, post)) - alike > _MORE_ALIKE:
        return ODD_ONE_OUT
    if _brightest(pre) > _MORE_ENHANCED * _brightest(post):
        return WRONG_ONE_ENHANCES
    return None


def _common_core(picture: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> np.ndarray | None:
    """What of (rows, columns, 3) lies in the core of every channel: one with a grey background seems to be all head."""
    levels = lows + _HEAD * (highs - lows)
    cores = [core for channel in range(3) if (core := _core(picture[..., channel], levels[channel])) is not None]
    return np.logical_and.reduce(cores) if len(cores) == 3 else None


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of ranks, -1 to 1: how bright is of no matter, only what is brighter than what."""
    return float(np.corrcoef(stats.rankdata(one), stats.rankdata(other))[0, 1])


def _brightest(values: np.ndarray) -> float:
    return float(np.percentile(values, 99) / np.median(values))


def _extremes(voxels: np.ndarray) -> tuple[float, float] | None:
    """Darkest and brightest of the middle of the head as shares of its median; None without a head."""
    chosen = _middle(voxels)
    low, high = np.percentile(chosen, (0.5, 99.5))
    if not high > low:
        return None
    parts = [picture[core] for picture in chosen if (core := _core(picture, low + _HEAD * (high - low))) is not None]
    if not parts:
        return None
    values = np.concatenate(parts) - low
    median = float(np.median(values))
    if median <= 0:
        return None
    darkest, brightest = np.percentile(values, (_DARKEST, _BRIGHTEST)) / median
    return float(darkest), float(brightest)


def _middle(voxels: np.ndarray) -> np.ndarray:
    """A few slices through the ventricles, at most 2 x 160 pixels a side: (slices, rows, columns, ...) as float32."""
    slices, rows, columns = voxels.shape[:3]
    middle = np.unique(np.linspace(0.35 * slices, 0.70 * slices, _MOST_SLICES).astype(int))
    step = max(1, max(rows, columns) // _SIDE)
    return voxels[middle[middle < slices], ::step, ::step].astype(np.float32)


def _core(picture: np.ndarray, above: float) -> np.ndarray | None:
    """The ellipse of half the head's size, where the ventricles are, as a mask; None without a head."""
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
    inside: np.ndarray = down**2 + across**2 < 1
    return inside
