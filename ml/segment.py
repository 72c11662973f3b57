"""From the U-Net's output to a mask on the original's rows and columns."""

from __future__ import annotations

import math
from dataclasses import dataclass

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


def smooth(outlines: list[np.ndarray | None], between: float | None) -> None:
    """Makes each outline of a series the weighted mean with those of the two slices beside it, in place.

    `outlines`: float32 (256, 256) in 0..1, in order; None where nothing was outlined: counts as 0 for its neighbours, and
    stays. `between`: distance of the slices in mm; where it is unknown, that of the series which the weight was chosen on.
    """
    weight = math.exp(-(((between or USUAL_MM) / REACH_MM) ** 2) / 2)
    before: np.ndarray | None = None
    for index, own in enumerate(outlines):
        last = index + 1 == len(outlines)
        if own is not None:
            beside = [each for each in (before, None if last else outlines[index + 1]) if each is not None]
            there = (index > 0) + (not last)
            outlines[index] = (own + sum(weight * each for each in beside)) / np.float32(1 + weight * there)
        before = own
