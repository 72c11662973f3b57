"""The networks as compiled functions of fixed batch sizes, the way the pipeline calls them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

BATCHES = (1, 4, 16)
"""Batch sizes that are run; a chunk of another size is filled up to the next one."""
PAIRED = (2, 4, 16)
"""The same for the U-Net, which sees each slice together with its mirror image."""

LOOKED_AT = (2, 3, 4, 5, 6)
"""The classifier's convolutions whose channels the gate looks at."""


def classifying(model: keras.Model) -> keras.Model:
    """The folded classifier with a second output: what the gate needs.

    float32 (batch, features): for each channel of `LOOKED_AT` its mean and its standard deviation
    over the picture.
    """
    parts = []
    for number in LOOKED_AT:
        seen = keras.ops.cast(model.get_layer(f"conv{number}").output, "float32")
        mean = keras.ops.mean(seen, axis=(1, 2))
        square = keras.ops.mean(keras.ops.square(seen), axis=(1, 2))
        parts += [mean, keras.ops.sqrt(keras.ops.maximum(square - keras.ops.square(mean), 0.0) + 1e-8)]
    return keras.Model(model.inputs, [model.outputs[0], keras.ops.concatenate(parts, axis=1)], name="classifying")


class Compiled:
    """A network as a graph for uint8 (n, 256, 256, 3), run in few batch sizes: the kernels of each are made once."""

    def __init__(self, model: keras.Model, *, side: int = 256, batches: Sequence[int] = BATCHES) -> None:
        @tf.function(autograph=False)  # type: ignore[untyped-decorator]
        def call(images: tf.Tensor) -> list[tf.Tensor]:
            outputs = model(tf.cast(images, tf.float32) / 255.0, training=False)
            return list(outputs) if isinstance(outputs, list | tuple) else [outputs]

        # One graph for all sizes: traced for each it was no faster, and loading took longer.
        self._graph: Callable[[tf.Tensor], list[tf.Tensor]] = call.get_concrete_function(
            tf.TensorSpec((None, side, side, 3), tf.uint8)
        )
        self._side, self._batches = side, batches

    def warm(self) -> None:
        """Runs every batch size once, so that the first scan does not wait for it."""
        for count in self._batches:
            self._graph(tf.zeros((count, self._side, self._side, 3), tf.uint8))

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """All outputs for uint8 (n, 256, 256, 3) with 0 < n <= 16, as float32 arrays of n rows."""
        given = len(images)
        count = next(size for size in self._batches if size >= given)
        if count > given:
            images = np.concatenate([images, np.zeros((count - given, *images.shape[1:]), np.uint8)])
        return [output.numpy()[:given] for output in self._graph(tf.constant(images))]
