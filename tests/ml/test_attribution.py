"""The map points at what the classifier saw, and it is the weights' own: with other weights it is another map."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from ml import weights
from ml.__main__ import main
from ml.attribution import Attribution
from ml.imaging.volume import Volume
from ml.networks import load
from ml.pipeline import prepare
from tests import phantoms

SEEDS = range(6)


def head(seed: int) -> Volume:
    return Volume(phantoms.slice_picture(contrast="t1c", seed=seed)[0][None, ..., None], "image", ("head.png",))


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    return load.folded_classifier(weights.FOLDER, weights.read_manifest(weights.FOLDER), policy="float32")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.concatenate([prepare(head(seed))[0].images for seed in SEEDS])


def shuffled(classifier: keras.Model, *layers: str) -> keras.Model:
    """The same network with the weights of some layers in disorder."""
    random = np.random.default_rng(1)
    other = keras.models.clone_model(classifier)
    other.set_weights(classifier.get_weights())
    for name in layers:
        layer = other.get_layer(name)
        layer.set_weights([random.permutation(weight.ravel()).reshape(weight.shape) for weight in layer.get_weights()])
    return other


@pytest.mark.parametrize("layers", [("conv6",), ("conv5",), ("conv3",), ("dense", "conv6", "conv5", "conv4", "conv3")])
def test_other_weights_give_another_map(classifier: keras.Model, images: np.ndarray, layers: tuple[str, ...]) -> None:
    ours = Attribution(classifier).places(images)
    other = Attribution(shuffled(classifier, *layers)).places(images)
    alike = [
        spearmanr(a.ravel(), b.ravel())[0] if a.std() > 0 and b.std() > 0 else 0.0
        for a, b in zip(ours, other, strict=True)
    ]
    assert np.mean(alike) < 0.5


def test_the_strongest_place_lies_on_the_drawn_lesion(classifier: keras.Model) -> None:
    explain = Attribution(classifier)
    on = 0
    for seed in SEEDS:
        heat = explain(head(seed))[0]
        _, truth = phantoms.slice_picture(contrast="t1c", seed=seed)
        row, column = np.unravel_index(int(heat.argmax()), heat.shape)
        rows, columns = np.nonzero(truth)
        on += bool(np.hypot(rows - row, columns - column).min() < heat.shape[0] / 8)
    assert on >= 4


def test_a_map_has_the_files_own_rows_and_columns(classifier: keras.Model) -> None:
    pixels = np.pad(phantoms.slice_picture()[0], ((10, 40), (0, 70)))
    heat = Attribution(classifier)(Volume(pixels[None, ..., None], "image", ("a.png",)))
    assert heat.shape == (1, *pixels.shape)
    assert heat.dtype == np.uint8
    assert heat.min() == 0
    assert heat.max() == pytest.approx(255, abs=12)


class TestTheCommand:
    def test_it_writes_a_picture_a_slice(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Image.fromarray(phantoms.slice_picture(contrast="t1c")[0]).save(tmp_path / "head.png")
        assert main(["explain", str(tmp_path / "head.png"), "--out", str(tmp_path / "heat")]) == 0
        with Image.open(tmp_path / "heat" / "0.png") as heat:
            assert heat.size == (256, 256)
        assert "no proof" in capsys.readouterr().out

    def test_what_cannot_be_read_is_said(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "text.png").write_text("hello")
        assert main(["explain", str(tmp_path / "text.png"), "--out", str(tmp_path / "heat")]) == 1
        assert "explain:" in capsys.readouterr().err

    @pytest.mark.parametrize("command", [["explain", "head.png", "--out", "heat"], ["benchmark"]])
    def test_models_that_cannot_be_used_are_said(
        self, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "models").mkdir()
        given = [str(tmp_path / word) if word in ("head.png", "heat") else word for word in command]
        assert main([*given, "--models", str(tmp_path / "models")]) == 2
        assert "Restore the models folder" in capsys.readouterr().err
