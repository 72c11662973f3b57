"""From the U-Net's output to a mask on the original's rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.preprocess import Frame


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
