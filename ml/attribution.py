"""Where in a picture the classifier's answer comes from. Off unless asked for: such maps persuade people of wrong answers.

Gradient times activation at the last convolution (HiResCAM, Draelos and Carin 2020): how much each of
8 x 8 places raises the difference of the two logits. Kept because it passes a weight-randomisation test
(Adebayo and others 2018; tests/ml/test_attribution.py, docs/experiments.md). It explains the classifier
alone, not the outline, and is coarse: a place is a thirty-second of the head's width on either side.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml import preprocess, weights
from ml.imaging.volume import Volume
from ml.pipeline import prepare

LAYER = "conv6"
"""The convolution whose places are weighed."""
_AT_ONCE = 16
"""Slices that go through the network together."""


class Attribution:
    """The classifier with its gradients; TensorFlow is imported when it is made."""

    def __init__(self, classifier: Any) -> None:
        import keras
        import tensorflow as tf

        places = keras.Model(classifier.inputs, classifier.get_layer(LAYER).output)
        dense, verdict = (classifier.get_layer(name) for name in ("dense", "verdict"))

        @tf.function(input_signature=[tf.TensorSpec((None, *classifier.input_shape[1:]), tf.uint8)])  # type: ignore[untyped-decorator]
        def weigh(images: tf.Tensor) -> tf.Tensor:
            seen = places(tf.cast(images, tf.float32) / 255.0, training=False)
            with tf.GradientTape() as tape:
                tape.watch(seen)
                pooled = tf.concat([tf.reduce_mean(seen, [1, 2]), tf.reduce_max(seen, [1, 2])], 1)
                logits = verdict(dense(pooled))
                difference = logits[:, 1] - logits[:, 0]
            return tf.nn.relu(tf.reduce_sum(tape.gradient(difference, seen) * seen, -1))

        self._weigh = weigh

    @classmethod
    def load(cls, folder: Path = weights.FOLDER) -> Attribution:
        """Verifies the files against the manifest. Raises WeightsFault."""
        manifest = weights.read_manifest(folder)
        from ml.networks import load

        return cls(load.folded_classifier(folder, manifest, policy="float32"))

    def places(self, images: np.ndarray) -> np.ndarray:
        """Prepared uint8 (n, 256, 256, 3) to float32 (n, 8, 8), 0 and more: what speaks for a tumour."""
        return np.concatenate(
            [self._weigh(images[start : start + _AT_ONCE]).numpy() for start in range(0, len(images), _AT_ONCE)]
        )

    def __call__(self, volume: Volume) -> np.ndarray:
        """uint8 (slices, rows, columns), upright like the voxels; 0 says nothing.

        255 is the volume's strongest place, also where the classifier sees no tumour: maps of two
        volumes cannot be compared.
        """
        prepared, _ = prepare(volume)
        heat = self.places(prepared.images)
        heat /= max(float(heat.max()), 1e-6)
        square = (preprocess.SIDE, preprocess.SIDE)
        found = np.empty(volume.voxels.shape[:3], np.uint8)
        for index, small in enumerate(heat):
            enlarged = np.asarray(Image.fromarray(small).resize(square, Image.Resampling.BILINEAR))
            found[index] = np.clip(prepared.frame.restore(enlarged) * 255 + 0.5, 0, 255)
        return found
