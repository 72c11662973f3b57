"""The U-Net that outlines: four blocks down, a bottleneck, four up with skips, two convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from ml.networks.norm import convolution

FAMILIES = ("flair", "t1c")
"""Whose outlines a network in training gives, a channel each, in order. A released network gives one of them."""

WIDTHS = (16, 32, 64, 128, 256)
"""Channels of the four levels and of the bottleneck."""


WORKING_SIDE = 160
"""Rows and columns on which the blocks work when the picture has 256."""


SUREST = 9.2
"""Log-odds (a probability of 0.9999) that one pixel may have at most: beyond it a very sure one would push the edge."""


def unet(
    widths: Sequence[int] = WIDTHS,
    side: int | None = 256,
    *,
    channels: int = 3,
    outlines: int = 1,
    folded: bool = False,
) -> keras.Model:
    """Builds the U-Net: float32 (batch, side, side, channels) in 0..1 to float32 (batch, side, side, outlines) in 0..1.

    With `side` 256 the picture is reduced to 160 x 160 first and the outlines are enlarged again, as log-odds: both
    sets measured better there, and it is faster (docs/experiments.md). `side` None accepts any multiple
    of 16 and works on it as it is, for training; the weights are the same. Under the policy
    `mixed_bfloat16` the blocks compute in bfloat16 and the output stays float32. Blocks are two 3x3
    convolutions with batch normalisation and ReLU; `folded` builds the same function without batch
    normalisation, for `norm.fold`.
    """
    *levels, deepest = widths
    inputs = keras.Input((side, side, channels), name="picture")
    whole = side == 256
    x = (
        layers.Resizing(WORKING_SIDE, WORKING_SIDE, antialias=True, dtype="float32", name="reduce")(inputs)
        if whole
        else inputs
    )
    skips = []
    for number, width in enumerate(levels, 1):
        x = _block(x, width, f"down{number}", folded)
        skips.append(x)
        x = layers.MaxPooling2D(name=f"down{number}_pool")(x)
    x = _block(x, deepest, "bottleneck", folded)
    for number, (width, skip) in zip(
        range(len(levels), 0, -1), zip(levels[::-1], skips[::-1], strict=True), strict=True
    ):
        x = layers.UpSampling2D(interpolation="nearest", name=f"up{number}_enlarge")(x)
        x = layers.Conv2D(width, 2, padding="same", name=f"up{number}_reduce")(x)
        x = layers.Concatenate(name=f"up{number}_skip")([skip, x])
        x = _block(x, width, f"up{number}", folded)
    x = layers.Conv2D(levels[0], 3, padding="same", activation="relu", name="refine")(x)
    x = layers.Conv2D(outlines, 1, dtype="float32", name="outlines")(x)
    if whole:
        x = keras.ops.clip(x, -SUREST, SUREST)
        x = layers.Resizing(side, side, dtype="float32", name="enlarge")(x)
    x = layers.Activation("sigmoid", dtype="float32", name="probability")(x)
    return keras.Model(inputs, x, name="unet")


def _block(x: keras.KerasTensor, width: int, name: str, folded: bool) -> keras.KerasTensor:
    for part in ("a", "b"):
        x = convolution(x, width, f"{name}_conv_{part}", folded)
    return x
