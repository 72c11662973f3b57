"""What an answer could be read from without looking at the brain: the baselines beside every verdict."""

from __future__ import annotations

import numpy as np

from ml.evaluation import metrics

RING = 12
"""Width in pixels of the picture's edge that the ring-only baseline sees."""

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


def _ring(grey: np.ndarray) -> np.ndarray:
    inside = np.zeros(grey.shape[1:], bool)
    inside[RING:-RING, RING:-RING] = True
    edge = grey[:, ~inside]
    numbers = [edge.mean(1), edge.std(1), edge.max(1), edge.min(1), np.median(edge, 1)]
    return np.stack([*numbers, (edge > _AIR).mean(1), (edge == 0).mean(1)], axis=1)


def auc(given: np.ndarray, truth: np.ndarray, unit: np.ndarray) -> float | None:
    """AUC of a logistic regression on (n, properties) alone, cross-validated over patients or groups `unit` (n,)."""
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
