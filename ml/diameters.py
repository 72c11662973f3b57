"""The two perpendicular diameters of an outline on one slice, as RANO measures them.

The longest distance between two points of the outline, and the longest line perpendicular to it
from outline to outline on the same slice (Wen and others, RANO 2.0, J Clin Oncol 2023;41:5187,
doi:10.1200/JCO.23.01059). Both are exact for the outline that pages draw, which passes through
the middles of the pixel edges between inside and outside (PyRadiomics' mesh vertices do too):
a single pixel is one pixel wide, a disc is neither too large nor too small. The second line is
perpendicular exactly, without a tolerance; it may cross a cavity or a notch of the lesion.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from ml.findings import Point

# The middles of the four edges of a cell between four pixel middles, as (row, column) from its
# upper left one: above, right, below, left.
_EDGES = np.array([(0.0, 0.5), (0.5, 1.0), (1.0, 0.5), (0.5, 0.0)])
# Where the inside crosses a cell by its diagonal, pixels touching by a corner belong together: the
# outline cuts off the two outside corners. Keyed by whether the upper left pixel is inside.
_DIAGONAL = {True: ((0, 1), (2, 3)), False: ((0, 3), (1, 2))}
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Diameters:
    """The longest diameter of an outline and the longest one perpendicular to it.

    Attributes:
        longest, perpendicular: in the unit of the pixel sizes given.
        ends: of the longest, then of the perpendicular one; in pixels.
    """

    longest: float
    perpendicular: float
    ends: tuple[Point, Point, Point, Point]


def diameters(inside: np.ndarray, row: float = 1.0, column: float = 1.0) -> Diameters:
    """Measure one outline.

    Args:
        inside: (rows, columns) bool with at least one pixel; touching the border is fine.
        row, column: distance between neighbouring rows and columns, above 0.

    Raises:
        ValueError: if nothing is inside.
    """
    pixel = np.array([row, column])
    lines = _outline(inside)
    if not len(lines):
        raise ValueError("nothing is outlined")
    points = np.unique(lines.reshape(-1, 2), axis=0) * pixel
    corners = points[ConvexHull(points).vertices]
    first, second = _pair(int(pdist(corners).argmax()), len(corners))
    start, end = corners[first], corners[second]
    longest = float(np.hypot(*(end - start)))
    along = (end - start) / longest
    across = np.array([-along[1], along[0]])
    position, low, high = _widest(lines @ np.diag(pixel) @ np.stack([along, across], axis=1))
    ends = [start, end, along * position + across * low, along * position + across * high]
    return Diameters(longest, float(high - low), _points(ends, pixel))


def longest_possible(inside: np.ndarray, row: float = 1.0, column: float = 1.0) -> float:
    """The diagonal of the (rows, columns) box that holds the outline: no diameter is longer."""
    by_row, by_column = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not by_row.size:
        return 0.0
    return float(np.hypot((by_row[-1] - by_row[0] + 1) * row, (by_column[-1] - by_column[0] + 1) * column))


def _outline(inside: np.ndarray) -> np.ndarray:
    """The outline as lines (n, 2 ends, 2) in pixels: (row, column), whole numbers in the middle of pixels."""
    padded = np.pad(np.asarray(inside, bool), 1)
    corners = padded[:-1, :-1], padded[:-1, 1:], padded[1:, 1:], padded[1:, :-1]
    crossed = [corners[edge] ^ corners[(edge + 1) % 4] for edge in range(4)]
    diagonal = np.logical_and.reduce(crossed)
    found = []
    for pair in combinations(range(4), 2):
        joined = crossed[pair[0]] & crossed[pair[1]] & ~diagonal
        for upper_left, pairs in _DIAGONAL.items():
            if pair in pairs:
                joined |= diagonal & (corners[0] == upper_left)
        cells = np.argwhere(joined) - 1.0  # of the padding
        found.append(np.stack([cells + _EDGES[edge] for edge in pair], axis=1))
    return np.concatenate(found)


def _pair(index: int, count: int) -> tuple[int, int]:
    """The two points that entry `index` of pdist's answer for `count` points is about."""
    first, second = np.triu_indices(count, 1)
    return int(first[index]), int(second[index])


def _widest(lines: np.ndarray) -> tuple[float, float, float]:
    """Where the outline is widest: position, lower and upper end.

    Args:
        lines: (n, 2 ends, 2); the first coordinate is the position, the second the width's direction.

    Between two ends of lines the width changes linearly, so the widest place is at an end of one.
    """
    # Ends at one position stay at one: rounding that differs with the picture's way round would part them.
    places, widths = lines[..., 0].round(9), lines[..., 1]
    stops = np.unique(places)
    low, high = np.full(len(stops), np.inf), np.full(len(stops), -np.inf)
    at = np.searchsorted(stops, places)
    for end in (0, 1):
        np.minimum.at(low, at[:, end], widths[:, end])
        np.maximum.at(high, at[:, end], widths[:, end])
    first, last = at.min(axis=1), at.max(axis=1)
    between = np.maximum(last - first - 1, 0)
    # A chaotic outline has many ends between the two ends of each line: take some lines at a time.
    chunk = np.cumsum(between) // _AT_ONCE
    for part in range(int(chunk[-1]) + 1):
        chosen = np.flatnonzero((chunk == part) & (between > 0))
        line = np.repeat(chosen, between[chosen])
        begun = np.repeat(np.cumsum(between[chosen]) - between[chosen], between[chosen])
        stop = first[line] + 1 + np.arange(len(line)) - begun
        share = (stops[stop] - places[line, 0]) / (places[line, 1] - places[line, 0])
        width = widths[line, 0] + share * (widths[line, 1] - widths[line, 0])
        np.minimum.at(low, stop, width)
        np.maximum.at(high, stop, width)
    best = int((high - low).argmax())
    return float(stops[best]), float(low[best]), float(high[best])


def _points(ends: list[np.ndarray], pixel: np.ndarray) -> tuple[Point, Point, Point, Point]:
    a, b, c, d = ((float(end[0] / pixel[0]), float(end[1] / pixel[1])) for end in ends)
    return a, b, c, d
