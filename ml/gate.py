"""Tells whether a picture is a slice of a brain MRI, and of which family.

Small networks of one hidden layer. They see how strongly each channel of the classifier's
convolutions answers (mean and spread over the picture) and a few plain properties of the picture
itself; they are trained with scikit-learn, stored as plain numbers and computed here with NumPy. A series
is judged by its median, so that an almost empty end slice does not refuse it, and more strictly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

Family = Literal["flair", "t1c"]

REFUSAL = "This was not recognised as an MRI slice of a brain."
BLANK = "This picture is blank: it shows nothing that could be analysed."


_THUMB = 16
"""Pixels a side of the thumbnail that is part of the plain properties."""
SERIES = 5
"""Slices from which on a volume is judged as a series."""
_DIRECTIONS = 9
"""Directions of edges, over half a turn."""


def plain(images: np.ndarray) -> np.ndarray:
    """Plain properties of prepared uint8 (n, 256, 256, 3): float32 (n, 995).

    A grey thumbnail; each channel's mean and spread; how much the channels differ; shares of dark,
    bright and framing pixels; likeness of left and right; roughness; directions of edges.
    """
    # Sums of whole numbers, so that the means are exact, and several times sooner than NumPy's own over two axes.
    by_row, sums = images[:, ::4].astype(np.uint16), np.zeros((len(images), 64, 64, 3), np.float32)
    for first in range(1, 4):
        by_row += images[:, first::4]
    for first in range(4):
        sums += by_row[:, :, first::4]
    small = sums / 16 / 255
    grey = small.mean(3)
    step = 64 // _THUMB
    thumb = grey.reshape(len(images), _THUMB, step, _THUMB, step).mean((2, 4))
    centred = grey - grey.mean((1, 2), keepdims=True)
    power = (centred**2).mean((1, 2)) + 1e-6
    edge = np.ones((64, 64), bool)
    edge[6:-6, 6:-6] = False
    numbers = [
        *small.mean((1, 2)).T,
        *small.std((1, 2)).T,
        np.abs(small[..., 0] - small[..., 1]).mean((1, 2)),
        np.abs(small[..., 1] - small[..., 2]).mean((1, 2)),
        np.abs(small[..., 0] - small[..., 2]).mean((1, 2)),
        (grey < 0.06).mean((1, 2)),
        (grey > 0.94).mean((1, 2)),
        (grey[:, edge] < 0.06).mean(1),
        grey[:, edge].std(1),
        (centred * centred[:, :, ::-1]).mean((1, 2)) / power,
        (centred * centred[:, ::-1]).mean((1, 2)) / power,
        np.abs(np.diff(grey, axis=1)).mean((1, 2)),
        np.abs(np.diff(grey, axis=2)).mean((1, 2)),
        (np.diff(grey, axis=1) == 0).mean((1, 2)),
        (np.abs(images[:, 1:, :, 1].astype(np.int16) - images[:, :-1, :, 1])).mean((1, 2)) / 255.0,
    ]
    return np.concatenate([thumb.reshape(len(images), -1), np.stack(numbers, 1), *edges(grey, 8, 16)], axis=1).astype(
        np.float32
    )


def edges(grey: np.ndarray, *cells: int) -> list[np.ndarray]:
    """Directions of edges of float (n, 64, 64), whatever their contrast: float (n, 9 directions x cells), for each size.

    Histograms of oriented gradients (Dalal and Triggs 2005) in squares of so many pixels a side, each against its
    surroundings: the shape of a part of the body, not its shades.
    """
    down, right = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, right)
    place = np.mod(np.arctan2(down, right), np.pi) / np.pi * _DIRECTIONS
    first = np.floor(place).astype(np.int8)
    between = place - first
    parts: list[list[np.ndarray]] = [[] for _ in cells]
    for number in range(_DIRECTIONS):
        pointing = strength * np.where(first % _DIRECTIONS == number, 1 - between, 0)
        pointing += strength * np.where((first + 1) % _DIRECTIONS == number, between, 0)
        for cell, part in zip(cells, parts, strict=True):
            part.append(pointing.reshape(len(grey), 64 // cell, cell, 64 // cell, cell).sum((2, 4)))
    return [_against_surroundings(np.stack(part, axis=-1)) for part in parts]


def _against_surroundings(histogram: np.ndarray) -> np.ndarray:
    """Float (n, rows, columns, directions) of cells to (n, all of them), each cell's against its neighbours' strength."""
    energy = (histogram**2).sum(-1)
    # The filter's running sum may end a hair below 0 where all is black.
    near = np.sqrt(np.maximum(ndimage.uniform_filter(energy, (0, 3, 3), mode="nearest"), 0) * 9)
    whole = np.sqrt(energy.sum((1, 2)))[:, None, None]
    return np.clip(histogram / (near + 0.05 * whole + 1e-6)[..., None], 0, 0.4).reshape(len(histogram), -1)


@dataclass(frozen=True)
class Judge:
    """Standardisation, one hidden layer with ReLU, one unit.

    `mean`, `spread` (features,); `hidden` (features, units), `hidden_bias` (units,); `out` (units,).
    """

    mean: np.ndarray
    spread: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    out_bias: float

    def score(self, features: np.ndarray) -> np.ndarray:
        """(n, features) to (n,) log-odds. Features are clipped to 5 spreads: far is far."""
        standard = np.clip((features[:, : len(self.mean)] - self.mean) / self.spread, -5.0, 5.0)
        return np.asarray(np.maximum(standard @ self.hidden + self.hidden_bias, 0.0) @ self.out + self.out_bias)


@dataclass(frozen=True)
class Gate:
    """`brain` scores "a brain MRI", `flair` scores "FLAIR rather than contrast T1".

    The log-odds of several judges of the brain are added up: they differ in what they never saw. `threshold`
    is the log-odds below which a picture is refused, `series_threshold` the same for the median of a series
    (None: as for a picture): one slice of a brain may look odd, half of a series does not. `sure` is how far from 0
    the log-odds of `flair` must be for the family to be named without doubt.
    """

    brain: tuple[Judge, ...]
    flair: Judge
    threshold: float
    series_threshold: float | None = None
    sure: float = 0.0

    def score(self, features: np.ndarray) -> np.ndarray:
        """(n, features) to (n,) log-odds for a brain by MRI."""
        return np.sum([judge.score(features) for judge in self.brain], axis=0)

    def refuse(self, features: np.ndarray, images: np.ndarray) -> str | None:
        """Why a volume is refused, as a sentence, or None.

        Takes float32 (slices, features), `plain` included, and the prepared uint8 (slices, 256, 256, 3).
        """
        lively = [index for index, image in enumerate(images) if np.ptp(image[::4, ::4]) > 0]
        if not lively:
            return BLANK
        least = self.threshold
        if self.series_threshold is not None and len(lively) >= SERIES:
            least = self.series_threshold
        return REFUSAL if float(np.median(self.score(features[lively]))) < least else None

    def family(self, features: np.ndarray, *, colour: bool, sequence: str | None) -> tuple[Family, bool]:
        """Which outline a volume gets, and whether that is sure.

        `colour`: three differing channels, so the composite with FLAIR in the middle. `sequence`:
        what the file says; it decides where it is clear, else the pictures do.
        """
        if colour or sequence == "FLAIR":
            return "flair", True
        if sequence in ("T1", "T1c"):
            return "t1c", True
        odds = float(np.median(self.flair.score(features)))
        return "flair" if odds > 0 else "t1c", abs(odds) >= self.sure


def from_arrays(arrays: dict[str, np.ndarray], numbers: Mapping[str, float]) -> Gate:
    """Builds the gate from the arrays of its weight file and the manifest's `gate`."""

    def judge(name: str) -> Judge:
        parts = {field: arrays[f"{name}/{field}"] for field in ("mean", "spread", "hidden", "hidden_bias", "out")}
        return Judge(**parts, out_bias=float(arrays[f"{name}/out_bias"]))

    names = sorted({name.partition("/")[0] for name in arrays} - {"flair"})
    return Gate(
        brain=tuple(judge(name) for name in names),
        flair=judge("flair"),
        threshold=float(numbers["threshold"]),
        series_threshold=numbers.get("series_threshold"),
        sure=float(numbers.get("sure", 0.0)),
    )


_TINT = 0.02
"""Mean difference of channels, as a share of the range, that lossy compression leaves in a grey picture."""


def is_colour(voxels: np.ndarray) -> bool:
    """Whether (slices, rows, columns, channels) has channels that differ by more than compression does."""
    if voxels.shape[3] == 1:
        return False
    sample = voxels[:, ::2, ::2].astype(np.float32)
    span = float(np.ptp(sample))
    apart = max(float(np.abs(sample[..., 1] - sample[..., other]).mean()) for other in (0, 2))
    return span > 0 and apart > _TINT * span
