"""The classifier: six convolutions with pooling between, one dense layer, two neurons."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from ml.networks.norm import convolution

VERDICTS = ("no_tumour", "tumour")
"""What the two neurons mean, in order."""

WIDTHS = (16, 32, 64, 96, 128, 160)
"""Channels of the six convolutions."""


def classifier(
    widths: Sequence[int] = WIDTHS, dense: int = 96, side: int = 256, *, folded: bool = False, place: bool = False
) -> keras.Model:
    """Builds the classifier: float32 (batch, side, side, 3) in 0..1 to float32 (batch, 2) logits.

    `side` is 256, or 128 for training: the network halves 256 first, so the two give the same answer
    for the same head (the U-Net needs the fine detail, the verdict measured no worse without).
    Mean and maximum over the picture both reach the dense layer: a small lesion is lost in a mean.
    `folded` builds the same function without batch normalisation, for `norm.fold`. `place` adds an
    output for training only, (batch, 8, 8, 1) logits: where the tumour is.
    Probabilities are the calibrated difference of the logits (ml.classify).
    """
    inputs = keras.Input((side, side, 3), name="picture")
    x = layers.AveragePooling2D(side // 128, name="halve")(inputs) if side > 128 else inputs
    for number, width in enumerate(widths, 1):
        x = convolution(x, width, f"conv{number}", folded)
        if 1 < number < len(widths):
            x = layers.MaxPooling2D(name=f"conv{number}_pool")(x)
    where = layers.Dense(1, dtype="float32", name="where")(x) if place else None
    x = layers.Concatenate(name="pooled")(
        [layers.GlobalAveragePooling2D(name="average")(x), layers.GlobalMaxPooling2D(name="peak")(x)]
    )
    x = layers.Dropout(0.25, name="dropout")(x)
    x = layers.Dense(dense, activation="relu", name="dense")(x)
    logits = layers.Dense(len(VERDICTS), dtype="float32", name="verdict")(x)
    return keras.Model(inputs, logits if where is None else [logits, where], name="classifier")
