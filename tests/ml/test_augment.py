"""What a training batch goes through: drawn at random, but never what the networks will not meet at work."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from ml.training.augment import Strength, augment

STILL = Strength(**dict.fromkeys((field.name for field in dataclasses.fields(Strength)), 0.0))
"""Nothing is changed."""


@pytest.fixture(autouse=True)
def seeded() -> None:
    keras.utils.set_random_seed(3)


def batch(channels: int, count: int = 6) -> np.ndarray:
    """Heads with fine detail, the same in every channel."""
    random = np.random.default_rng(2)
    disc = np.hypot(*np.meshgrid(np.arange(256) - 128, np.arange(256) - 128)) < 100
    pictures = np.where(disc, random.integers(30, 226, (count, 256, 256)), 0).astype(np.uint8)
    return np.repeat(pictures[..., None], channels, axis=3)


def augmented(images: np.ndarray, strength: Strength, side: int = 160) -> tuple[np.ndarray, np.ndarray]:
    count = len(images)
    x, y = augment(
        images,
        (images[..., 0] > 127) * np.uint8(255),
        np.ones((count, 3), np.float32),
        np.ones(count, bool),
        side,
        strength,
    )
    return x.numpy(), y.numpy()


@pytest.mark.parametrize("side", [128, 160, 192, 256])
def test_a_picture_is_reduced_as_the_networks_reduce_it(side: int) -> None:
    images = batch(3)
    seen, _ = augmented(images, STILL, side)
    if side < 256:
        at_work = keras.layers.Resizing(side, side, antialias=True)(images.astype(np.float32) / 255)
    else:
        at_work = images / np.float32(255)
    np.testing.assert_allclose(seen, at_work, atol=2e-3)


def test_a_mask_stays_black_and_white_and_lies_where_its_picture_lies() -> None:
    images = np.zeros((4, 256, 256, 3), np.uint8)
    images[:, 60:120, 80:160] = 200
    x, y = augmented(images, dataclasses.replace(STILL, turn=0.3, zoom=0.2, shift=0.1, mirror=0.5))
    assert set(np.unique(y)) <= {0.0, 1.0}
    bright = x[..., :1] > 0.4
    assert (bright == (y > 0)).mean() > 0.99


def test_flair_of_the_slices_beside_goes_through_what_the_slices_flair_goes_through() -> None:
    strength = Strength(noise=0.0, lone=0.0, stripped=0.5, channel_gamma=0.2)
    images = batch(5)
    images[..., 0] //= 2  # a composite: channels have gains of their own
    x, _ = augmented(images, strength)
    np.testing.assert_allclose(x[..., 3], x[..., 1], atol=1e-5)
    np.testing.assert_allclose(x[..., 4], x[..., 1], atol=1e-5)
    assert np.abs(x[..., 0] - x[..., 1]).max() > 0.1


def test_a_slice_may_have_to_do_without_those_beside() -> None:
    images = batch(5)
    images[..., 3:] //= 3
    together, _ = augmented(images, dataclasses.replace(STILL, lone=0.0))
    alone, _ = augmented(images, dataclasses.replace(STILL, lone=1.0))
    assert together[..., 3].max() < 0.5
    np.testing.assert_allclose(alone[..., 3], alone[..., 1], atol=1e-6)
    np.testing.assert_allclose(alone[..., 4], alone[..., 1], atol=1e-6)


def test_a_grey_picture_stays_grey() -> None:
    x, _ = augmented(batch(5), Strength(lone=1.0, surroundings=0.5, frame=0.5))
    for channel in (0, 2, 3, 4):
        np.testing.assert_allclose(x[..., channel], x[..., 1], atol=1e-5)


def test_flair_alone_is_grey_whatever_the_other_sequences_were() -> None:
    images = batch(3)
    images[..., 0] //= 2
    images[..., 2] //= 3
    tops = np.tile(np.array([0.3, 0.6, 0.9], np.float32), (len(images), 1))
    strength = Strength(single_channel=2.0, alone=1.0, channel_gamma=0.2)
    x, _ = augment(images, images[..., 1], tops, np.ones(len(images), bool), 160, strength)
    for channel in (0, 2):
        np.testing.assert_allclose(x[..., channel], x[..., 1], atol=1e-5)


def test_channels_that_differ_are_changed_apart() -> None:
    images = batch(3)
    images[..., 0] //= 2
    x, _ = augmented(images, dataclasses.replace(STILL, gain=0.25))
    shares = x[..., 0].sum((1, 2)) / x[..., 1].sum((1, 2))
    assert np.ptp(shares) > 0.05
