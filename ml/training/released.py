"""Takes released weights up again: a run may go on where only a release was kept, and not its checkpoint."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from ml import weights
from ml.gate import Family
from ml.networks.load import CLASSIFIER, UNETS
from ml.networks.unet import FAMILIES
from ml.training.datasets import DataFault

JOINED = frozenset({"dense/kernel", *(f"up{level}_conv_a/kernel" for level in (1, 2, 3, 4))})
"""Kernels whose input is two halves: the channels' means and their maxima; those of the block down and those from below."""


def take(model: keras.Model, folder: Path, family: Family | None = None) -> None:
    """Gives a model in training the weights of a folder of models: the family's U-Net, or the classifier.

    What a release leaves out stays as it was begun: the other family's output, the place of the tumour. A model may
    have more channels than the released network, at its input or anywhere inside: they count nothing at first, so
    that it gives the same outlines ("Net2Net", Chen and others, ICLR 2016, but with new channels that are drawn, not
    copied). Raises WeightsFault, or DataFault when it is another network.
    """
    name = CLASSIFIER if family is None else UNETS[family]
    arrays = weights.read_arrays(folder, name, weights.read_manifest(folder))
    for weight in model.weights:
        given = arrays.pop(weight.path, None)
        if given is None:
            if family is not None:
                raise DataFault(f"{folder / name}: is another network than the one to be trained.")
            continue
        own = weight.numpy()
        if weight.path.startswith("outlines/") and family is not None:
            channel = FAMILIES.index(family)
            given = np.where(np.arange(own.shape[-1]) == channel, given, own)
        elif given.ndim == own.ndim and all(np.less_equal(given.shape, own.shape)):
            given = _grown(given, own, joined=weight.path in JOINED)
        if given.shape != own.shape:
            raise DataFault(f"{folder / name}: is another network than the one to be trained.")
        weight.assign(given)
    if arrays:
        raise DataFault(f"{folder / name}: is another network than the one to be trained.")


def _grown(given: np.ndarray, own: np.ndarray, *, joined: bool) -> np.ndarray:
    """A weight in the shape of `own`, which has as many channels or more: new ones are own's, old ones do not hear them."""
    grown = own.copy()
    outputs = given.shape[-1]
    if given.ndim == 1:
        grown[:outputs] = given
        return grown
    grown[..., :outputs] = 0.0
    halves = 2 if joined else 1
    heard, there = given.shape[-2] // halves, own.shape[-2] // halves
    for half in range(halves):
        of_given = given[..., half * heard : (half + 1) * heard, :]
        grown[..., half * there : half * there + heard, :outputs] = of_given
    return grown
