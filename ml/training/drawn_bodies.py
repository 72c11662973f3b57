"""Drawn scans that are no brain MRI: trunks, limbs, spines, CT heads, eye grounds, ultrasound fans, films.

Real kinds are few; these stand for the many that are not in the training data. They are rough on
purpose: an outline of the kind, tissues of random shades, texture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE = 192

Draw = Callable[[np.random.Generator], np.ndarray]

_DOWN, _RIGHT = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]


def generate(random: np.random.Generator) -> np.ndarray:
    """One random drawing, uint8 (rows, columns, 3); most of them grey."""
    return finish(KINDS[int(random.integers(len(KINDS)))](random), random)


def finish(level: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Float (rows, columns) or (rows, columns, 3) in about 0..1 with shading, texture and noise, as uint8."""
    if level.ndim == 2:
        level = level[..., None]
    shading = 1 + random.uniform(0, 0.5) * _cloud(random, 3)[..., None]
    grain = _cloud(random, int(random.integers(24, 96)))[..., None] * random.uniform(0, 0.12)
    level = ndimage.gaussian_filter(level, (float(random.uniform(0.3, 1.6)),) * 2 + (0,))
    level = level * shading * (1 + grain) + random.normal(0, random.uniform(0.002, 0.04), (SIDE, SIDE, 1)) * (
        level > 0.02
    )
    pixels = (np.clip(level * random.uniform(0.6, 1.2), 0, 1) * 255).astype(np.uint8)
    return np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels


