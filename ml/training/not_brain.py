"""Generated pictures that are no brain MRI: what people upload by mistake, drawn from nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

_SIDE = 256
_WORDS = [
    "Invoice",
    "Total",
    "Report",
    "Department",
    "Hospital",
    "Date",
    "Name",
    "Scan",
    "Page",
    "1",
    "of",
    "3",
    "Tel.",
    "0123",
    "456",
    "789",
    "Yours",
    "sincerely",
]

Draw = Callable[[np.random.Generator], Image.Image]


def generate(random: np.random.Generator) -> np.ndarray:
    """One random picture, uint8 (rows, columns, 1 or 3)."""
    picture = KINDS[int(random.integers(len(KINDS)))](random)
    if random.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(float(random.uniform(0.3, 2.5))))
    if random.random() < 0.3:
        picture = picture.convert("L")
    pixels = np.asarray(picture)
    if random.random() < 0.2:
        pixels = 255 - pixels
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    grey = int(random.integers(256))
    if random.random() < 0.5:
        return grey, grey, grey
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    return red, green, blue


def _sheet(random: np.random.Generator) -> Image.Image:
    size = int(random.integers(180, 420)), int(random.integers(180, 420))
    return Image.new("RGB", size, _colour(random))


def _noise(random: np.random.Generator) -> Image.Image:
    side = int(2 ** random.integers(2, 9))
    grain = random.normal(float(random.uniform(60, 190)), float(random.uniform(10, 90)), (side, side, 3))
    if random.random() < 0.5:
        grain[...] = grain[..., :1]
    small = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))
    return small.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


def _gradient(random: np.random.Generator) -> Image.Image:
    down, right = np.mgrid[-1:1:256j, -1:1:256j]
    angle = random.uniform(0, 2 * np.pi)
    field = np.cos(angle) * down + np.sin(angle) * right
    if random.random() < 0.5:
        field = np.hypot(down - random.uniform(-0.5, 0.5), right - random.uniform(-0.5, 0.5))
    if random.random() < 0.4:
        field = np.sin(field * random.uniform(2, 40))
    span = np.ptp(field)
    return Image.fromarray(((field - field.min()) / span * 255).astype(np.uint8)).convert("RGB")


def _shapes(random: np.random.Generator) -> Image.Image:
    sheet = _sheet(random)
    draw = ImageDraw.Draw(sheet)
    for _ in range(int(random.integers(1, 14))):
        x, y = (int(value) for value in random.integers(-30, 360, 2))
        width, height = (int(value) for value in random.integers(8, 240, 2))
        kind = random.integers(4)
        box = (x, y, x + width, y + height)
        if kind == 0:
            draw.ellipse(box, fill=_colour(random), outline=_colour(random), width=int(random.integers(1, 9)))
        elif kind == 1:
            draw.rectangle(box, fill=_colour(random))
        elif kind == 2:
            draw.line(box, fill=_colour(random), width=int(random.integers(1, 12)))
        else:
            draw.polygon([tuple(int(v) for v in random.integers(0, 360, 2)) for _ in range(4)], fill=_colour(random))
    return sheet


def _blob(random: np.random.Generator) -> Image.Image:
    """A bright oval on black, as a head is, with nothing of a head inside."""
    sheet = Image.new("RGB", (_SIDE, _SIDE), (0, 0, 0))
    draw = ImageDraw.Draw(sheet)
    width, height = (int(value) for value in random.integers(90, 240, 2))
    left, top = (_SIDE - width) // 2, (_SIDE - height) // 2
    draw.ellipse((left, top, left + width, top + height), fill=_colour(random))
    for _ in range(int(random.integers(0, 4))):
        x, y = (int(value) for value in random.integers(60, 140, 2))
        width, height = (int(value) for value in random.integers(10, 80, 2))
        draw.ellipse((x, y, x + width, y + height), fill=_colour(random))
    pixels = np.asarray(sheet) + random.normal(0, float(random.uniform(0, 20)), (_SIDE, _SIDE, 1))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _document(random: np.random.Generator) -> Image.Image:
    sheet = Image.new("RGB", (int(random.integers(200, 420)), int(random.integers(200, 500))), (250, 250, 250))
    draw = ImageDraw.Draw(sheet)
    y = int(random.integers(5, 40))
    while y < sheet.height - 12:
        words = " ".join(str(word) for word in random.choice(_WORDS, int(random.integers(1, 8))))
        draw.text((int(random.integers(5, 40)), y), words, fill=(20, 20, 20), font_size=int(random.integers(8, 22)))
        y += int(random.integers(10, 40))
    return sheet


def _screen(random: np.random.Generator) -> Image.Image:
    sheet = _sheet(random)
    draw = ImageDraw.Draw(sheet)
    for _ in range(int(random.integers(3, 10))):
        x, y = (int(value) for value in random.integers(0, 300, 2))
        box = (x, y, x + int(random.integers(30, 200)), y + int(random.integers(12, 120)))
        draw.rectangle(box, fill=_colour(random), outline=_colour(random))
        draw.text((x + 4, y + 2), str(random.choice(_WORDS)), fill=_colour(random))
    return sheet


def _grid(random: np.random.Generator) -> Image.Image:
    period = int(random.integers(3, 60))
    down, right = np.indices((_SIDE, _SIDE))
    board = ((down // period + right // period) % 2 if random.random() < 0.5 else (down % period < period / 4)) * 1.0
    first, second = np.array(_colour(random)), np.array(_colour(random))
    return Image.fromarray((first + board[..., None] * (second - first)).astype(np.uint8))


KINDS: tuple[Draw, ...] = (_noise, _gradient, _shapes, _blob, _document, _screen, _grid)
"""The kinds of picture that are drawn."""
