"""Trains the classifier on slices of both sets, against the shortcuts that they offer.

BRISC's tumour-free pictures come from other scanners than its tumours, so the frame alone gives
the answer away. Three things break that: the air and the edges are replaced, tumour-free slices of
sick heads are negatives, and lesions are overlaid with the other hemisphere (then the same scanner
shows "no tumour"; the opposite overlay, two lesions, keeps the seam from becoming a shortcut). And the
last convolution is told where the tumour is: with whole-slice answers only, it stayed at AUC 0.86
on LGG (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn import metrics

from ml.networks.classifier import classifier
from ml.training import augment, cache, spoil
from ml.training.ct_heads import is_ct
from ml.training.datasets import Case
from ml.training.loop import Batch
from ml.training.plan import PLANS, Plan
from ml.training.planes import Recut
from ml.training.recipe import Mix, Recipe

STRENGTH = augment.Strength(
    upside_down=0.15,
    gain=0.3,
    gamma=0.5,
    channel_gamma=0.15,
    noise=0.08,
    blur=0.35,
    surroundings=0.4,
    frame=0.2,
    stripped=0.25,
)
MIX = Mix(lgg=0.5, sick={"lgg": 0.5, "brisc": 0.62})
_OVERLAID = 0.12
_SMOOTHING = 0.04


def train(
    cases: Sequence[Case],
    out: Path,
    *,
    plan: Plan = PLANS["classifier"],
    resume: bool = False,
    quiet: bool = False,
    start: Path | None = None,
) -> dict[str, float]:
    """Trains the classifier; what it leaves in `out` and gives is `Recipe.train`'s. Heads by CT are left out."""
    cases = [case for case in cases if not is_ct(case)]
    recipe = Recipe(lambda: classifier(side=128, place=True), MIX, _inputs, _loss, _validate)
    return recipe.train(cases, out, plan=plan, resume=resume, quiet=quiet, start=start)


def _inputs(slices: cache.Slices, places: np.ndarray, random: np.random.Generator) -> Batch:
    """Images, masks, top, is-LGG, has-tumour, can-be-overlaid."""
    images = spoil.spoil(slices.images[places], random)
    cases = [slices.cases[index] for index in slices.case[places]]
    lgg = np.array([case.family == "lgg" for case in cases])
    mirrorable = np.array([case.plane != "sa" for case in cases])
    return images, slices.masks[places], slices.top[places], lgg, slices.tumour[places], mirrorable


def _loss(model: keras.Model, batch: tuple[tf.Tensor, ...], side: int) -> tf.Tensor:
    images, masks, top, lgg, tumour, mirrorable = batch
    images, masks, healed = _overlay(images, masks, mirrorable)
    x, outline = augment.augment(images, masks, top, lgg, side, STRENGTH)
    seen = tf.reduce_sum(outline, [1, 2, 3]) >= 12.0 * (side / 256) ** 2
    positive = tf.cast(tumour & ~healed, tf.float32)
    # A lesion that the crop pushed out of the picture teaches nothing, in either direction.
    weight = tf.where(tumour & ~healed & ~seen, 0.0, 1.0)
    target = positive * (1 - 2 * _SMOOTHING) + _SMOOTHING
    logits, where = model(x, training=True)
    entropy = tf.nn.softmax_cross_entropy_with_logits(tf.stack([1 - target, target], 1), logits)
    cell = side // 8
    share = tf.nn.avg_pool2d(outline, cell, cell, "VALID")
    here = tf.cast(share > 0.03, tf.float32)
    # A cell that holds only the lesion's edge says little either way.
    counts = tf.where((share > 0) & (share <= 0.03), 0.0, 1.0)
    place = tf.reduce_sum(counts * tf.nn.weighted_cross_entropy_with_logits(here, where, 2.0)) / tf.reduce_sum(counts)
    return tf.reduce_sum(entropy * weight) / tf.reduce_sum(weight) + 2.0 * place


def _overlay(images: tf.Tensor, masks: tf.Tensor, mirrorable: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Lays the other hemisphere over some lesions, and some lesions over the other hemisphere.

    Gives images and masks of the same types and bool (b,): the lesion is gone.
    """
    lesion = tf.cast(masks[..., None] > 127, tf.float32)
    # Widened on an eighth of the rows and columns: there it costs nothing.
    coarse = tf.nn.max_pool2d(tf.nn.max_pool2d(lesion, 8, 8, "SAME"), 3, 1, "SAME")
    wide = tf.image.resize(coarse, tf.shape(images)[1:3], "bilinear")
    opposite = tf.reverse(wide, [2])
    crossing = tf.reduce_max(lesion * tf.cast(opposite > 0.02, tf.float32), [1, 2, 3]) > 0
    draw = tf.random.uniform([tf.shape(images)[0]])
    can = mirrorable & ~crossing & (tf.reduce_max(lesion, [1, 2, 3]) > 0)
    healed, doubled = can & (draw < _OVERLAID), can & (draw > 1 - _OVERLAID)
    where = (
        wide * tf.cast(healed, tf.float32)[:, None, None, None]
        + opposite * tf.cast(doubled, tf.float32)[:, None, None, None]
    )
    x = tf.cast(images, tf.float32)
    x = x + where * (tf.reverse(x, [2]) - x)
    masks = tf.where(healed[:, None, None], tf.zeros_like(masks), masks)
    return tf.cast(x, tf.uint8), masks, healed


def _validate(model: keras.Model, held: cache.Slices, side: int) -> dict[str, float]:
    """Slice accuracy at 0.5 and AUC for each set, and for LGG volumes cut in other planes."""
    predict = tf.function(lambda x: model(x, training=False))
    scores = []
    for start in range(0, len(held.case), 32):
        x = tf.cast(held.images[start : start + 32], tf.float32) / 255.0
        if side != 256:
            x = tf.image.resize(x, [side, side], antialias=True)
        logits = predict(x)[0].numpy()
        scores.append(logits[:, 1] - logits[:, 0])
    score = np.concatenate(scores)
    named = ["recut" if isinstance(case, Recut) else case.family for case in held.cases]
    family = np.array(named)[held.case]
    figures: dict[str, float] = {}
    for name in ("lgg", "recut", "brisc"):
        truth, guess = held.tumour[family == name], score[family == name]
        if len(truth):
            figures[f"{name}_accuracy"] = float(((guess > 0) == truth).mean())
        if 0 < truth.sum() < len(truth):
            figures[f"{name}_auc"] = float(metrics.roc_auc_score(truth, guess))
    return figures
