"""A size with an interval that covers the truth about as often as it says.

Conformal: on validation patients the outlined size, taken at a low and a high cut-off, was widened
until the true size lay inside for the promised share of patients (`ml.training.sizes`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml.findings import Lesion
from ml.size_rules import LESION_SHARE


@dataclass(frozen=True)
class SizeInterval:
    """How a family's outline becomes low and high.

    Attributes:
        strict, loose: cut-offs (0..1, strict >= loose) at which the outline is taken for low and for high.
        below, above: natural logarithms by which low is lowered and high is raised (may be negative).
        level: share of patients that the truth lies inside for, as promised (0..1).
        covered: the same as measured on the test part; None where it was not measured.
        lesions_covered: the same for single lesions from LESION_SHARE on, outlines of nothing counted as
            missed; None where it was not measured: then only an only lesion has an interval.
    """

    strict: float
    loose: float
    below: float
    above: float
    level: float
    covered: float | None
    lesions_covered: float | None = None

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
        return cls(strict, loose, below, above, level, numbers.get("covered"), numbers.get("lesions_covered"))

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


def around(size: float | None, doubt: tuple[float, float] | None) -> tuple[float, float] | None:
    """Low and high of a size, from `SizeInterval.ratios`."""
    return None if size is None or doubt is None else (size * doubt[0], size * doubt[1])


def around_px(size: int, doubt: tuple[float, float] | None) -> tuple[int, int] | None:
    """The same in whole pixels, rounded outwards."""
    return None if doubt is None else (math.floor(size * doubt[0]), math.ceil(size * doubt[1]))


def of_lesions(
    lesions: tuple[Lesion, ...], doubt: tuple[float, float] | None, interval: SizeInterval | None
) -> tuple[Lesion, ...]:
    """Lesions with their intervals, as far as these are known.

    An only lesion has the whole outline's. Of several the large ones have its ratios, where it was measured
    how often those hold.
    """
    if doubt is None or interval is None or (len(lesions) > 1 and interval.lesions_covered is None):
        return lesions
    least = LESION_SHARE * sum(lesion.area_px for lesion in lesions)
    return tuple(
        replace(
            lesion,
            area_px_interval=around_px(lesion.area_px, doubt),
            volume_ml_interval=around(lesion.volume_ml, doubt),
        )
        if lesion.area_px >= least
        else lesion
        for lesion in lesions
    )
