"""Whether text may be part of the pixels: small bright pieces side by side in a line, as letters are.

Names are burnt into screenshots, films and exports of workstations. What is drawn over a series is bright on every
slice, which no tissue is; in a lone picture the pieces have to lie near the edge. It is a warning, never a proof:
grey text, handwriting, and in a lone picture text over the head are not found.

Measured (docs/security.md): how much of generated text is found, and how many of the real scans at hand are warned of.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from ml.imaging.volume import Volume

BURNT_IN = "Text may be part of these pictures, and could name the patient. Look at them before you pass them on."

_MOST_SLICES = 12
_BRIGHT, _ALWAYS_BRIGHT = 0.9, 0.6
"""Shares of the range from which on a pixel can be text: in a lone picture, and where it is so on every slice."""
_HIGHEST = 0.08
"""Share of the picture's height that a letter has at most."""
_FEWEST_IN_LINE = 5


def may_show_text(volume: Volume) -> bool:
    """Whether a volume looks as if text had been written into it."""
    voxels = volume.voxels if volume.channels == 1 else volume.voxels.max(axis=-1, keepdims=True)
    chosen = voxels[np.unique(np.linspace(0, len(voxels) - 1, _MOST_SLICES).astype(int)), ..., 0]
    low, high = float(chosen.min()), float(chosen.max())
    if not high > low:
        return False
    if len(chosen) > 2:
        # What is drawn over a series is bright on every slice: the darkest that a pixel ever is shows little else.
        return _in_lines(chosen.min(axis=0) >= low + _ALWAYS_BRIGHT * (high - low))
    rows, columns = chosen.shape[1:]
    edge = np.ones((rows, columns), bool)
    edge[rows // 6 : rows - rows // 6, columns // 6 : columns - columns // 6] = False
    return any(_in_lines(edge & (picture >= low + _BRIGHT * (high - low))) for picture in chosen)


def _in_lines(bright: np.ndarray) -> bool:
    """Whether pieces of the size of letters stand side by side."""
    pieces, count = ndimage.label(bright, np.ones((3, 3)))
    if count < _FEWEST_IN_LINE:
        return False
    tallest = max(7, round(_HIGHEST * bright.shape[0]))
    letters = [
        (y.stop, y.stop - y.start, x.start, x.stop)
        for y, x in ndimage.find_objects(pieces)
        if 5 <= y.stop - y.start <= tallest and x.stop - x.start <= 1.5 * tallest
    ]
    letters.sort()
    for foot, height, *_ in letters:
        line = sorted(
            (start, stop)
            for other, its, start, stop in letters
            if abs(other - foot) <= max(1, height // 8) and 0.6 <= its / height <= 1.6
        )
        run = 1
        for (_, end), (start, _) in pairwise(line):
            run = run + 1 if 0 <= start - end <= 2 * height else 1
            if run >= _FEWEST_IN_LINE:
                return True
    return False
