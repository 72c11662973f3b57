"""`python -m ml benchmark`: what it counts, and that PyTorch's twin is the same network where PyTorch is there."""

from __future__ import annotations

import importlib.util

import keras
import numpy as np
import pytest

from ml import weights
from ml.commands import benchmark, benchmark_torch
from ml.imaging.volume import Volume
from ml.networks import load
from ml.pipeline import Pipeline


def once(act: object) -> dict[str, float]:
    assert callable(act)
    act()
    return {"median": 1.0, "p95": 1.0}


def test_operations_are_counted_by_hand() -> None:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(x))
    assert benchmark.convolution_operations(model) == 2 * 64 * (4 * 9 * 3 + 2 * 4)


def test_the_machines_peak_is_measured() -> None:
    peak = benchmark.matrix_peak(side=128)
    assert set(peak) == {"float32", "bfloat16"}
    assert all(value > 0 for value in peak.values())


def test_the_pipeline_is_timed_with_every_slice_outlined(pipeline: Pipeline) -> None:
    given: list[int] = []

    def unet(images: np.ndarray) -> list[np.ndarray]:
        given.append(len(images))
        return pipeline._unets["flair"](images)

    thorough = pipeline.thorough()
    thorough._unets = {"flair": unet, "t1c": unet}
    dark = Volume(
        np.full((5, 64, 64, 1), 9, np.uint8) + np.arange(64, dtype=np.uint8)[:, None], "series", tuple("abcde")
    )
    thorough([dark])
    assert sum(given) == 10  # each slice and its mirror image


def test_without_pytorch_there_is_no_figure_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert benchmark_torch.measure(None, np.zeros((1, 256, 256, 3), np.float32), once, 1) is None


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="requirements-bench.txt is not installed")
def test_pytorchs_twin_gives_the_same_outlines() -> None:
    folded = load.folded_unet(weights.FOLDER, weights.read_manifest(weights.FOLDER), "t1c", policy="float32")
    picture = np.repeat(benchmark.picture()[None, ..., None], 3, axis=3).astype(np.float32) / 255
    figures = benchmark_torch.measure(folded, picture, once, 1)
    assert figures is not None
    assert figures["largest_difference"] <= benchmark_torch.AGREE
