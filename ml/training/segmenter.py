"""Trains the U-Net on both sets at once, each supervising its own output channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ml.networks.unet import unet
from ml.training import augment, cache, splits
from ml.training.datasets import Case
from ml.training.loop import Batch, Plan, Stage, Trainer

PLAN = Plan(
    stages=(Stage(128, 25, 24), Stage(192, 50, 16)),
    rate=2e-3,
    decay=1e-2,
    averaging=0.998,
    seed=7,
)
STRENGTH = augment.Strength()
_LGG_SHARE = 0.4
_LESIONS = {"lgg": 0.6, "brisc": 0.9}


def train(
    cases: Sequence[Case], out: Path, *, plan: Plan = PLAN, resume: bool = False, quiet: bool = False
) -> dict[str, float]:
    """Trains on the committed split's part "train" of `cases`, checks on "validation".

    Leaves `averaged.weights.h5`, `checkpoint.npz`, `history.json` and `plan.json` in `out` and
    gives the last validation figures.
    """
    keras.utils.set_random_seed(plan.seed)
    slices = cache.open_or_make(splits.choose(cases, "train"), out / "cache", quiet=quiet)
    held = cache.open_or_make(splits.choose(cases, "validation"), out / "cache", quiet=quiet)
    # Built for any side: the stages differ, the weights do not.
    model = unet(side=None)
    trainer = Trainer(
        model,
        plan,
        out,
        loss=_loss,
        batches=lambda stage: _batches(slices, stage, plan.seed),
        validate=lambda network, side: _validate(network, held, side),
    )
    if resume:
        trainer.resume()
    return trainer.run()


def _batches(slices: cache.Slices, stage: Stage, seed: int) -> Iterator[Batch]:
    """Mixed batches for ever: images, masks, top, is-LGG; a fixed share of slices with a lesion."""
    random = np.random.default_rng([seed, stage.side])
    family = np.array([slices.cases[index].family for index in slices.case])
    pools = {
        (name, lesion): np.flatnonzero((family == name) & (slices.tumour == lesion))
        for name in ("lgg", "brisc")
        for lesion in (True, False)
    }
    present = [name for name in ("lgg", "brisc") if len(pools[name, True])]
    while True:
        places: list[int] = []
        for number in range(stage.batch):
            name = present[0] if len(present) == 1 or (number + 0.5) / stage.batch < _LGG_SHARE else present[1]
            lesion = bool(random.random() < _LESIONS[name]) or not len(pools[name, False])
            places.append(int(random.choice(pools[name, lesion])))
        chosen = np.asarray(places)
        yield slices.images[chosen], slices.masks[chosen], slices.top[chosen], family[chosen] == "lgg"


def _loss(model: keras.Model, batch: tuple[tf.Tensor, ...], side: int) -> tf.Tensor:
    """Cross-entropy plus soft Dice, on the channel that each sample's set supervises."""
    images, masks, top, lgg = batch
    x, truth = augment.augment(images, masks, top, lgg, side, STRENGTH)
    outlines = model(x, training=True)
    weight = tf.cast(tf.stack([lgg, ~lgg], 1), tf.float32)[:, None, None, :]
    guess = tf.clip_by_value(outlines, 1e-5, 1 - 1e-5)
    entropy = -(truth * tf.math.log(guess) + (1 - truth) * tf.math.log(1 - guess))
    entropy = tf.reduce_sum(entropy * weight) / tf.cast(tf.shape(x)[0] * side * side, tf.float32)
    guess, truth = guess * weight, truth * weight
    # Over the batch (large lesions count more, as in a volume) and over each picture (small ones count).
    shared = _dice(guess, truth, [0, 1, 2])
    lesion = tf.reduce_max(truth, [1, 2])
    single = tf.reduce_sum(lesion * _dice(guess, truth, [1, 2])) / tf.maximum(tf.reduce_sum(lesion), 1.0)
    return 2.0 * entropy + 1.0 - 0.5 * tf.reduce_mean(shared) - 0.5 * single


def _dice(guess: tf.Tensor, truth: tf.Tensor, axes: list[int]) -> tf.Tensor:
    overlap = tf.reduce_sum(guess * truth, axes)
    return (2 * overlap + 1.0) / (tf.reduce_sum(guess, axes) + tf.reduce_sum(truth, axes) + 1.0)


def _validate(model: keras.Model, held: cache.Slices, side: int) -> dict[str, float]:
    """Volume Dice of LGG patients and mean IoU of BRISC lesions, at 0.5, in the networks' own frame."""
    predict = tf.function(lambda x: model(x, training=False))
    dice: list[float] = []
    overlap: list[float] = []
    for number, case in enumerate(held.cases):
        places = np.flatnonzero(held.case == number)
        if case.family == "brisc" and (not held.tumour[places[0]] or number % 2):
            continue
        counts = np.zeros(3)
        for start in range(0, len(places), 16):
            chosen = places[start : start + 16]
            x = tf.cast(held.images[chosen], tf.float32) / 255.0
            if side != 256:
                x = tf.image.resize(x, [side, side], antialias=True)
            guess = predict(x)[..., 0 if case.family == "lgg" else 1]
            if side != 256:
                guess = tf.image.resize(guess[..., None], [256, 256])[..., 0]
            found, truth = guess.numpy() > 0.5, held.masks[chosen] > 127
            counts += (found & truth).sum(), found.sum(), truth.sum()
        both, found_area, true_area = counts
        if case.family == "lgg":
            dice.append(2 * both / max(found_area + true_area, 1))
        else:
            overlap.append(both / max(found_area + true_area - both, 1))
    figures: dict[str, float] = {}
    if dice:
        figures |= {
            "dice_mean": float(np.mean(dice)),
            "dice_median": float(np.median(dice)),
            "dice_worst": float(min(dice)),
        }
    if overlap:
        figures["brisc_iou"] = float(np.mean(overlap))
    return figures
