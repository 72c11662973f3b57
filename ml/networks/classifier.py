"""The classifier: six convolutions with pooling between, one dense layer, two neurons."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from ml.networks.norm import FusedBatchNormalization

VERDICTS = ("no_tumour", "tumour")
"""What the two neurons mean, in order."""

WIDTHS = (16, 32, 64, 96, 128, 160)
"""Channels of the six convolutions."""


def classifier(widths: Sequence[int] = WIDTHS, dense: int = 96, side: int | None = 256) -> keras.Model:
    """Builds the classifier: float32 (batch, side, side, 3) in 0..1 to float32 (batch, 2) logits.

    Mean and maximum over the picture both reach the dense layer: a small lesion is lost in a mean.
    Probabilities are the softmax of the logits after calibration (ml.classify).
    """
    inputs = keras.Input((side, side, 3), name="picture")
    x = inputs
    for number, width in enumerate(widths, 1):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = FusedBatchNormalization(momentum=0.98, name=f"conv{number}_norm")(x)
        x = layers.ReLU(name=f"conv{number}_relu")(x)
        if number < len(widths):
            x = layers.MaxPooling2D(name=f"conv{number}_pool")(x)
    x = layers.Concatenate(name="pooled")(
        [layers.GlobalAveragePooling2D(name="mean")(x), layers.GlobalMaxPooling2D(name="peak")(x)]
    )
    x = layers.Dropout(0.3, name="dropout")(x)
    x = layers.Dense(dense, activation="relu", name="dense")(x)
    logits = layers.Dense(len(VERDICTS), dtype="float32", name="verdict")(x)
    return keras.Model(inputs, logits, name="classifier")
