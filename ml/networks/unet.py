"""The U-Net that outlines: four blocks down, a bottleneck, four up with skips, two convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from ml.networks.norm import FusedBatchNormalization

OUTLINES = ("flair_abnormality", "contrast_enhancing_tumour")
"""What the two output channels mean, in order."""

WIDTHS = (16, 32, 64, 128, 256)
"""Channels of the four levels and of the bottleneck."""


def unet(widths: Sequence[int] = WIDTHS, side: int | None = 256) -> keras.Model:
    """Builds the U-Net: float32 (batch, side, side, 3) in 0..1 to float32 (batch, side, side, 2) in 0..1.

    `side` None accepts any multiple of 16. Under the policy `mixed_bfloat16` the blocks compute in
    bfloat16 and the output stays float32. Blocks are two 3x3 convolutions with batch normalisation
    and ReLU; batch normalisation folds into the convolutions at inference and so costs nothing.
    """
    *levels, deepest = widths
    inputs = keras.Input((side, side, 3), name="picture")
    x = inputs
    skips = []
    for number, width in enumerate(levels, 1):
        x = _block(x, width, f"down{number}")
        skips.append(x)
        x = layers.MaxPooling2D(name=f"down{number}_pool")(x)
    x = _block(x, deepest, "bottleneck")
    for number, (width, skip) in zip(range(len(levels), 0, -1), zip(levels[::-1], skips[::-1], strict=True), strict=True):
        x = layers.UpSampling2D(interpolation="nearest", name=f"up{number}_enlarge")(x)
        x = layers.Conv2D(width, 2, padding="same", name=f"up{number}_reduce")(x)
        x = layers.Concatenate(name=f"up{number}_skip")([skip, x])
        x = _block(x, width, f"up{number}")
    x = layers.Conv2D(levels[0], 3, padding="same", activation="relu", name="refine")(x)
    outlines = layers.Conv2D(len(OUTLINES), 1, activation="sigmoid", dtype="float32", name="outlines")(x)
    return keras.Model(inputs, outlines, name="unet")


def _block(x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
    for part in ("a", "b"):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_conv_{part}")(x)
        x = FusedBatchNormalization(momentum=0.98, name=f"{name}_norm_{part}")(x)
        x = layers.ReLU(name=f"{name}_relu_{part}")(x)
    return x