def _cloud(random: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth random field (rows, columns) in -1..1 with about `cells` bumps a side."""
    small = random.uniform(-1, 1, (cells, cells))
    return np.asarray(ndimage.zoom(small, SIDE / cells, order=1)[:SIDE, :SIDE])


def _blob(random: np.random.Generator, y: float, x: float, high: float, wide: float, wavy: float = 0.25) -> np.ndarray:
    """Bool (rows, columns): an oval with a wavy edge; centre and half axes in units of half the side."""
    turn = random.uniform(-0.5, 0.5)
    down, right = _DOWN - y, _RIGHT - x
    a, b = np.cos(turn) * right + np.sin(turn) * down, -np.sin(turn) * right + np.cos(turn) * down
    angle = np.arctan2(b, a)
    edge = 1 + wavy * sum(
        random.normal(0, 0.5) / order * np.cos(order * angle + random.uniform(0, 6.3)) for order in (2, 3, 4, 5)
    )
    return np.asarray((a / wide) ** 2 + (b / high) ** 2 < edge**2)


def _oval(y: float, x: float, high: float, wide: float) -> np.ndarray:
    return np.asarray(((_RIGHT - x) / wide) ** 2 + ((_DOWN - y) / high) ** 2 < 1)


def trunk(random: np.random.Generator) -> np.ndarray:
    """A cross-section of chest, belly or pelvis, by MRI or CT."""
    level = np.zeros((SIDE, SIDE))
    wide = random.uniform(0.8, 1.15)
    high = wide / random.uniform(1.15, 2.0)
    body = _blob(random, 0, 0, high, wide, 0.08)
    power = random.uniform(2, 3.2)
    body |= (np.abs(_RIGHT / wide) ** power + np.abs(_DOWN / high) ** power) < 1
    rim = random.uniform(0.02, 0.2)
    level[body] = random.uniform(0.1, 1.0)
    inner = ndimage.distance_transform_edt(body) > rim * SIDE / 2
    level[inner] = random.uniform(0.1, 0.8)
    for _ in range(int(random.integers(4, 22))):
        y, x = random.uniform(-high, high) * 0.7, random.uniform(-wide, wide) * 0.75
        size = random.uniform(0.03, 0.4)
        organ = _blob(random, y, x, size * random.uniform(0.5, 1.2), size, 0.4) & inner
        level[organ] = random.choice([0.0, random.uniform(0, 1), random.uniform(0, 1)])
    end = 1 if random.random() < 0.7 else -1
    spine = end * high * random.uniform(0.45, 0.7)
    bone = random.uniform(0.1, 1)
    level[_oval(spine, 0, 0.13, 0.16) & inner] = bone
    level[_oval(spine + end * 0.17, 0, 0.06, 0.06) & inner] = random.uniform(0, 1)
    for side in (-1, 1):
        level[_blob(random, spine + end * 0.14, side * 0.25, 0.1, 0.14) & inner] = random.uniform(0.05, 0.6)
    if random.random() < 0.5:
        for angle in np.linspace(0, 2 * np.pi, int(random.integers(8, 22)), endpoint=False):
            y, x = np.sin(angle) * high * (0.97 - rim), np.cos(angle) * wide * (0.97 - rim)
            level[_oval(y, x, 0.025, 0.05) & body] = bone
    if random.random() < 0.3:
        arc = np.abs(np.hypot(_RIGHT, _DOWN + 1.6 * end) - random.uniform(2.3, 2.5)) < 0.012
        level[arc & ~body] = random.uniform(0.3, 1)
    if random.random() < 0.25:
        for side in (-1, 1):
            level[_oval(random.uniform(-0.1, 0.2), side * (wide + 0.12), 0.16, 0.1)] = random.uniform(0.2, 1)
    if random.random() < 0.4:  # a smaller field of view
        cut = random.uniform(0.5, 0.85)
        level = _enlarge(level, cut)
    return level


def _enlarge(level: np.ndarray, cut: float) -> np.ndarray:
    edge = int((1 - cut) * SIDE / 2)
    part = level[edge : SIDE - edge, edge : SIDE - edge]
    return np.asarray(ndimage.zoom(part, SIDE / part.shape[0], order=0)[:SIDE, :SIDE])


def limb(random: np.random.Generator) -> np.ndarray:
    """One or two limbs in cross-section, or a joint from the side."""
    level = np.zeros((SIDE, SIDE))
    places = [(0.0, 0.0, random.uniform(0.5, 0.9))] if random.random() < 0.5 else [(0, -0.48, 0.42), (0, 0.48, 0.42)]
    shades = random.uniform(0.1, 1, 4)
    for y, x, size in places:
        skin = _blob(random, y, x, size, size * random.uniform(0.8, 1.1), 0.12)
        level[skin] = shades[0]
        muscle = ndimage.distance_transform_edt(skin) > random.uniform(0.05, 0.2) * size * SIDE / 2
        level[muscle] = shades[1]
        for _ in range(int(random.integers(1, 3))):
            by, bx = y + random.uniform(-0.3, 0.3) * size, x + random.uniform(-0.3, 0.3) * size
            level[_blob(random, by, bx, size * 0.3, size * 0.3, 0.2)] = shades[2] * 0.2
            level[_blob(random, by, bx, size * 0.22, size * 0.22, 0.2)] = shades[3]
    if random.random() < 0.3:
        level = np.where(np.abs(_RIGHT + 0.1 * _cloud(random, 4)) < random.uniform(0.4, 0.8), shades[0], 0.0)
        level[(np.abs(_RIGHT) < 0.35) & (np.abs(_DOWN) > 0.05)] = shades[2]
    return level


def spine(random: np.random.Generator) -> np.ndarray:
    """A column of vertebrae from the side."""
    level = np.full((SIDE, SIDE), random.uniform(0, 0.5)) * (np.abs(_RIGHT) < random.uniform(0.6, 1.1))
    middle = random.uniform(-0.2, 0.2) + random.uniform(-0.25, 0.25) * np.sin(_DOWN * random.uniform(1, 3))
    period = random.uniform(0.18, 0.34)
    near = np.abs(_RIGHT - middle) < random.uniform(0.12, 0.22)
    level[near] = random.uniform(0, 1)
    level[near & (np.mod(_DOWN + 2, period) < period * 0.75)] = random.uniform(0.1, 1)
    cord = np.abs(_RIGHT - middle - 0.3) < 0.06
    level[np.abs(_RIGHT - middle - 0.3) < 0.1] = random.uniform(0, 1)
    level[cord] = random.uniform(0.1, 0.9)
    back = _RIGHT - middle > random.uniform(0.55, 0.8)
    level[back & (level > 0)] = random.uniform(0.2, 1)
    return level if random.random() < 0.7 else level[:, ::-1]


def ct_head(random: np.random.Generator) -> np.ndarray:
    """A head by CT: a thick white skull, brain of one grey, dark fluid."""
    level = np.zeros((SIDE, SIDE))
    wide, high = random.uniform(0.6, 0.8), random.uniform(0.75, 0.95)
    head = _blob(random, 0, 0, high, wide, 0.05)
    depth = ndimage.distance_transform_edt(head) / (SIDE / 2)
    level[head] = random.uniform(0.2, 0.5)
    scalp, skull = random.uniform(0.01, 0.06), random.uniform(0.06, 0.14)
    level[head & (depth > scalp)] = 1.0
    brain = head & (depth > scalp + skull)
    grey = random.uniform(0.25, 0.6)
    level[brain] = grey
    level[brain] += 0.05 * _cloud(random, 24)[brain]
    if random.random() < 0.7:
        for side in (-1, 1):
            level[_blob(random, random.uniform(-0.2, 0.2), side * 0.12, 0.25, 0.06, 0.4) & brain] = grey * 0.4
    else:  # the base: bone and air
        for _ in range(int(random.integers(5, 16))):
            y, x = random.uniform(-0.6, 0.6), random.uniform(-0.5, 0.5)
            level[_blob(random, y, x, 0.12, 0.16, 0.6) & brain] = random.choice([0.0, 1.0, grey])
    return level


def eye_ground(random: np.random.Generator) -> np.ndarray:
    """A photograph of the retina: a disc, vessels that branch from a bright spot."""
    disc = _oval(0, 0, random.uniform(0.8, 1.0), random.uniform(0.85, 1.0))
    vessel = np.zeros((SIDE, SIDE))
    y0, x0 = random.uniform(-0.15, 0.15), random.uniform(-0.6, 0.6)
    for _ in range(int(random.integers(6, 14))):
        y, x, angle = y0, x0, random.uniform(0, 6.3)
        for _ in range(90):
            row, column = int((y + 1) / 2 * SIDE), int((x + 1) / 2 * SIDE)
            if not (0 <= row < SIDE and 0 <= column < SIDE):
                break
            vessel[row : row + 2, column : column + 2] = 1
            angle += random.normal(0, 0.12)
            y, x = y + np.sin(angle) * 0.018, x + np.cos(angle) * 0.018
    level = random.uniform(0.3, 0.8) * (1 + 0.3 * _cloud(random, 4)) * (1 - 0.5 * ndimage.gaussian_filter(vessel, 0.8))
    level = np.where(_oval(y0, x0, 0.12, 0.11), random.uniform(0.8, 1.2), level) * disc
    if random.random() < 0.25:
        return np.asarray(level)
    tint = np.array([1.0, random.uniform(0.2, 0.7), random.uniform(0.0, 0.4)])
    return np.asarray(level[..., None] * tint)


def fan(random: np.random.Generator) -> np.ndarray:
    """An ultrasound sector with speckle."""
    down, right = (_DOWN + 1.0), _RIGHT
    sector = (np.abs(np.arctan2(right, down)) < random.uniform(0.4, 0.8)) & (np.hypot(down, right) < 1.9)
    speckle = ndimage.gaussian_filter(random.exponential(1, (SIDE, SIDE)), (0.6, 1.4))
    level = speckle * random.uniform(0.15, 0.5) * (1 + _cloud(random, 6))
    for _ in range(int(random.integers(1, 6))):
        level[_blob(random, random.uniform(-0.5, 0.7), random.uniform(-0.5, 0.5), 0.2, 0.25, 0.4)] *= random.uniform(
            0, 2
        )
    return np.asarray(np.clip(level, 0, 1) * sector)


def film(random: np.random.Generator) -> np.ndarray:
    """A radiograph: bones as bright bars on soft shades, or a breast."""
    level = 0.3 + 0.3 * _cloud(random, 3)
    if random.random() < 0.3:
        edge = np.hypot(_DOWN * random.uniform(0.7, 1.1), _RIGHT + 1.0)
        return np.where(edge < random.uniform(0.9, 1.5), 0.3 + 0.5 * np.abs(_cloud(random, 16)), 0.0)
    for _ in range(int(random.integers(2, 9))):
        angle, offset = random.uniform(0, np.pi), random.uniform(-0.8, 0.8)
        across = np.cos(angle) * _RIGHT + np.sin(angle) * _DOWN - offset + 0.15 * _cloud(random, 4)
        level[np.abs(across) < random.uniform(0.03, 0.15)] += random.uniform(0.1, 0.5)
    return np.asarray(np.clip(level, 0, 1.2))


KINDS: tuple[Draw, ...] = (trunk, trunk, trunk, limb, spine, ct_head, ct_head, eye_ground, fan, film)
"""The kinds that are drawn; the commonest of real life more often."""


def textured(level: np.ndarray, brain: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A drawing (rows, columns) filled with the tissue of a brain slice uint8 (256, 256, 3): uint8 (rows, columns, 3).

    Locally it is MRI, as a whole it is another part of the body.
    """
    covers = []
    for _ in range(3):
        side = int(random.integers(50, 120))
        top, left = (int(value) for value in random.integers(50, 206 - side, 2))
        part = Image.fromarray(brain[top : top + side, left : left + side, 1]).resize((SIDE, SIDE))
        cover = np.rot90(np.asarray(part, np.float32) / 255, int(random.integers(4)))
        covers.append(cover / max(float(cover.mean()), 0.05))
    place = np.digitize(_cloud(random, 5), (-0.3, 0.3))
    tissue = np.choose(place, covers)
    pixels = np.clip(level * (0.35 + 0.65 * tissue) * random.uniform(0.6, 1.1), 0, 1) * 255
    return np.repeat(pixels.astype(np.uint8)[..., None], 3, axis=2)


def as_ct(brain: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A brain slice uint8 (256, 256, 3) with the shades of CT: white skull, brain of nearly one grey."""
    grey = brain[..., 1].astype(np.float32) / 255
    bright = ndimage.uniform_filter(grey, 5) > 0.1
    inside = np.ones_like(bright)
    for axis in (0, 1):
        inside &= np.maximum.accumulate(bright, axis) & np.flip(
            np.maximum.accumulate(np.flip(bright, axis), axis), axis
        )
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    scalp, skull = random.uniform(1, 9), random.uniform(8, 20)
    core = depth > scalp + skull
    tissue = grey[core].mean() if core.any() else 0.5
    contrast = random.uniform(-0.5, 0.6)
    level = np.where(core, random.uniform(0.25, 0.6) + contrast * (grey - tissue), 0.0)
    level = np.where(inside & (depth <= scalp), random.uniform(0.15, 0.5), level)
    level = np.where((depth > scalp) & ~core, random.uniform(0.85, 1.1), level)
    level = ndimage.gaussian_filter(level, 0.7) + random.normal(0, random.uniform(0.01, 0.05), level.shape) * inside
    return np.repeat((np.clip(level, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def misused(brain: np.ndarray, other: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A picture made of brain slices that is itself no slice: uint8 (256, 256, 3) twice to (256, 256, 3).

    Another part of the body with a brain's tissue, a CT of it, a contact sheet, squares in disorder, a head
    drawn far too wide, a negative, a small detail.
    """
    kind = random.integers(10)
    if kind >= 7:
        return textured(trunk(random) if random.random() < 0.75 else limb(random), brain, random)
    if kind >= 5:
        return as_ct(brain, random)
    if kind == 0:
        rows, columns = int(random.integers(2, 5)), int(random.integers(2, 5))
        sheet = np.tile(np.concatenate([brain[::2, ::2], other[::2, ::2]], 1), (rows, columns, 1))
        return sheet[: rows * 128, : columns * 128]
    if kind == 1:
        side = int(random.choice([32, 64, 128]))
        tiles = brain.reshape(256 // side, side, 256 // side, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
        # Rolled by at least one: four squares could fall back into their old order.
        order = random.permutation(len(tiles)) if side < 128 else np.roll(np.arange(4), int(random.integers(1, 4)))
        tiles = tiles[order].reshape(256 // side, 256 // side, side, side, 3)
        return tiles.swapaxes(1, 2).reshape(256, 256, 3)
    if kind == 2:
        high = int(random.uniform(0.35, 0.62) * 256)
        flat = np.linspace(0, 255, high).astype(int)
        mixed = (brain[flat].astype(int) + other[flat][::-1]) // 2 if random.random() < 0.5 else brain[flat]
        return mixed.astype(np.uint8)
    if kind == 3:
        return 255 - brain
    side = int(random.integers(24, 64))
    top, left = (int(value) for value in random.integers(60, 190 - side, 2))
    return brain[top : top + side, left : left + side]
