"""The verdict of a whole series.

A slice's own threshold is not enough: 98.6 % right on slices would mean a false alarm in 27 % of
22-slice series. So a series needs a run of neighbouring slices that agree, and an outline of some
size on them; how much was chosen on validation patients and on tumour-free runs of their slices
(docs/experiments.md). Where classifier and outline disagree the answer is "uncertain".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.classify import Calibration
from ml.findings import Verdict

DISAGREE = (
    "The classifier and the outline disagree about this series. What is marked may be nothing, and more may be there."
)
BORDERLINE = "The signs of a tumour in this series are weak. What is marked may be nothing, and more may be there."


USUAL_MM = 5.0
"""Distance between slices, in mm, of the series that the rule was chosen on."""


@dataclass(frozen=True)
class Rule:
    """What counts as a finding in a series.

    `run`: neighbouring slices whose mean log-odds is taken, for slices 5 mm apart or of unknown distance.
    `share`: outlined share of the head's square (256 x 256) summed over the best run that counts as an outline. `calibration`: from the
    best run's mean log-odds to the probability of the whole series. Thresholds as in `classify.Band`.
    """

    run: int
    share: float
    calibration: Calibration
    nothing_below: float
    tumour_from: float

    @classmethod
    def of(cls, numbers: Mapping[str, float]) -> Rule:
        """From the manifest's `series`."""
        return cls(
            run=int(numbers["run"]),
            share=float(numbers["share"]),
            calibration=Calibration(float(numbers["slope"]), float(numbers["offset"])),
            nothing_below=float(numbers["nothing_below"]),
            tumour_from=float(numbers["tumour_from"]),
        )

    def width(self, slices: int, between: float | None = None) -> int:
        """Slices of a run in a series of `slices`; thinner slices (`between`, mm) are more for the same tissue."""
        thin = between is not None and 0 < between < USUAL_MM
        return min(round(self.run * USUAL_MM / between) if thin and between else self.run, slices)

    def evidence(self, probabilities: np.ndarray, between: float | None = None) -> float:
        """Log-odds of the best run of neighbouring slices, from (slices,) probabilities 0..1."""
        odds = np.log(np.clip(probabilities, 1e-4, 1 - 1e-4) / (1 - np.clip(probabilities, 1e-4, 1 - 1e-4)))
        width = self.width(len(odds), between)
        return float(np.convolve(odds, np.ones(width) / width, "valid").max())

    def outlined(self, shares: np.ndarray, between: float | None = None) -> float:
        """The largest mean over a run of neighbouring slices times `run`, from (slices,) shares 0..1.

        Over a run and not over all neighbours with an outline: crumbs on fifty thin slices are no lesion.
        """
        width = self.width(len(shares), between)
        scale = min(self.run, len(shares)) / width
        return float(np.convolve(shares, np.full(width, scale), "valid").max())

    def judge(
        self, probabilities: np.ndarray, shares: np.ndarray, between: float | None = None
    ) -> tuple[Verdict, str | None, float]:
        """Verdict, reason and probability of a series.

        Takes each slice's tumour probability (slices,) and outlined share of its square (slices,), and the
        distance between slices in mm where it is known.
        """
        probability = float(self.calibration.probability(np.array([self.evidence(probabilities, between)]))[0])
        outline = self.outlined(shares, between) >= self.share
        if probability >= self.tumour_from:
            return (Verdict.TUMOUR, None, probability) if outline else (Verdict.UNCERTAIN, DISAGREE, probability)
        if probability < self.nothing_below:
            return (Verdict.UNCERTAIN, DISAGREE, probability) if outline else (Verdict.NO_TUMOUR, None, probability)
        return Verdict.UNCERTAIN, BORDERLINE, probability
