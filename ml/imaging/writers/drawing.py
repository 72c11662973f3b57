"""Slices as pictures for people: the outline drawn in, its number beside it, sentences below.

The outline is a light line within a dark one, so that it shows on bright and on dark tissue,
in colour and in black-and-white print.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from ml.imaging.outlines import outline, strokes

_FONT_SIZE = 14
_LINE_HEIGHT = 18
_MARGIN = 8
_DARK = (0, 0, 0)
_DASH = (5, 4)
"""Length of a dash and of the gap after it, in thicknesses of the line."""
_PAPER_INK = (255, 255, 255)


def magnification(rows: int, columns: int, wanted: int = 512, most: int = 4) -> int:
    """How often each pixel is repeated so that text beside a picture is legible: a whole number from 1."""
    return max(1, min(most, -(-wanted // max(rows, columns))))


def outlined(
    picture: np.ndarray,
    labels: np.ndarray,
    rgb: tuple[int, int, int],
    times: int = 1,
    *,
    line: int = 1,
    broken: bool = False,
) -> Image.Image:
    """Draw the outlines of one slice.

    Args:
        picture: (rows, columns) uint8, or (rows, columns, 3).
        labels: (rows, columns) whole numbers, 0 outside, else the lesion's number.
        rgb: of the line.
        times: each pixel becomes so many by so many.
        line: how thick the light line is; text grows with it.
        broken: the light line is dashed: what is outlined is in doubt.

    Returns:
        RGB, `times` as large.
    """
    image = Image.fromarray(picture).convert("RGB")
    image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    size = _FONT_SIZE * line
    font = _font(size)
    # Each lesion is looked at in its own box: noise has hundreds on a slice.
    boxes = {number: box for number, box in enumerate(ndimage.find_objects(labels), 1) if box}
    for number, (down, across) in boxes.items():
        polygons = [
            [[(x + across.start) * times - 0.5, (y + down.start) * times - 0.5] for x, y in polygon]
            for polygon in outline(labels[down, across] == number)
        ]
        dash = (_DASH[0] * line, _DASH[1] * line) if broken else None
        for colour, thickness, drawn in (
            (_DARK, 2 * line + 1, strokes(polygons)),
            (rgb, line, strokes(polygons, dash)),
        ):
            for each in drawn:
                draw.line(each, fill=colour, width=thickness, joint="curve")
    for number, (down, across) in boxes.items():
        text, gap = str(number), 4 * line
        width = draw.textlength(text, font)
        # Beside the lesion where there is room, else on its other side.
        right = across.stop * times + gap
        x: float = right if right + width < image.width else across.start * times - gap - width
        middle = float(np.nonzero(labels[down, across] == number)[0].mean())
        y = (down.start + middle) * times - size / 2
        place = (
            float(np.clip(x, 1, max(1, image.width - width - 1))),
            float(np.clip(y, 1, max(1, image.height - size - 2))),
        )
        draw.text(place, text, font=font, fill=rgb, stroke_width=line + 1, stroke_fill=_DARK)
    return image


def wrapped(sentences: Sequence[str], width: int) -> list[str]:
    """Sentences broken into lines of a picture that is `width` pixels wide."""
    font = _font(_FONT_SIZE)
    room = width - 2 * _MARGIN
    lines = []
    for sentence in sentences:
        line = ""
        for word in sentence.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > room:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def with_caption(image: Image.Image, lines: Sequence[str], count: int) -> Image.Image:
    """The picture with lines of text on a dark strip below it, high enough for `count` lines.

    The picture itself stays where it was: its pixels keep their rows and columns.
    """
    taller = Image.new("RGB", (image.width, image.height + caption_height(count)), _DARK)
    taller.paste(image, (0, 0))
    draw = ImageDraw.Draw(taller)
    font = _font(_FONT_SIZE)
    for number, line in enumerate(lines):
        draw.text((_MARGIN, image.height + _MARGIN + number * _LINE_HEIGHT), line, font=font, fill=_PAPER_INK)
    return taller


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, loaded once for each size."""
    return ImageFont.load_default(size)


def caption_height(count: int) -> int:
    """Rows that so many lines of text take."""
    return 2 * _MARGIN + count * _LINE_HEIGHT
