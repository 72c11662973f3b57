"""What a picture suffers on its way to us: hard compression, burnt-in text, a stripped skull."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

_COMPRESSED, _WRITTEN = 0.12, 0.14
_QUALITY = (25, 75)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:-/"


def spoil(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Spoils some of uint8 (n, 256, 256, 3) in place and gives them back."""
    for index, (compressed, written) in enumerate(random.random((len(images), 2))):
        if written < _WRITTEN:
            images[index] = write(images[index], random)
        if compressed < _COMPRESSED:
            images[index] = compress(images[index], int(random.integers(*_QUALITY)))
    return images


def compress(image: np.ndarray, quality: int) -> np.ndarray:
    """uint8 (rows, columns, 3) as JPEG of a quality 1..95 gives it back; grey stays grey."""
    grey = bool((image == image[..., :1]).all())
    with io.BytesIO() as file:
        Image.fromarray(image[..., 0] if grey else image).save(file, "JPEG", quality=quality)
        file.seek(0)
        with Image.open(file) as read:
            return np.asarray(read.convert("RGB"))


def write(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """uint8 (rows, columns, 3) with a few lines of letters in its corners, as consoles burn them in."""
    sheet = Image.fromarray(image)
    draw = ImageDraw.Draw(sheet)
    shade = int(random.integers(120, 256))
    for _ in range(int(random.integers(1, 5))):
        words = "".join(random.choice(list(_LETTERS), int(random.integers(3, 16))))
        x = int(random.choice([3, int(random.integers(3, 60)), image.shape[1] - 90]))
        y = int(random.choice([3, 14, 25, int(random.integers(25, 60)), image.shape[0] - 27, image.shape[0] - 15]))
        draw.text((x, y), words, fill=(shade,) * 3, font_size=int(random.integers(8, 13)))
    return np.asarray(sheet)


def without_rim(voxels: np.ndarray, share: float) -> np.ndarray:
    """What is left of heads, uint8 (slices, rows, columns, channels), without a rim: bool (slices, rows, columns).

    The rim is `share` of the largest slice's width: roughly what skull stripping takes.
    """
    bright = ndimage.uniform_filter(voxels.max(axis=3), (1, 9, 9)) > 30
    inside = np.ones_like(bright)
    for axis in (1, 2):
        inside &= np.maximum.accumulate(bright, axis) & np.flip(
            np.maximum.accumulate(np.flip(bright, axis), axis), axis
        )
    padded = np.pad(inside, ((0, 0), (1, 1), (1, 1)))
    depth = np.stack([ndimage.distance_transform_edt(mask)[1:-1, 1:-1] for mask in padded])
    return np.asarray(depth > float(np.sqrt(inside.sum(axis=(1, 2)).max())) * share)
