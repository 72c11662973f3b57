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


class Attribution:
    """The classifier with its gradients; TensorFlow is imported when it is made."""

    def __init__(self, classifier: Any) -> None:
        import keras

        self._classifier = classifier
        self._places = keras.Model(classifier.inputs, classifier.get_layer(LAYER).output)

    @classmethod
    def load(cls, folder: Path = weights.FOLDER) -> Attribution:
        """Verifies the files against the manifest. Raises WeightsFault."""
        weights.read_manifest(folder)
        from ml.networks import load

        return cls(load.folded_classifier(folder, policy="float32"))

    def places(self, images: np.ndarray) -> np.ndarray:
        """Prepared uint8 (n, 256, 256, 3) to float32 (n, 8, 8), 0 and more: what speaks for a tumour."""
        import tensorflow as tf

        seen = self._places(tf.cast(images, tf.float32) / 255.0, training=False)
        with tf.GradientTape() as tape:
            tape.watch(seen)
            pooled = tf.concat([tf.reduce_mean(seen, [1, 2]), tf.reduce_max(seen, [1, 2])], 1)
            logits = self._classifier.get_layer("verdict")(self._classifier.get_layer("dense")(pooled))
            difference = logits[:, 1] - logits[:, 0]
        gradient = tape.gradient(difference, seen)
        return np.asarray(tf.nn.relu(tf.reduce_sum(gradient * seen, -1)))

    def __call__(self, volume: Volume) -> np.ndarray:
        """uint8 (slices, rows, columns) upright like the voxels; 255 is the volume's strongest place, 0 says nothing."""
        prepared, _ = prepare(volume)
        heat = np.concatenate([self.places(prepared.images[start : start + 16]) for start in range(0, len(volume), 16)])
        heat /= max(float(heat.max()), 1e-6)
        side = preprocess.SIDE
        result = np.empty((len(volume), volume.rows, volume.columns), np.uint8)
        for index, small in enumerate(heat):
            square = np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BILINEAR))
            result[index] = np.round(np.clip(prepared.frame.restore(square), 0, 1) * 255)
        return result
