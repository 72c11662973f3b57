"""Figures for outlines and verdicts, each defined for the empty cases. NumPy and SciPy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.stats import binomtest, rankdata

EMPTY = "Both masks empty counts as 1, one of them as 0; HD95 is then left out."
"""What empty masks count as, printed with every report."""


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Dice of two bool arrays of one shape, 0..1; both empty is 1."""
    total = int(found.sum()) + int(truth.sum())
    return 2.0 * int((found & truth).sum()) / total if total else 1.0


def iou(found: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two bool arrays of one shape, 0..1; both empty is 1."""
    union = int((found | truth).sum())
    return int((found & truth).sum()) / union if union else 1.0


def hd95(found: np.ndarray, truth: np.ndarray) -> float | None:
    """95th percentile of the distances between two outlines (rows, columns), in pixels.

    None where either is empty: there is no distance to nothing.
    """
    if not found.any() or not truth.any():
        return None
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (found, truth)]
    to_truth = ndimage.distance_transform_edt(~edges[1])[edges[0]]
    to_found = ndimage.distance_transform_edt(~edges[0])[edges[1]]
    return float(np.percentile(np.concatenate([to_truth, to_found]), 95))


def nsd(found: np.ndarray, truth: np.ndarray, tolerance: float = 2.0) -> float | None:
    """Normalised surface Dice of two outlines (rows, columns), 0..1.

    The share of both edges that lies within `tolerance` pixels of the other edge (Nikolov and others,
    2018). None where both are empty, 0 where one is.
    """
    if not found.any() and not truth.any():
        return None
    if not found.any() or not truth.any():
        return 0.0
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (found, truth)]
    near = sum(
        int((ndimage.distance_transform_edt(~edges[1 - side])[edges[side]] <= tolerance).sum()) for side in (0, 1)
    )
    return near / (int(edges[0].sum()) + int(edges[1].sum()))


def lesions(found: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    """True lesions, how many of them are touched, and found ones that touch none; connected in 3-D (S, R, C)."""
    near = np.ones((3, 3, 3), bool)
    true_labels, true_count = ndimage.label(truth, near)
    found_labels, found_count = ndimage.label(found, near)
    touched = len(np.unique(true_labels[found & truth]))
    useful = len(np.unique(found_labels[found & truth]))
    return int(true_count), touched, int(found_count) - useful


def auc(score: np.ndarray, truth: np.ndarray) -> float | None:
    """Area under the ROC curve of (n,) scores; None where one class is missing."""
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return None
    ranks = rankdata(score)
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def ece(probability: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of (n,) probabilities 0..1, in equal bins."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = [
        abs(float(probability[place == number].mean()) - float(truth[place == number].mean()))
        * float((place == number).mean())
        for number in np.unique(place)
    ]
    return float(sum(gaps))


def risk_coverage(probability: np.ndarray, truth: np.ndarray, steps: int = 20) -> list[dict[str, float]]:
    """How wrong the answers are when only the surest share of (n,) probabilities is answered.

    One point for each share: `coverage`, `error`, and `confidence`, the least max(p, 1 - p) among the answered.
    """
    confidence = np.maximum(probability, 1 - probability)
    order = np.argsort(-confidence, kind="stable")
    wrong = ((probability >= 0.5) != truth)[order]
    points = []
    for step in range(1, steps + 1):
        count = max(1, round(len(order) * step / steps))
        points.append(
            {
                "coverage": round(count / len(order), 4),
                "error": round(float(wrong[:count].mean()), 4),
                "confidence": round(float(confidence[order[count - 1]]), 4),
            }
        )
    return points


def roc(score: np.ndarray, truth: np.ndarray, points: int = 60) -> list[tuple[float, float]]:
    """(1 - specificity, sensitivity) along the ROC curve of (n,) scores; empty where one class is missing."""
    if truth.all() or not truth.any():
        return []
    cuts = np.unique(np.quantile(score, np.linspace(0, 1, points)))[::-1]
    curve = [(float((score[~truth] >= cut).mean()), float((score[truth] >= cut).mean())) for cut in cuts]
    return [(0.0, 0.0), *curve, (1.0, 1.0)]


def reliability(probability: np.ndarray, truth: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """For each bin of (n,) probabilities that holds any: how many, what they said, how often it was true."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    return [
        {
            "count": int((place == number).sum()),
            "said": round(float(probability[place == number].mean()), 4),
            "true": round(float(truth[place == number].mean()), 4),
        }
        for number in np.unique(place)
    ]


def interval(
    values: Sequence[Any], figure: Callable[[list[Any]], float | None], *, seed: int = 1, rounds: int = 1000
) -> list[float] | None:
    """95 % bootstrap interval of a figure over patients (or groups): [low, high], None for fewer than two.

    `values` holds one item a patient; whole patients are drawn, never slices.
    """
    if len(values) < 2:
        return None
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(rounds):
        value = figure([values[index] for index in random.integers(0, len(values), len(values))])
        if value is not None:
            drawn.append(value)
    if not drawn:
        return None
    low, high = np.percentile(drawn, (2.5, 97.5))
    return [round(float(low), 4), round(float(high), 4)]


def exact_interval(held: Sequence[bool]) -> list[float] | None:
    """95 % interval of a share of yes among independent answers (Clopper and Pearson): never empty, even if all are yes."""
    if not held:
        return None
    exact = binomtest(sum(held), len(held)).proportion_ci(method="exact")
    return [round(float(exact.low), 4), round(float(exact.high), 4)]
