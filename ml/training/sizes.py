"""Chooses how wide the interval of a size must be, and measures how often it holds the truth.

Split conformal by patient: a patient's score is how far (natural logarithm) the true size lies
outside the outline taken at two cut-offs; the score that the promised share of patients do not
exceed is how far the interval is widened.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.interval import SizeInterval, counts, edge

LEVEL = 0.9
STRICT, LOOSE = 0.8, 0.2
_FEW = 2
"""Scans a patient up to which each counts as a sample of its own patient."""


@dataclass(frozen=True)
class Sized:
    """One scan with a tumour: its patient or group, its sizes in pixels of the networks' frame.

    `outlined` at the family's cut-off (> 0), `strict` and `loose` at the two others, `truth` (> 0).
    """

    patient: int
    outlined: float
    strict: float
    loose: float
    truth: float


def sized(
    outlines: np.ndarray, masks: np.ndarray, unit: np.ndarray, patient: np.ndarray, cut_off: float
) -> list[Sized]:
    """The scans of float (n, 256, 256) outlines and uint8 masks: slices of one `unit` are one scan.

    Scans without a tumour, or with nothing outlined, have no size to speak of and are left out.
    """
    result = []
    for number in np.unique(unit):
        here = np.flatnonzero(unit == number)
        outlined, strict, loose = counts(outlines[here], (cut_off, STRICT, LOOSE))
        truth = float(np.count_nonzero(masks[here] > 127))
        if outlined and truth:
            result.append(Sized(int(patient[here[0]]), outlined, strict, loose, truth))
    return result


def choose(scans: Sequence[Sized], level: float = LEVEL) -> SizeInterval:
    """The interval whose misses on either side are at most half of 1 - `level` of the patients.

    Where there are too few patients for that, the farthest one decides. A patient's scans weigh as
    one together; where they are many (slices as lone pictures), the (n + 1) correction is left out: with
    14 patients it would let the one worst slice of all decide.
    """
    below = [edge(scan.strict, scan.outlined) - math.log(scan.truth / scan.outlined) for scan in scans]
    above = [math.log(scan.truth / scan.outlined) - edge(scan.loose, scan.outlined) for scan in scans]
    patients = [scan.patient for scan in scans]
    tail = (1 - level) / 2
    people = len(set(patients))
    wanted = (1 - tail) * (people + 1 if len(scans) <= _FEW * people else people)
    return SizeInterval(
        STRICT,
        LOOSE,
        _quantile(below, patients, wanted),
        _quantile(above, patients, wanted),
        level,
        None,
    )


def _quantile(scores: Sequence[float], patients: Sequence[int], wanted: float) -> float:
    """The score that is not exceeded by `wanted` patients (may be a fraction, or more than there are)."""
    unique, counts_ = np.unique(patients, return_counts=True)
    share = dict(zip(unique.tolist(), (1 / counts_).tolist(), strict=True))
    order = np.argsort(scores)
    weight = np.cumsum([share[patients[place]] for place in order])
    place = int(np.searchsorted(weight, wanted - 1e-9))
    # Rounded upwards: the patient who decides lies inside.
    return math.ceil(scores[order[min(place, len(order) - 1)]] * 1e4) / 1e4


def covered(interval: SizeInterval, scans: Sequence[Sized]) -> dict[str, Any]:
    """How often the interval holds the truth (mean over patients), and how wide it is."""
    inside: dict[int, list[bool]] = {}
    widths = []
    for scan in scans:
        low, high = interval.ratios(scan.outlined, scan.strict, scan.loose)
        inside.setdefault(scan.patient, []).append(low <= scan.truth / scan.outlined <= high)
        widths.append(high / low)
    return {
        "patients": len(inside),
        "covered": round(float(np.mean([np.mean(held) for held in inside.values()])), 4) if inside else None,
        "median_high_by_low": round(float(np.median(widths)), 3) if widths else None,
    }
