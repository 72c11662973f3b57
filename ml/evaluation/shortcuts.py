"""What an answer could be read from without looking at the brain: the baselines beside every verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from ml.evaluation import metrics
from ml.training.datasets import Case

RING = 12
"""Width in pixels of the picture's edge that the ring-only baseline sees."""

Learnt = tuple[np.ndarray, np.ndarray]
"""Properties float (n, properties) of other cases' slices, and bool (n,): a tumour is outlined."""

_AIR = 10
"""Intensity above which a pixel counts as the head's."""


def properties(voxels: np.ndarray) -> dict[str, np.ndarray]:
    """Properties of each slice of uint8 (slices, rows, columns, channels), for each baseline float (slices, n).

    "ring_only": seven statistics of the outermost pixels; "size_only": how much of the picture the head
    fills, in area, rows and columns; "mean_only": mean and spread of the intensities.
    """
    grey = voxels.mean(axis=3)
    head = grey > _AIR
    return {
        "ring_only": _ring(grey),
        "size_only": np.stack([head.mean((1, 2)), head.any(2).mean(1), head.any(1).mean(1)], axis=1),
        "mean_only": np.stack([grey.mean((1, 2)), grey.std((1, 2))], axis=1),
    }


def learnt_from(cases: Iterable[Case]) -> dict[str, Learnt]:
    """What each baseline may learn from: all slices of cases that are not measured. Raises DataFault for a bad file."""
    given: dict[str, list[np.ndarray]] = defaultdict(list)
    truth = []
    for case in cases:
        voxels, outlines = case.read()
        truth.append(outlines.any((1, 2)))
        for name, found in properties(voxels).items():
            given[name].append(found)
    return {name: (np.concatenate(found), np.concatenate(truth)) for name, found in given.items()}


def _ring(grey: np.ndarray) -> np.ndarray:
    inside = np.zeros(grey.shape[1:], bool)
    inside[RING:-RING, RING:-RING] = True
    edge = grey[:, ~inside]
    numbers = [edge.mean(1), edge.std(1), edge.max(1), edge.min(1), np.median(edge, 1)]
    return np.stack([*numbers, (edge > _AIR).mean(1), (edge == 0).mean(1)], axis=1)


def auc(given: np.ndarray, truth: np.ndarray, unit: np.ndarray, learnt: Learnt | None = None) -> float | None:
    """AUC of what (n, properties) alone tell: of gradient boosting that learnt from other cases.

    Without `learnt` cases of a logistic regression, cross-validated over patients or groups `unit` (n,): far weaker.
    """
    if learnt is not None and learnt[1].any() and not learnt[1].all():
        from sklearn.ensemble import HistGradientBoostingClassifier

        boosted = HistGradientBoostingClassifier(random_state=0).fit(*learnt)
        value = metrics.auc(boosted.decision_function(given), truth)
        return None if value is None else round(value, 4)
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = min(5, len(np.unique(unit)))
    if folds < 2 or min(truth.sum(), (~truth).sum()) < folds:
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    try:
        odds = cross_val_predict(model, given, truth, groups=unit, cv=GroupKFold(folds), method="decision_function")
    except ValueError:
        # A fold without either class: there is nothing to learn from.
        return None
    value = metrics.auc(odds, truth)
    return None if value is None else round(value, 4)
