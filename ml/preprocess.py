"""From voxels of any size and depth to what both networks take, and back again.

One function for training, evaluation and the pipeline, so that no figure is measured on
pictures that a user's scan would not become. Needs NumPy, SciPy and Pillow, not TensorFlow.

Steps: three channels; intensities scaled between percentiles, for each channel of the whole
volume; the box that holds the head, padded to a square; resized to 256 x 256.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE = 256
"""Rows and columns of a network's input."""

_LOW, _HIGH = 0.5, 99.8
"""Percentiles of a channel that become 0 and 1."""

_CONTENT = 0.10
"""Scaled intensity above which a pixel belongs to the head and not to the air around it."""

_MARGIN = 1.06
"""Side of the square against the longer side of the head."""

_SMALL = 96
"""The head is looked for on a copy reduced to about this many pixels a side."""


@dataclass(frozen=True)
class Frame:
    """Where the square that the networks saw lies in the original picture.

    `top` and `left` (pixels, may be negative: padding) and `side` (pixels, > 0) of the square,
    `rows` and `columns` of the original.
    """

    rows: int
    columns: int
    top: int
    left: int
    side: int

    def restore(self, probabilities: np.ndarray) -> np.ndarray:
        """Maps one network's output back to the original's grid.

        Takes float32 (256, 256) in 0..1, gives float32 (rows, columns); what lies outside the
        square is 0. Bilinear, pixel centres aligned as in `prepare`.
        """
        grid = np.asarray(probabilities, np.float32)
        if grid.shape[0] != self.side:
            grid = np.asarray(Image.fromarray(grid).resize((self.side, self.side), Image.Resampling.BILINEAR))
        whole = np.zeros((self.rows, self.columns), np.float32)
        first_row, first_column = max(self.top, 0), max(self.left, 0)
        last_row = min(self.top + self.side, self.rows)
        last_column = min(self.left + self.side, self.columns)
        whole[first_row:last_row, first_column:last_column] = grid[
            first_row - self.top : last_row - self.top,
            first_column - self.left : last_column - self.left,
        ]
        return whole


@dataclass(frozen=True)
class Prepared:
    """A volume as the networks take it.

    `images` is uint8 (slices, 256, 256, 3), 0..255 for 0..1; `frame` leads back.
    """

    images: np.ndarray
    frame: Frame


def prepare(voxels: np.ndarray) -> Prepared:
    """Scales, crops and resizes a volume.

    Takes (slices, rows, columns, channels) with one or three channels of any real type, finite.
    All slices share one scaling and one square, so their sizes stay comparable.
    Raises ValueError for another shape.
    """
    if voxels.ndim != 4 or voxels.shape[3] not in (1, 3) or 0 in voxels.shape:
        raise ValueError(f"expected (slices, rows, columns, 1 or 3), got {voxels.shape}")
    inner = _without_plain_edges(voxels)
    scaled = scale(voxels, inner)
    frame = find_square(scaled, inner)
    return Prepared(images=cut(scaled, frame), frame=frame)


def scale(voxels: np.ndarray, inner: tuple[slice, slice]) -> np.ndarray:
    """Scales each channel of the volume between its percentiles, measured inside `inner`.

    Gives uint8 (slices, rows, columns, channels). A channel without contrast becomes 0, and so does
    what lies outside `inner`: padding of any shade is black to the networks. The
    percentiles ignore the air: with it, a small head in a large black frame would be overexposed.
    """
    result = np.zeros(voxels.shape, np.uint8)
    for channel in range(voxels.shape[3]):
        values = voxels[:, inner[0], inner[1], channel]
        low, high = intensity_range(values)
        if not high > low:
            continue
        bits = 8 * voxels.dtype.itemsize if voxels.dtype.kind in "iu" and voxels.dtype.itemsize <= 2 else 0
        if bits:
            # A table of all values is several times faster than arithmetic on every pixel.
            places = np.dtype(f"u{bits // 8}")
            table = _levels(np.arange(2**bits, dtype=places).view(voxels.dtype), low, high)
        # A slice at a time: places or floats of a whole volume would be several times its own size.
        for index, picture in enumerate(values):
            level = table[picture.view(places)] if bits else _levels(picture, low, high)
            result[index, inner[0], inner[1], channel] = level
    return result


