"""What a training batch goes through on its way to the network, as one TensorFlow graph.

Everything is drawn for each sample of the batch: place (turn, scale, shift, mirror), intensities
(gain, gamma, bias field, noise, blur), which channels exist, and for the classifier also the
surroundings of the head, so that a scanner's frame cannot stand for the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Strength:
    """How far augmentation goes; each is the edge of a uniform range or a chance 0..1."""

    turn: float = 0.35
    """radians"""
    zoom: float = 0.28
    """natural logarithm"""
    stretch: float = 0.10
    shift: float = 0.08
    """share of the side"""
    mirror: float = 0.5
    upside_down: float = 0.1
    gain: float = 0.25
    """natural logarithm, each channel apart"""
    gamma: float = 0.35
    """natural logarithm"""
    channel_gamma: float = 0.0
    """natural logarithm, each channel apart and beside `gamma`; grey stays grey"""
    bias: float = 0.35
    noise: float = 0.06
    blur: float = 0.25
    alone: float = 0.35
    """chance that a slice is scaled as if it had come alone"""
    single_channel: float = 0.25
    """chance that FLAIR stands in all three channels; half of it for each single replacement"""
    lone: float = 0.3
    """chance that nothing is known of the slices beside; a third of it for each of them"""
    stripped: float = 0.0
    """chance that skull and scalp are taken away"""
    surroundings: float = 0.0
    """chance that the air round the head is replaced (classifier)"""
    frame: float = 0.0
    """chance of a black, grey or white frame over the edges (classifier)"""


def augment(
    images: tf.Tensor, masks: tf.Tensor, top: tf.Tensor, composite: tf.Tensor, side: int, strength: Strength
) -> tuple[tf.Tensor, tf.Tensor]:
    """Augments a batch.

    Takes `images` uint8 (b, 256, 256, 3), or 5 with FLAIR of the slices beside, `masks` uint8 (b, 256, 256), `top`
    float32 (b, 3) as in `cache.Slices`, `composite` bool (b,): the channels are pre-contrast, FLAIR and post-contrast.
    Gives float32 (b, side, side, 3 or 5) in 0..1 and float32 (b, side, side, 1), 0 or 1.
    """
    count = tf.shape(images)[0]
    x = tf.cast(images, tf.float32) / 255.0
    y = tf.cast(masks[..., None], tf.float32) / 255.0
    both = tf.concat([x, y], 3)
    if side < both.shape[1]:
        # As the networks reduce a picture themselves: drawn from too few of its pixels, edges would look harder here.
        both = tf.image.resize(both, [side, side], antialias=True)
    if strength.stripped:
        both = _strip(both, count, strength)
    both = _move(both, count, side, strength)
    x, y = both[..., :-1], tf.cast(both[..., -1:] > 0.5, tf.float32)
    x = _channels(x, count, composite, strength)
    x = _intensities(x, top, count, side, strength)
    if strength.surroundings or strength.frame:
        x = _surroundings(x, count, side, strength)
    if x.shape[3] > 3:
        x = _beside(x, count, strength)
    return tf.clip_by_value(x, 0.0, 1.0), y


def _chance(count: tf.Tensor, probability: float) -> tf.Tensor:
    """float32 (b, 1, 1, 1): 1 with the probability, else 0."""
    return tf.cast(tf.random.uniform([count, 1, 1, 1]) < probability, tf.float32)


def _strip(both: tf.Tensor, count: tf.Tensor, strength: Strength) -> tf.Tensor:
    """Takes a rim off some heads, roughly as skull stripping does: a twentieth or a twelfth of the side."""
    side = both.shape[1]
    bright = tf.reduce_max(both[..., :3], 3, keepdims=True)
    head = tf.cast(tf.nn.avg_pool2d(bright, side // 32, side // 32, "VALID") > 0.12, tf.float32)
    # What lies between head in all four directions is head too: dark ventricles are no holes.
    inside = tf.ones_like(head)
    for axis in (1, 2):
        for reverse in (False, True):
            inside *= tf.cast(tf.cumsum(head, axis, reverse=reverse) > 0, tf.float32)
    outside = 1.0 - inside

    def rim(wide: int) -> tf.Tensor:
        edges = [[0, 0], [wide, wide], [wide, wide], [0, 0]]
        return tf.nn.max_pool2d(tf.pad(outside, edges, constant_values=1.0), 2 * wide + 1, 1, "VALID")

    deep = _chance(count, 0.5)
    taken = deep * rim(3) + (1.0 - deep) * rim(2)
    kept = tf.cast(tf.image.resize(1.0 - taken, [side, side], "bilinear") > 0.5, tf.float32)
    return both * (1.0 - _chance(count, strength.stripped) * (1.0 - kept))


def _move(both: tf.Tensor, count: tf.Tensor, side: int, strength: Strength) -> tf.Tensor:
    def between(edge: float) -> tf.Tensor:
        return tf.random.uniform([count], -edge, edge)

    angle = between(strength.turn)
    zoom = tf.exp(between(strength.zoom))
    across = zoom * tf.exp(between(strength.stretch))
    down = zoom * tf.exp(between(strength.stretch))
    mirror = tf.where(tf.random.uniform([count]) < strength.mirror, -1.0, 1.0)
    upset = tf.where(tf.random.uniform([count]) < strength.upside_down, -1.0, 1.0)
    source = tf.cast(tf.shape(both)[1], tf.float32)
    step = source / side
    # Output pixel (column, row) -> input pixel, both measured from the centre.
    a = tf.cos(angle) / across * mirror * step
    b = -tf.sin(angle) / down * step
    c = tf.sin(angle) / across * step
    d = tf.cos(angle) / down * upset * step
    half_in, half_out = (source - 1) / 2, (side - 1) / 2
    e = half_in - a * half_out - b * half_out + between(strength.shift) * source
    f = half_in - c * half_out - d * half_out + between(strength.shift) * source
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=both,
        transforms=tf.stack([a, b, e, c, d, f, zero, zero], 1),
        output_shape=[side, side],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _channels(x: tf.Tensor, count: tf.Tensor, composite: tf.Tensor, strength: Strength) -> tf.Tensor:
    """Lets FLAIR stand where another sequence is missing, as the set's authors and users do."""
    can = tf.cast(composite, tf.float32)[:, None, None, None]
    every = _chance(count, strength.single_channel)
    before = tf.maximum(every, _chance(count, strength.single_channel / 2)) * can
    after = tf.maximum(every, _chance(count, strength.single_channel / 2)) * can
    pre, flair, post = x[..., :1], x[..., 1:2], x[..., 2:3]
    # Chosen, not mixed: what is FLAIR in all three channels is equal to the bit, and so told as grey.
    return tf.concat([tf.where(before > 0, flair, pre), flair, tf.where(after > 0, flair, post), x[..., 3:]], 3)


