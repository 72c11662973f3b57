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
from scipy import ndimage

from ml.interval import SizeInterval, counts, edge
from ml.size_rules import LESION_SHARE

LEVEL = 0.9
STRICT, LOOSE = 0.8, 0.2
_FEW = 2
"""Scans a patient up to which each counts as a sample of its own patient."""


@dataclass(frozen=True)
class Sized:
    """One scan with a tumour: its patient or group, its sizes in pixels of the networks' frame.

    `outlined` at the family's cut-off (> 0), `strict` and `loose` at the two others, `truth` (> 0);
    `lesions` the outlined and the true size of each single lesion from LESION_SHARE on, 0 where none is.
    """

    patient: int
    outlined: float
    strict: float
    loose: float
    truth: float
    lesions: tuple[tuple[float, float], ...] = ()


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
        true = masks[here] > 127
        truth = float(np.count_nonzero(true))
        if outlined and truth:
            lesions = _lesions(outlines[here] >= cut_off, true)
            result.append(Sized(int(patient[here[0]]), outlined, strict, loose, truth, lesions))
    return result


def _lesions(found: np.ndarray, true: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Outlined and true size of each large lesion of bool (slices, rows, columns), both with something inside.

    A lesion's truth is what of the true lesions that it touches lies nearer to it than to any other outline.
    """
    touching = np.ones((3, 3, 3), bool)
    numbers, count = ndimage.label(found, structure=touching)
    true_numbers, _ = ndimage.label(true, structure=touching)
    sizes = np.bincount(numbers.ravel())
    nearest = numbers[tuple(ndimage.distance_transform_edt(~found, return_distances=False, return_indices=True))]
    result = []
    for number in range(1, count + 1):
        if sizes[number] >= LESION_SHARE * sizes[1:].sum():
            touched = np.setdiff1d(true_numbers[numbers == number], 0)
            own = np.count_nonzero((nearest == number) & np.isin(true_numbers, touched))
            result.append((float(sizes[number]), float(own)))
    return tuple(result)


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
    """How often the interval holds the truth (mean over patients), of whole scans and of single lesions; and how wide it is."""
    inside: dict[int, list[bool]] = {}
    of_lesions: dict[int, list[bool]] = {}
    widths = []
    for scan in scans:
        low, high = interval.ratios(scan.outlined, scan.strict, scan.loose)
        inside.setdefault(scan.patient, []).append(low <= scan.truth / scan.outlined <= high)
        for outlined, truth in scan.lesions:
            of_lesions.setdefault(scan.patient, []).append(low <= truth / outlined <= high)
        widths.append(high / low)
    return {
        "patients": len(inside),
        "covered": _mean_of_patients(inside),
        "lesions": sum(map(len, of_lesions.values())),
        "lesions_covered": _mean_of_patients(of_lesions),
        "median_high_by_low": round(float(np.median(widths)), 3) if widths else None,
    }


def _mean_of_patients(held: dict[int, list[bool]]) -> float | None:
    return round(float(np.mean([np.mean(each) for each in held.values()])), 4) if held else None
