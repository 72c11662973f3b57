"""From the U-Net's output to a mask on the original's rows and columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from ml.preprocess import Frame
from ml.series_rule import USUAL_MM

REACH_MM = 3.4
"""How far a slice's neighbours speak for it: the width of the bell curve that weights them (docs/experiments.md)."""


@dataclass(frozen=True)
class Outline:
    """Cut-off of a family: a pixel belongs to the lesion from this probability on."""

    cut_off: float

    def __post_init__(self) -> None:
        if not 0 < self.cut_off < 1:
            raise ValueError("a cut-off lies between 0 and 1")

    def mask(self, probabilities: np.ndarray, frame: Frame) -> np.ndarray:
        """float32 (256, 256) in 0..1 to bool (rows, columns) of the original."""
        if float(probabilities.max()) < self.cut_off:
            return np.zeros((frame.rows, frame.columns), bool)
        return frame.restore(probabilities) >= self.cut_off

    def share(self, probabilities: np.ndarray) -> float:
        """Outlined share of the square, 0..1."""
        return float((probabilities >= self.cut_off).mean())


def smoothed(
    outlines: Iterable[tuple[int, np.ndarray]], slices: int, between: float | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Each outline of a series as the weighted mean with those of the two slices beside it; three are held at a time.

    `outlines`: place in the series and float32 (256, 256) in 0..1, in order; a slice of the series that does not come
    counts as 0 for its neighbours. `slices`: how many the series has. `between`: their distance in mm; where it is
    unknown, that of the series which the weight was chosen on.
    """
    weight = np.float32(math.exp(-(((between or USUAL_MM) / REACH_MM) ** 2) / 2))
    before: tuple[int, np.ndarray] | None = None
    own: tuple[int, np.ndarray] | None = None
    for after in chain(outlines, [None]):
        if own is not None:
            index, outline = own
            total = outline.copy()
            for beside in (before, after):
                if beside is not None and abs(beside[0] - index) == 1:
                    total += weight * beside[1]
            yield index, total / (1 + weight * (int(index > 0) + int(index + 1 < slices)))
        before, own = own, after


def wanted(possible: np.ndarray) -> np.ndarray:
    """Which slices of a scan are outlined, from bool (slices,) where something is possible: in a series their neighbours too.

    A lesion does not end where the classifier begins to doubt.
    """
    return np.convolve(possible, np.ones(3))[1:-1] > 0
