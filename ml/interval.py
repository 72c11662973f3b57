"""A size with an interval that covers the truth about as often as it says.

Conformal: on validation patients the outlined size, taken at a low and a high cut-off, was widened
until the true size lay inside for the promised share of patients (`ml.training.sizes`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class SizeInterval:
    """How a family's outline becomes low and high.

    Attributes:
        strict, loose: cut-offs (0..1, strict >= loose) at which the outline is taken for low and for high.
        below, above: natural logarithms by which low is lowered and high is raised (may be negative).
        level: share of patients that the truth lies inside for, as promised (0..1).
        covered: the same as measured on the test part; None where it was not measured.
    """

    strict: float
    loose: float
    below: float
    above: float
    level: float
    covered: float | None

    def __post_init__(self) -> None:
        if not 0 < self.loose <= self.strict < 1 or not 0 < self.level < 1:
            raise ValueError("cut-offs in order and a level, all between 0 and 1")
        if not (math.isfinite(self.below) and math.isfinite(self.above)):
            raise ValueError("an interval is widened by finite numbers")

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> SizeInterval:
        """From the manifest's `size`."""
        strict, loose, below, above, level = (
            float(numbers[name]) for name in ("strict", "loose", "below", "above", "level")
        )
        return cls(strict, loose, below, above, level, numbers.get("covered"))

    def ratios(self, outlined: float, strict: float, loose: float) -> tuple[float, float]:
        """Low and high against the outlined size, from sums at the cut-off, at `strict` and at `loose`.

        Low is at most 1 and high at least 1: the outlined size itself always lies inside.
        """
        low = edge(strict, outlined) - self.below
        high = edge(loose, outlined) + self.above
        return min(math.exp(low), 1.0), max(math.exp(high), 1.0)


def edge(size: float, outlined: float) -> float:
    """Natural logarithm of a size against the outlined one; an empty size counts as a twentieth of it."""
    return math.log(max(size, outlined / 20) / outlined)


def counts(probabilities: np.ndarray, cut_offs: tuple[float, ...]) -> tuple[float, ...]:
    """Pixels of float (..., rows, columns) at or above each cut-off."""
    return tuple(float(np.count_nonzero(probabilities >= cut_off)) for cut_off in cut_offs)
