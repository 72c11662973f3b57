"""A slice with FLAIR of the slice before and after it, as two more channels: an experiment of training.

As good as the slice alone and no better (docs/experiments.md), so the shipped networks see one slice; but a run that learnt
so is a good one to average with (`release.store_outline` lets a slice stand for its own neighbours).
"""

from __future__ import annotations

import numpy as np

CHANNELS = 5
FLAIR = 1
"""Its place among the three channels of a prepared slice."""


def around(places: np.ndarray, scan: np.ndarray, steps: np.ndarray | int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Places of the slices `steps` before and after, int (n,) each; the own place where the scan has none.

    `scan`: int (slices,), which scan each slice belongs to; slices of a scan stand together and in order.
    """
    own, ends = scan[places], len(scan) - 1
    before, after = places - steps, places + steps
    return (
        np.where((before >= 0) & (scan[np.maximum(before, 0)] == own), before, places),
        np.where((after <= ends) & (scan[np.minimum(after, ends)] == own), after, places),
    )


def seen(images: np.ndarray, places: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Prepared slices with FLAIR of those before and after: uint8 (slices, 256, 256, 3) to (n, 256, 256, 5)."""
    return np.concatenate([images[places], images[before][..., FLAIR, None], images[after][..., FLAIR, None]], axis=3)


def without(kernel: np.ndarray) -> np.ndarray:
    """The first convolution's kernel (3, 3, 5, n) as (3, 3, 3, n) that gives the same where a slice stands for its neighbours."""
    alone = kernel[:, :, :3].copy()
    alone[:, :, FLAIR] += kernel[:, :, 3:].sum(axis=2)
    return alone
