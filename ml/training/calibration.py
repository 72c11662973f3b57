"""Chooses all numbers of a family on validation slices: calibration, fusion, cut-off, the uncertain band."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from ml.classify import Calibration, Fusion, outline_evidence
from ml.evaluation import metrics

log = logging.getLogger(__name__)

WRONG = (0.01, 0.015, 0.02, 0.03)
"""Shares of slices that may be wrong on either side of the uncertain band, the strictest first."""
UNCERTAIN = 0.12
"""At most this share of slices may be uncertain: a band that calls more so is no answer."""
_ODDS = 30.0


@dataclass(frozen=True)
class Fitted:
    """A family's numbers, the probabilities (n,) that the pipeline will give, and how good they are."""

    numbers: dict[str, Any]
    fused: np.ndarray
    facts: dict[str, Any]


def fit_family(odds: np.ndarray, outlines: np.ndarray, truth: np.ndarray, outlined: np.ndarray | None = None) -> Fitted:
    """Calibrates the classifier alone, and classifier and outline together.

    Takes the classifier's log-odds (n,), the U-Net's float (n, 256, 256) and bool (n,). `outlined` bool (n,): which
    slices go through the U-Net, where it is not just those that the classifier is not sure about.
    """
    alone = fit_platt(odds, truth)
    evidence = outline_evidence(outlines)
    model = LogisticRegression(C=1e3).fit(np.stack([np.clip(odds, -_ODDS, _ODDS), evidence], 1), truth)
    slope, weight = (max(float(value), 0.0) for value in model.coef_[0])
    fusion = Fusion(slope=slope, weight=weight, offset=float(model.intercept_[0]))
    first = alone.probability(odds)
    # Below this the classifier is sure: at most 0.3 % of the sick slices lie there.
    outline_from = min(float(np.quantile(first[truth], 0.003)), 0.3)
    outlined = first >= outline_from if outlined is None else outlined
    fused = np.where(outlined, fusion.probability(odds, evidence), first)
    return Fitted(
        numbers={
            "calibration": numbers_of(alone),
            "fusion": {"slope": round(slope, 5), "weight": round(weight, 5), "offset": round(fusion.offset, 5)},
            "outline_from": round(outline_from, 4),
        },
        fused=fused,
        facts={
            "classifier_alone_accuracy": round(float(((first >= 0.5) == truth).mean()), 4),
            "classifier_alone_auc": round(metrics.auc(odds, truth) or 0.0, 4),
            "accuracy": round(float(((fused >= 0.5) == truth).mean()), 4),
            "auc": round(metrics.auc(fused, truth) or 0.0, 4),
            "ece": round(metrics.ece(fused, truth), 4),
            "outlined_share": round(float(outlined.mean()), 4),
        },
    )


def numbers_of(calibration: Calibration) -> dict[str, float]:
    """A calibration as the manifest keeps it."""
    return {"slope": round(calibration.slope, 5), "offset": round(calibration.offset, 5)}


def fit_platt(odds: np.ndarray, truth: np.ndarray, strength: float = 1e3) -> Calibration:
    """Platt scaling of (n,) log-odds to bool (n,)."""
    model = LogisticRegression(C=strength).fit(np.clip(odds, -_ODDS, _ODDS)[:, None], truth)
    return Calibration(slope=max(float(model.coef_[0, 0]), 1e-3), offset=float(model.intercept_[0]))


def choose_band(probability: np.ndarray, truth: np.ndarray) -> tuple[dict[str, float], list[dict[str, float]]]:
    """The strictest uncertain band that leaves at most `UNCERTAIN` of the slices uncertain, and all that were weighed."""
    weighed = []
    for wrong in WRONG:
        band = band_for(probability, truth, wrong)
        facts = band_facts(probability, truth, band)
        weighed.append({"wrong_promised": wrong, **facts})
        if max(facts["wrong_below"], facts["wrong_above"]) > wrong:
            log.warning("no band keeps %.1f %% wrong on either side: %s", 100 * wrong, facts)
    chosen = next((facts for facts in weighed if facts["uncertain_share"] <= UNCERTAIN), weighed[-1])
    return {name: chosen[name] for name in ("nothing_below", "tumour_from")}, weighed


def band_for(probability: np.ndarray, truth: np.ndarray, wrong: float) -> dict[str, float]:
    """The narrowest uncertain band outside which at most the share `wrong` is wrong, on each side.

    A side that no threshold keeps gets the widest, 0.01 or 0.99; `band_facts` says how wrong it is.
    """
    low, high = 0.01, 0.99
    for candidate in np.arange(0.01, 0.50, 0.01):
        below = probability < candidate
        if below.any() and truth[below].mean() <= wrong:
            low = float(candidate)
    for candidate in np.arange(0.99, 0.50, -0.01):
        above = probability >= candidate
        if above.any() and (~truth[above]).mean() <= wrong:
            high = float(candidate)
    return {"nothing_below": round(low, 2), "tumour_from": round(high, 2)}


def band_facts(probability: np.ndarray, truth: np.ndarray, band: dict[str, float]) -> dict[str, float]:
    """A band with what it costs and what it gives."""
    below, above = probability < band["nothing_below"], probability >= band["tumour_from"]
    outside = below | above
    right = (probability >= 0.5) == truth
    return {
        **band,
        "wrong_below": round(float(truth[below].mean()), 4) if below.any() else 0.0,
        "wrong_above": round(float((~truth[above]).mean()), 4) if above.any() else 0.0,
        "uncertain_share": round(float(1 - outside.mean()), 4),
        "accuracy_outside": round(float(right[outside].mean()), 4),
        "accuracy_all": round(float(right.mean()), 4),
    }


def best_cut_off(
    outlines: Sequence[np.ndarray], masks: Sequence[np.ndarray], case: np.ndarray, figure: str
) -> tuple[float, float]:
    """The cut-off with the best mean "dice" (or "iou") over cases, and that figure."""
    best = (0.5, -1.0)
    for cut_off in (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65):
        values = []
        for outline, mask in zip(outlines, masks, strict=True):
            found, truth = outline >= cut_off, mask > 127
            for number in np.unique(case):
                here = case == number
                both, total = (found[here] & truth[here]).sum(), found[here].sum() + truth[here].sum()
                values.append(2 * both / max(total, 1) if figure == "dice" else both / max(total - both, 1))
        log.info("cut-off %.2f: %s mean %.4f median %.4f", cut_off, figure, np.mean(values), np.median(values))
        if np.mean(values) > best[1]:
            best = cut_off, float(np.mean(values))
    return best
