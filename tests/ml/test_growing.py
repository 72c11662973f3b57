"""A U-Net that takes up a release with fewer channels: the same outlines at first, then more to learn with."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from ml import weights
from ml.gate import Family
from ml.networks import load
from ml.networks.classifier import classifier
from ml.networks.unet import FAMILIES, unet, widths_of
from ml.training import release, released
from ml.training.datasets import DataFault

NARROW, WIDE = (4, 6, 8, 10, 12), (4, 6, 10, 20, 24)


def a_release(folder: Path, widths: tuple[int, ...] = NARROW) -> Path:
    """A folder of models with both families' U-Nets of those widths, with drawn weights."""
    folder.mkdir()
    for family, name in load.UNETS.items():
        keras.utils.set_random_seed(len(family))
        arrays = weights.take(unet(widths, None))
        random = np.random.default_rng(len(family))
        drawn = {path: value + random.uniform(0, 0.02, value.shape) for path, value in arrays.items()}
        weights.write_arrays(folder / name, drawn)
    manifest = {"files": {name: weights.digest(folder / name) for name in load.UNETS.values()}}
    (folder / weights.MANIFEST).write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(3).uniform(size=(2, 32, 32, 3)).astype(np.float32)


class TestAWiderNetwork:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_begins_with_the_releases_outlines(self, family: Family, tmp_path: Path, pictures: np.ndarray) -> None:
        models = a_release(tmp_path / "models")
        outlines = []
        for widths in (NARROW, WIDE):
            model = unet(widths, None, outlines=len(FAMILIES))
            released.take(model, models, family)
            outlines.append(model(pictures, training=False).numpy()[..., FAMILIES.index(family)])
        np.testing.assert_allclose(outlines[1], outlines[0], atol=1e-6)
        assert np.ptp(outlines[0]) > 0.01

    def test_learns_with_its_new_channels(self, tmp_path: Path, pictures: np.ndarray) -> None:
        model = unet(WIDE, None, outlines=len(FAMILIES))
        released.take(model, a_release(tmp_path / "models"), "flair")
        with tf.GradientTape() as tape:
            lost = tf.reduce_mean(model(pictures, training=True))
        learns = {weight.path: weight for weight in model.trainable_variables}
        path = "bottleneck_conv_b/kernel"
        from_new = tape.gradient(lost, learns[path]).numpy()[:, :, NARROW[-1] :, : NARROW[-1]]
        assert not learns[path].numpy()[:, :, NARROW[-1] :, : NARROW[-1]].any()
        assert np.abs(from_new).max() > 0

    def test_a_narrower_one_is_another_network(self, tmp_path: Path) -> None:
        with pytest.raises(DataFault, match="another network"):
            released.take(unet(NARROW, None, outlines=len(FAMILIES)), a_release(tmp_path / "models", WIDE), "flair")


class TestAClassifier:
    @pytest.mark.parametrize("widths", [(4, 6, 8, 10, 12, 14), (4, 6, 8, 10, 16, 20)])
    def test_begins_with_the_releases_verdict(self, widths: tuple[int, ...], tmp_path: Path) -> None:
        narrow = classifier((4, 6, 8, 10, 12, 14), side=128)
        arrays = weights.take(narrow)
        weights.write_arrays(tmp_path / load.CLASSIFIER, arrays)
        manifest = {"files": {load.CLASSIFIER: weights.digest(tmp_path / load.CLASSIFIER)}}
        (tmp_path / weights.MANIFEST).write_text(json.dumps(manifest))
        model = classifier(widths, side=128, place=True)
        released.take(model, tmp_path)
        pictures = np.random.default_rng(3).uniform(size=(2, 128, 128, 3)).astype(np.float32)
        logits = narrow(pictures, training=False)
        np.testing.assert_allclose(model(pictures, training=False)[0], logits, atol=1e-4)
        assert np.ptp(logits) > 0.001


class TestAReleaseOfAnyWidth:
    def test_is_built_as_its_weights_say(self, tmp_path: Path) -> None:
        models = a_release(tmp_path / "models", WIDE)
        manifest = weights.read_manifest(models)
        assert widths_of(weights.read_arrays(models, load.UNETS["t1c"], manifest)) == WIDE
        built = load.folded_unet(models, manifest, "t1c")
        assert built.get_layer("bottleneck_conv_a").filters == WIDE[-1]

    def test_another_networks_weights_are_refused(self, tmp_path: Path) -> None:
        models = tmp_path / "models"
        models.mkdir()
        for arrays in ({"conv1/kernel": np.zeros((3, 3, 3, 4))}, {"down1_conv_a/kernel": np.zeros(())}):
            weights.write_arrays(models / load.UNETS["flair"], arrays)
            manifest = {"files": {load.UNETS["flair"]: weights.digest(models / load.UNETS["flair"])}}
            with pytest.raises(weights.WeightsFault, match="another network"):
                load.folded_unet(models, manifest, "flair")

    def test_there_is_no_mean_of_several_widths(self, tmp_path: Path) -> None:
        folders = [a_release(tmp_path / "narrow"), a_release(tmp_path / "wide", WIDE)]
        with pytest.raises(DataFault, match="different widths"):
            release.store_outline(folders, "flair", tmp_path / "unet_flair.npz")
