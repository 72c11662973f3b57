"""Training with FLAIR of the slices before and after: which they are, and what is released of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml import weights
from ml.networks.unet import unet
from ml.training import beside, release
from ml.training.datasets import DataFault


def around(scan: list[int], steps: int = 1) -> tuple[list[int], list[int]]:
    before, after = beside.around(np.arange(len(scan)), np.array(scan), steps)
    return before.tolist(), after.tolist()


def test_a_slice_stands_for_a_neighbour_that_is_not_there() -> None:
    assert around([0, 0, 0]) == ([0, 0, 1], [1, 2, 2])
    assert around([0, 0, 0, 0], steps=2) == ([0, 1, 0, 1], [2, 3, 2, 3])
    assert around([0]) == ([0], [0])


def test_scans_do_not_see_each_other() -> None:
    assert around([0, 0, 0, 1, 1]) == ([0, 0, 1, 3, 3], [1, 2, 2, 4, 4])


def test_flair_of_the_neighbours_comes_after_the_slices_own_channels() -> None:
    images = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), np.uint8)
    places = np.arange(3)
    seen = beside.seen(images, places, *beside.around(places, np.zeros(3, int)))
    np.testing.assert_array_equal(seen[1], np.dstack([images[1], images[0][..., 1], images[2][..., 1]]))


def kept(folder: Path, *, channels: int, seed: int) -> dict[str, np.ndarray]:
    """A run's checkpoint with drawn weights; gives them by name."""
    folder.mkdir()
    model = unet(channels=channels, outlines=2)
    random = np.random.default_rng(seed)
    drawn = [random.uniform(0.1, 0.5, weight.shape).astype(np.float32) for weight in model.weights]
    np.savez(folder / "checkpoint.npz", **{f"average{number}": value for number, value in enumerate(drawn)})
    return {weight.path: value for weight, value in zip(model.weights, drawn, strict=True)}


class TestTheReleasedNetwork:
    def test_it_answers_as_the_run_does_for_a_slice_that_stands_for_its_neighbours(self, tmp_path: Path) -> None:
        kernel = np.random.default_rng(1).normal(size=(3, 3, 5, 4))
        picture = np.random.default_rng(2).normal(size=(3, 3, 3))
        with_neighbours = np.dstack([picture, picture[..., 1], picture[..., 1]])
        np.testing.assert_allclose(
            np.tensordot(picture, beside.without(kernel), 3), np.tensordot(with_neighbours, kernel, 3), atol=1e-9
        )

    def test_it_is_the_mean_of_the_runs_that_are_given(self, tmp_path: Path) -> None:
        one = kept(tmp_path / "one", channels=3, seed=1)
        two = kept(tmp_path / "two", channels=5, seed=2)
        release.store_outline([tmp_path / "one", tmp_path / "two"], "flair", tmp_path / "unet_flair.npz")
        with np.load(tmp_path / "unet_flair.npz") as stored:
            first = (one["down1_conv_a/kernel"] + beside.without(two["down1_conv_a/kernel"])) / 2
            np.testing.assert_allclose(stored["down1_conv_a/kernel"], first, atol=1e-3)
            last = (one["outlines/kernel"] + two["outlines/kernel"])[..., :1] / 2
            np.testing.assert_allclose(stored["outlines/kernel"], last, atol=1e-3)
            filled = unet()
            weights.fill(filled, {name: stored[name] for name in stored})

    def test_a_network_of_a_release_is_kept_to_the_bit(self, tmp_path: Path) -> None:
        release.store_outline([weights.FOLDER], "t1c", tmp_path / "unet_t1c.npz")
        assert weights.digest(tmp_path / "unet_t1c.npz") == weights.digest(weights.FOLDER / "unet_t1c.npz")

    def test_a_folder_without_a_run_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(DataFault, match="no checkpoint"):
            release.store_outline([tmp_path], "flair", tmp_path / "unet_flair.npz")

    def test_a_checkpoint_that_cannot_be_read_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "checkpoint.npz").write_bytes(b"half a file")
        with pytest.raises(DataFault, match="cannot be read"):
            release.store_outline([tmp_path], "flair", tmp_path / "unet_flair.npz")