def _levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values as uint8: `low` becomes 0, `high` 255."""
    return np.clip((values.astype(np.float32) - low) * (255.0 / (high - low)) + 0.5, 0, 255).astype(np.uint8)


def find_square(scaled: np.ndarray, inner: tuple[slice, slice]) -> Frame:
    """Finds the square round the head in all slices of a scaled uint8 volume.

    Small separate pieces (burnt-in text) do not stretch it. Where no head is found it is the
    square round the whole picture.
    """
    rows, columns = scaled.shape[1:3]
    step = max(1, min(inner[0].stop - inner[0].start, inner[1].stop - inner[1].start) // _SMALL)
    box: list[int] | None = None
    flat = scaled.max(axis=3)
    for picture in flat:
        part = picture[inner]
        small = part[: part.shape[0] // step * step or None, : part.shape[1] // step * step or None]
        if step > 1 and min(part.shape) >= step:
            # Sums of whole numbers are exact, and several times sooner than NumPy's mean over two axes.
            by_row = np.asarray(np.sum([small[first::step] for first in range(step)], axis=0, dtype=np.uint32))
            small = np.sum([by_row[:, first::step] for first in range(step)], axis=0, dtype=np.uint32) / step**2
        found = _content_box(np.asarray(small, np.float32))
        if found is None:
            continue
        box = found if box is None else [*map(min, box[:2], found[:2]), *map(max, box[2:], found[2:])]
    if box is None:
        side = max(rows, columns)
        return Frame(rows, columns, (rows - side) // 2, (columns - side) // 2, side)
    top = inner[0].start + box[0] * step
    left = inner[1].start + box[1] * step
    bottom = min(inner[0].start + box[2] * step, inner[0].stop)
    right = min(inner[1].start + box[3] * step, inner[1].stop)
    side = max(1, round(max(bottom - top, right - left) * _MARGIN))
    return Frame(rows, columns, (top + bottom - side) // 2, (left + right - side) // 2, side)


def cut(scaled: np.ndarray, frame: Frame) -> np.ndarray:
    """Cuts the square out of uint8 (slices, rows, columns, channels), resized to 256 x 256.

    What lies outside the picture is black. One channel is repeated three times.
    """
    count = scaled.shape[0]
    square = np.zeros((frame.side, frame.side, scaled.shape[3]), np.uint8)
    first_row, first_column = max(frame.top, 0), max(frame.left, 0)
    last_row = min(frame.top + frame.side, frame.rows)
    last_column = min(frame.left + frame.side, frame.columns)
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for index in range(count):
        square[first_row - frame.top : last_row - frame.top, first_column - frame.left : last_column - frame.left] = (
            scaled[index, first_row:last_row, first_column:last_column]
        )
        picture = Image.fromarray(square if square.shape[2] == 3 else square[..., 0])
        images[index] = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR).convert("RGB"))
    return images


def intensity_range(values: np.ndarray) -> tuple[float, float]:
    """Lowest and highest intensity worth showing; the highest is taken among pixels of the head."""
    stride = max(1, values.size // 400_000)
    sample = values.flat[::stride].astype(np.float32)  # `reshape` would copy the whole volume first
    low, top = (float(value) for value in np.percentile(sample, (_LOW, 99.9)))
    content = sample[sample > low + _CONTENT * (top - low)]
    if content.size == 0:
        return low, low
    return low, float(np.percentile(content, _HIGH))


def _without_plain_edges(voxels: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns that remain when plain bands (black or white padding) are left out."""
    result: list[slice] = []
    for axis in (1, 2):
        across = tuple(other for other in range(4) if other != axis)
        lively = np.flatnonzero(voxels.max(axis=across) > voxels.min(axis=across))
        result.append(slice(int(lively[0]), int(lively[-1]) + 1) if lively.size else slice(0, voxels.shape[axis]))
    return result[0], result[1]


def _content_box(small: np.ndarray) -> list[int] | None:
    """[top, left, bottom, right) of the large connected pieces of a reduced picture."""
    content = ndimage.uniform_filter(small, 3) > _CONTENT * 255
    if not content.any():
        return None
    pieces, count = ndimage.label(content)
    areas = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    if areas.max() < 0.01 * content.size:
        return None
    keep = np.append(False, areas >= 0.1 * areas.max())[pieces]
    by_row, by_column = np.flatnonzero(keep.any(1)), np.flatnonzero(keep.any(0))
    return [int(by_row[0]), int(by_column[0]), int(by_row[-1]) + 1, int(by_column[-1]) + 1]
