"""From the classifier's logits to calibrated probabilities and the verdict of a slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.findings import Verdict


@dataclass(frozen=True)
class Calibration:
    """Platt scaling of a family: probability = sigmoid(slope * difference of the logits + offset)."""

    slope: float
    offset: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and np.isfinite(self.offset) and self.slope > 0):
            raise ValueError("a calibration has a positive slope and finite numbers")

    def probability(self, difference: np.ndarray) -> np.ndarray:
        """Float (n,) of tumour logit minus no-tumour logit to float64 (n,) in 0..1."""
        exponent = np.clip(self.slope * np.asarray(difference, np.float64) + self.offset, -30, 30)
        return np.asarray(1 / (1 + np.exp(-exponent)))


@dataclass(frozen=True)
class Band:
    """Below `nothing_below` a probability means no tumour, from `tumour_from` on tumour, else uncertain."""

    nothing_below: float
    tumour_from: float

    def __post_init__(self) -> None:
        if not 0 < self.nothing_below <= self.tumour_from < 1:
            raise ValueError("the two thresholds lie in order between 0 and 1")

    @classmethod
    def of(cls, numbers: Mapping[str, float]) -> Band:
        """From the manifest's `thresholds`."""
        return cls(float(numbers["nothing_below"]), float(numbers["tumour_from"]))

    def verdict(self, probability: float) -> Verdict:
        """The verdict that a probability 0..1 means."""
        if probability < self.nothing_below:
            return Verdict.NO_TUMOUR
        return Verdict.TUMOUR if probability >= self.tumour_from else Verdict.UNCERTAIN


@dataclass(frozen=True)
class Fusion:
    """A family's probability of a slice that was outlined: classifier and outline together.

    probability = sigmoid(slope * difference of the logits + weight * outline evidence + offset).
    """

    slope: float
    weight: float
    offset: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.slope, self.weight, self.offset]).all() and self.slope >= 0 and self.weight >= 0):
            raise ValueError("a fusion has finite numbers, and neither side speaks against itself")

    def probability(self, difference: np.ndarray, evidence: np.ndarray) -> np.ndarray:
        """Float (n,) logit differences and (n,) `outline_evidence` to float64 (n,) in 0..1."""
        exponent = np.clip(self.slope * difference + self.weight * evidence + self.offset, -30, 30)
        return np.asarray(1 / (1 + np.exp(-exponent)))


def outline_evidence(outlines: np.ndarray) -> np.ndarray:
    """float32 (n, 256, 256) in 0..1 to (n,): logarithm of the expected outlined share of the square."""
    return np.asarray(np.log(np.where(outlines > 0.2, outlines, 0).mean((1, 2), dtype=np.float64) + 2e-5))
