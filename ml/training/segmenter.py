"""Trains the U-Net on one set or on both at once, each supervising its own output channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ml.gate import Family
from ml.networks.unet import FAMILIES, SUREST, unet
from ml.training import augment, beside, cache, spoil
from ml.training.datasets import Case
from ml.training.loop import Batch
from ml.training.plan import PLANS, Plan
from ml.training.planes import Recut
from ml.training.recipe import Mix, Recipe
from ml.training.sequences import teaches_flair

STRENGTH = augment.Strength(upside_down=0.2, gamma=0.5, channel_gamma=0.2, single_channel=0.35, stripped=0.2)
MIX = Mix(
    lgg=0.45,
    sick={"lgg": 0.6, "brisc": 0.9},
    # Gliomas are the hard ones of BRISC: many do not enhance and are dark. Of its FLAIR without a tumour there is little.
    kinds={"gl": 2.2, "me": 0.6, "pi": 1.0, "no": 6.0},
)


def train(
    cases: Sequence[Case],
    out: Path,
    *,
    plan: Plan = PLANS["segmenter"],
    resume: bool = False,
    quiet: bool = False,
    start: Path | None = None,
    neighbours: bool = False,
    outline: Family | None = None,
) -> dict[str, float]:
    """Trains the U-Net; what it leaves in `out` and gives is `Recipe.train`'s.

    `outline`: only from what teaches this one, of whichever set: BRISC holds some FLAIR without a tumour.
    """
    if outline is not None:
        cases = [case for case in cases if teaches_flair(case) == (outline == "flair")]
    only_brisc = not any(case.family == "lgg" for case in cases)
    how = recipe(MIX, neighbours=neighbours, released_as="t1c" if only_brisc else "flair")
    return how.train(cases, out, plan=plan, resume=resume, quiet=quiet, start=start)


def recipe(mix: Mix, *, neighbours: bool = False, released_as: Family = "flair") -> Recipe:
    """How the U-Net learns from a mix of both sets; `neighbours`: it sees FLAIR of the slices beside, too.

    `released_as`: whose U-Net a run takes up that begins with a release.
    """
    # Built for any side: the stages differ, the weights do not.
    return Recipe(
        lambda: unet(side=None, channels=beside.CHANNELS if neighbours else 3, outlines=len(FAMILIES)),
        mix,
        partial(_inputs, neighbours=neighbours),
        _loss,
        _validate,
        released_as=released_as,
    )


def outliner(model: keras.Model, side: int) -> Callable[[np.ndarray], np.ndarray]:
    """The U-Net at work on `side` pixels: prepared uint8 (n, 256, 256, 3 or 5) to float32 (n, 256, 256, 2) in 0..1."""

    @tf.function(input_signature=[tf.TensorSpec((None, 256, 256, model.input_shape[-1]), tf.uint8)])  # type: ignore[untyped-decorator]
    def predict(pictures: tf.Tensor) -> tf.Tensor:
        x = tf.cast(pictures, tf.float32) / 255.0
        if side == 256:
            return model(x, training=False)
        found = model(tf.image.resize(x, [side, side], antialias=True), training=False)
        # Enlarged as log-odds, as the network at work does.
        odds = tf.clip_by_value(tf.math.log(found) - tf.math.log1p(-found), -SUREST, SUREST)
        return tf.sigmoid(tf.image.resize(odds, [256, 256]))

    return lambda images: np.concatenate(
        [predict(np.asarray(images[start : start + 16])).numpy() for start in range(0, len(images), 16)]
    )


def with_beside(slices: cache.Slices, places: np.ndarray, steps: np.ndarray | int = 1) -> np.ndarray:
    """Slices as the FLAIR U-Net sees them, uint8 (n, 256, 256, 5)."""
    return beside.seen(slices.images, places, *beside.around(places, slices.case, steps))


def _inputs(slices: cache.Slices, places: np.ndarray, random: np.random.Generator, *, neighbours: bool) -> Batch:
    """Images, masks, top, teaches-FLAIR."""
    images = slices.images[places]
    if neighbours:
        # Now and then the second next: distances differ, and no file of this set tells them.
        images = with_beside(slices, places, np.where(random.random(len(places)) < 0.2, 2, 1))
    images[..., :3] = spoil.spoil(images[..., :3], random)
    flair = np.array([teaches_flair(slices.cases[index]) for index in slices.case[places]])
    return images, slices.masks[places], slices.top[places], flair


def _loss(model: keras.Model, batch: tuple[tf.Tensor, ...], side: int) -> tf.Tensor:
    """Cross-entropy plus soft Dice, on the channel that each sample's set supervises."""
    images, masks, top, flair = batch
    # A grey picture stays as it is whatever channels are exchanged, so FLAIR of BRISC may pass for a composite.
    x, truth = augment.augment(images, masks, top, flair, side, STRENGTH)
    outlines = model(x, training=True)
    weight = tf.cast(tf.stack([flair, ~flair], 1), tf.float32)[:, None, None, :]
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
    """Volume Dice of LGG patients, in their own plane and cut in others, and mean IoU of BRISC lesions, at 0.5, in the networks' own frame."""
    outlines = outliner(model, side)
    dice: list[float] = []
    recut: list[float] = []
    overlap: list[float] = []
    outlined: list[bool] = []
    for number, case in enumerate(held.cases):
        places = np.flatnonzero(held.case == number)
        healthy = case.family == "brisc" and teaches_flair(case)
        if case.family == "brisc" and not healthy and (not held.tumour[places[0]] or number % 2):
            continue
        seen = held.images[places] if model.input_shape[-1] == 3 else with_beside(held, places)
        found = outlines(seen)[..., 0 if teaches_flair(case) else 1] > 0.5
        if healthy:
            outlined.append(bool(found.any()))
            continue
        truth = held.masks[places] > 127
        both, found_area, true_area = (found & truth).sum(), found.sum(), truth.sum()
        if case.family == "lgg":
            (recut if isinstance(case, Recut) else dice).append(2 * both / max(found_area + true_area, 1))
        else:
            overlap.append(both / max(found_area + true_area - both, 1))
    figures: dict[str, float] = {}
    if dice:
        figures |= {
            "dice_mean": float(np.mean(dice)),
            "dice_median": float(np.median(dice)),
            "dice_worst": float(min(dice)),
        }
    if recut:
        figures |= {"recut_dice_mean": float(np.mean(recut)), "recut_dice_worst": float(min(recut))}
    if outlined:
        figures["flair_without_tumour_outlined"] = float(np.mean(outlined))
    if overlap:
        figures["brisc_iou"] = float(np.mean(overlap))
    return figures
