"""Builds the networks from the weight files, folded and compiled."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import processor, weights
from ml.gate import Family
from ml.networks.classifier import classifier
from ml.networks.inference import PAIRED, Compiled, classifying
from ml.networks.norm import fold
from ml.networks.unet import unet

log = logging.getLogger(__name__)

CLASSIFIER = "classifier.npz"
UNETS: dict[Family, str] = {"flair": "unet_flair.npz", "t1c": "unet_t1c.npz"}
"""Names of the weight files: the classifier serves every picture, a family has a U-Net of its own."""


def compiled(folder: Path, manifest: Mapping[str, Any]) -> tuple[Compiled, dict[Family, Compiled]]:
    """Classifier (logits and what the gate looks at) and each family's U-Net, warmed. Raises WeightsFault."""
    classifies = Compiled(classifying(folded_classifier(folder, manifest)))
    outlines = {family: Compiled(folded_unet(folder, manifest, family), batches=PAIRED) for family in UNETS}
    for graph in (classifies, *outlines.values()):
        graph.warm()
    log.info("Networks compute with %s.", processor.computing())
    return classifies, outlines


def folded_classifier(folder: Path, manifest: Mapping[str, Any], policy: str | None = None) -> keras.Model:
    """The trained classifier without batch normalisation, as `policy` computes: the processor's unless given.

    Raises WeightsFault.
    """
    with _Policy(policy or processor.precision()):
        return _filled(classifier(folded=True), weights.read_arrays(folder, CLASSIFIER, manifest))


def folded_unet(folder: Path, manifest: Mapping[str, Any], family: Family, policy: str | None = None) -> keras.Model:
    """The same for the family's trained U-Net. Raises WeightsFault."""
    with _Policy(policy or processor.precision()):
        return _filled(unet(folded=True), weights.read_arrays(folder, UNETS[family], manifest))


def _filled(folded: keras.Model, arrays: dict[str, np.ndarray]) -> keras.Model:
    weights.fill(folded, fold(arrays))
    return folded


class _Policy:
    """Builds layers under a precision policy and puts the old one back.

    Where layers compute in bfloat16 their weights are kept so: rounded once instead of at every call, with the same
    outputs to the bit and half the memory for them (docs/decisions/0009-engines.md).
    """

    def __init__(self, name: str) -> None:
        self._name = "bfloat16" if name == "mixed_bfloat16" else name

    def __enter__(self) -> None:
        self._old = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self._name)

    def __exit__(self, *_: object) -> None:
        keras.config.set_dtype_policy(self._old)
