"""Chooses the series rule on whole validation patients (tumour) and tumour-free runs of their slices (none)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.classify import Calibration
from ml.series_rule import Rule
from ml.training.calibration import fit_platt, numbers_of

log = logging.getLogger(__name__)

_THRESHOLDS = {"nothing_below": 0.3, "tumour_from": 0.7}
_SHORTEST = 5
"""Slices that a tumour-free run must have to be a sample."""


@dataclass(frozen=True)
class Scan:
    """One series, or a run of slices of one: probabilities and outlined shares (slices,), and the truth."""

    probabilities: np.ndarray
    shares: np.ndarray
    sick: bool


def scans_of(probability: np.ndarray, share: np.ndarray, sick: np.ndarray, case: np.ndarray) -> list[Scan]:
    """The patients of (n,) slices as scans: with a tumour the whole and their tumour-free runs, without one the whole."""
    result = []
    for number in np.unique(case):
        here = np.flatnonzero(case == number)
        edges = np.flatnonzero(sick[here])
        result.append(Scan(probability[here], share[here], bool(len(edges))))
        if not len(edges):
            continue
        # A slice beside the last outlined one may show the lesion's edge: two are left out.
        runs = (here[: max(edges[0] - 2, 0)], here[edges[-1] + 3 :])
        result += [Scan(probability[run], share[run], False) for run in runs if len(run) >= _SHORTEST]
    return result


def choose(scans: Sequence[Scan]) -> tuple[dict[str, float], dict[str, Any]]:
    """The rule's numbers for the manifest, and how its verdicts fall on the scans."""
    truth = np.array([scan.sick for scan in scans])
    best: tuple[float, dict[str, float], dict[str, Any]] | None = None
    for run in (2, 3, 4):
        plain = Rule(run, 0.0, Calibration(1.0, 0.0), **_THRESHOLDS)
        evidence = np.array([plain.evidence(scan.probabilities) for scan in scans])
        fitted = fit_platt(evidence, truth, strength=0.3)
        free = [plain.outlined(scan.shares) for scan in scans if not scan.sick]
        seen = [plain.outlined(scan.shares) for scan in scans if scan.sick]
        # Above what nearly all tumour-free runs show, but below the smallest true outline: a smaller one
        # that the classifier is sure of becomes "uncertain", not "no tumour".
        share = min(float(np.quantile(free, 0.95)) + 1e-4, 0.6 * min(seen) + 1e-5)
        numbers = {"run": run, "share": round(share, 6), **numbers_of(fitted), **_THRESHOLDS}
        facts = verdicts(Rule.of(numbers), scans)
        right = facts["sick_tumour"] / truth.sum() + facts["free_no_tumour"] / max((~truth).sum(), 1)
        log.info("series rule %s: %s", numbers, facts)
        # Of runs that do as well the longest: more slices have to agree.
        if best is None or right >= best[0]:
            best = right, numbers, facts
    assert best is not None
    return best[1], best[2]


def verdicts(rule: Rule, scans: Sequence[Scan]) -> dict[str, int]:
    """How many scans with and without a tumour get which verdict."""
    given = [(scan.sick, rule.judge(scan.probabilities, scan.shares)[0].value) for scan in scans]
    return {
        "scans_with_tumour": sum(scan.sick for scan in scans),
        "tumour_free_runs": sum(not scan.sick for scan in scans),
        **{
            f"{'sick' if sick else 'free'}_{verdict}": given.count((sick, verdict))
            for sick in (True, False)
            for verdict in ("tumour", "uncertain", "no_tumour")
        },
    }