def _beside(x: tf.Tensor, count: tf.Tensor, strength: Strength) -> tf.Tensor:
    """Lets a slice stand for one beside it that is not there: a lone picture, a series' end."""
    none, flair = _chance(count, strength.lone), x[..., 1:2]
    parts = [x[..., :3]]
    for channel in (3, 4):
        missing = tf.maximum(none, _chance(count, strength.lone / 3))
        parts.append(x[..., channel : channel + 1] + missing * (flair - x[..., channel : channel + 1]))
    return tf.concat(parts, 3)


def _intensities(x: tf.Tensor, top: tf.Tensor, count: tf.Tensor, side: int, strength: Strength) -> tf.Tensor:
    # What is drawn for a channel holds for FLAIR of the slices beside as well: they came with it.
    channels = [0, 1, 2, 1, 1][: x.shape[3]]
    alone = _chance(count, strength.alone)
    top = top[:, None, None, :]
    gain = tf.exp(tf.random.uniform([count, 1, 1, 3], -strength.gain, strength.gain))
    # One gain and one top for pictures whose channels are equal, so that grey stays grey.
    grey = tf.reduce_all(tf.equal(x[..., 1:2], x[..., :3]), axis=[1, 2, 3], keepdims=True)
    gain, top = tf.where(grey, gain[..., 1:2], gain), tf.where(grey, top[..., 1:2], top)
    full = 1.0 + alone * (tf.maximum(top, 0.15) - 1.0)
    gain, full = tf.gather(gain, channels, axis=3), tf.gather(full, channels, axis=3)
    field = tf.random.uniform([count, 3, 3, 1], -strength.bias, strength.bias)
    field = tf.image.resize(field, [side, side], "bilinear")
    x = tf.clip_by_value(x * gain / full * (1.0 + field * _chance(count, 0.5)), 0.0, 1.0)
    apart = tf.random.uniform([count, 1, 1, 3], -strength.channel_gamma, strength.channel_gamma)
    bend = tf.random.uniform([count, 1, 1, 1], -strength.gamma, strength.gamma)
    x = tf.pow(x + 1e-4, tf.exp(bend + tf.gather(tf.where(grey, 0.0, apart), channels, axis=3)))
    soft = tf.nn.avg_pool2d(x, 3, 1, "SAME")
    x = x + _chance(count, strength.blur) * tf.random.uniform([count, 1, 1, 1], 0.3, 1.2) * (soft - x)
    level = tf.random.uniform([count, 1, 1, 1], 0.0, strength.noise) * _chance(count, 0.5)
    noise = tf.random.normal([count, side, side, x.shape[3]])
    noise = tf.where(grey, tf.gather(noise, [0, 0, 0, 3, 4][: x.shape[3]], axis=3), noise)
    return x + noise * level


def _surroundings(x: tf.Tensor, count: tf.Tensor, side: int, strength: Strength) -> tf.Tensor:
    """Replaces the air by plain or noisy grey, and lays frames over the edges."""
    bright = tf.reduce_max(x, 3, keepdims=True)
    head = tf.nn.max_pool2d(tf.cast(tf.nn.avg_pool2d(bright, 5, 1, "SAME") > 0.12, tf.float32), 7, 1, "SAME")
    level = tf.random.uniform([count, 1, 1, 1]) * _chance(count, 0.4)
    grain = tf.abs(tf.random.normal([count, side, side, 1])) * tf.random.uniform([count, 1, 1, 1], 0.0, 0.08)
    air = _chance(count, strength.surroundings) * (1.0 - head)
    x = x + air * (level + grain - x)
    place = (tf.range(side, dtype=tf.float32) + 0.5) / side
    edges = tf.random.uniform([count, 4], -0.1, 0.16)
    down, right = place[None, :, None, None], place[None, None, :, None]
    inside = (
        (down > edges[:, 0][:, None, None, None])
        & (down < 1 - edges[:, 1][:, None, None, None])
        & (right > edges[:, 2][:, None, None, None])
        & (right < 1 - edges[:, 3][:, None, None, None])
    )
    frame = _chance(count, strength.frame) * (1.0 - tf.cast(inside, tf.float32))
    shade = tf.cast(tf.random.uniform([count, 1, 1, 1], maxval=3, dtype=tf.int32), tf.float32) / 2.0
    return x + frame * (shade * _chance(count, 0.5) - x)
