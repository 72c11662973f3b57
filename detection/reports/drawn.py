"""The report's pictures: a slice with its outlines, large enough to print."""

from __future__ import annotations

import io

import numpy as np

from ml.imaging.writers import drawing

# White within black: told apart on any tissue without colour.
LINE = (255, 255, 255)
WANTED_SIDE = 800


def key_picture(picture: np.ndarray, labels: np.ndarray, *, in_doubt: bool = False) -> bytes:
    """PNG of one slice.

    Parameters
    ----------
    picture : ndarray
        (rows, columns) uint8, or (rows, columns, 3), upright.
    labels : ndarray
        (rows, columns), 0 outside, else the number of the lesion.
    in_doubt : bool
        Whether the outlines may be nothing: they are broken lines then.
    """
    rows, columns = picture.shape[:2]
    times = drawing.magnification(rows, columns, wanted=WANTED_SIDE, most=8)
    line = max(1, round(max(rows, columns) * times / 300))
    image = drawing.outlined(picture, labels, LINE, times, line=line, broken=in_doubt)
    target = io.BytesIO()
    # Grey pictures stay grey: a third of the bytes.
    (image if picture.ndim == 3 else image.convert("L")).save(target, "PNG", compress_level=6)
    return target.getvalue()
