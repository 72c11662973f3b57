"""Builds both networks from the weight files, folded and compiled."""

from __future__ import annotations

from pathlib import Path

import keras

from ml import weights
from ml.networks.classifier import classifier
from ml.networks.inference import PAIRED, Compiled, classifying
from ml.networks.norm import fold
from ml.networks.unet import unet

CLASSIFIER, UNET = "classifier.npz", "unet.npz"
"""Names of the weight files."""


def compiled(folder: Path) -> tuple[Compiled, Compiled]:
    """Classifier (logits and what the gate looks at) and U-Net, warmed. Raises WeightsFault."""
    graphs = (
        Compiled(classifying(folded_classifier(folder))),
        Compiled(folded_unet(folder), batches=PAIRED),
    )
    for graph in graphs:
        graph.warm()
    return graphs


def folded_classifier(folder: Path, policy: str = "mixed_bfloat16") -> keras.Model:
    """The trained classifier without batch normalisation."""
    trained = classifier()
    weights.fill(trained, weights.read_arrays(folder / CLASSIFIER))
    with _Policy(policy):
        return fold(trained, classifier(folded=True))


def folded_unet(folder: Path, policy: str = "mixed_bfloat16") -> keras.Model:
    """The trained U-Net without batch normalisation."""
    trained = unet()
    weights.fill(trained, weights.read_arrays(folder / UNET))
    with _Policy(policy):
        return fold(trained, unet(folded=True))


class _Policy:
    """Builds layers under a precision policy and puts the old one back."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._old = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self._name)

    def __exit__(self, *_: object) -> None:
        keras.config.set_dtype_policy(self._old)
