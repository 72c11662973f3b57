"""Two volumes of one patient: how much changed, and whether that is more than measuring again would give.

The smallest detectable change is the repeatability coefficient: measured twice without any real
change, two volumes differ by less in 95 % of cases (Bland and Altman, BMJ 1996;313:744; Raunig and
others, Stat Methods Med Res 2015;24:27). Outlines err in proportion to their size, so it is computed
on logarithms and holds as a ratio: a loss and a growth have different percentages.
How it was measured for these models: `ml.evaluation.repeatability`, `models/repeatability.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ml.findings import Compartment
from ml.weights import FOLDER

FILE = "repeatability.json"
_Z95 = 1.959964


@dataclass(frozen=True)
class SmallestChange:
    """What has to be exceeded for a change to be more than measuring again.

    Attributes:
        within: standard deviation of the logarithm of one patient's volume, measured again and again.
        patients: how many it was measured on.
        method: a sentence.
    """

    within: float
    patients: int
    method: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.within) and self.within > 0 and self.patients > 0 and self.method):
            raise ValueError("a smallest change was measured on somebody, and is above 0")

    @property
    def shrinks_below(self) -> float:
        """The largest loss that is still no change, in percent (below 0)."""
        return 100.0 * math.expm1(-_Z95 * math.sqrt(2) * self.within)

    @property
    def grows_above(self) -> float:
        """The largest growth that is still no change, in percent (above 0)."""
        return 100.0 * math.expm1(_Z95 * math.sqrt(2) * self.within)

    def exceeded_by(self, percent: float) -> bool:
        """Whether a change of so many percent (-100 or more) is more than measuring again."""
        return percent < self.shrinks_below or percent > self.grows_above


def within_patients(volumes: Sequence[Sequence[float]]) -> float:
    """Standard deviation of the logarithm of a volume within patients.

    Args:
        volumes: for each patient two or more volumes of the same lesions, all above 0.

    Raises:
        ValueError: if there is no patient, or one has less.
    """
    variances = []
    for repeated in volumes:
        if len(repeated) < 2 or min(repeated) <= 0:
            raise ValueError("every patient needs two volumes above 0")
        logs = [math.log(volume) for volume in repeated]
        mean = math.fsum(logs) / len(logs)
        variances.append(math.fsum((value - mean) ** 2 for value in logs) / (len(logs) - 1))
    if not variances:
        raise ValueError("nobody was measured")
    return math.sqrt(math.fsum(variances) / len(variances))


def smallest_change(model_version: str, compartment: Compartment, folder: Path = FOLDER) -> SmallestChange | None:
    """As measured for this very version of the models; None where that was not done."""
    try:
        recorded = json.loads((folder / FILE).read_text())
        if recorded["model_version"] != model_version:
            return None
        numbers = recorded["compartments"][compartment.value]
        return SmallestChange(float(numbers["within"]), int(numbers["patients"]), str(recorded["method"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
