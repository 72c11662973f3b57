"""From a mask to the polygons that pages draw and RTSTRUCT carries: neither has to decode pixels."""

from __future__ import annotations

import numpy as np

Point = list[float]

# A boundary edge runs from pixel corner to pixel corner with the mask on its right hand (rows grow downwards).
# Headings are 0 east, 1 south, 2 west, 3 north; the edges that leave a corner are the bits of its number.
_DOWN, _ACROSS = (0, 1, 0, -1), (1, 0, -1, 0)
_BITS = (1, 2, 4, 8)


def outline(mask: np.ndarray) -> list[list[Point]]:
    """Trace the boundary of a mask.

    Args:
        mask: (rows, columns), uint8 or bool; above 0 is inside.

    Returns:
        Closed polygons of [x, y] in pixels: the pixel in row r and column c covers x from c to c + 1 and
        y from r to r + 1. They pass through the middles of the boundary's pixel edges, which rounds the
        staircase off by less than half a pixel. Holes are polygons too, running the other way: fill with `evenodd`.
    """
    full = np.asarray(mask) > 0
    rows = np.flatnonzero(full.any(axis=1))
    if not rows.size:
        return []
    columns = np.flatnonzero(full.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    leaving, starts = _edges(full[top : rows[-1] + 1, left : columns[-1] + 1])
    width = columns[-1] - left + 2
    polygons = []
    for start in starts:
        while leaving[start]:
            polygons.append(_without_straight(_walk(leaving, start, int(width)), top, left))
    return polygons


def _edges(inside: np.ndarray) -> tuple[bytearray, list[int]]:
    """Edges that leave each corner of bool (rows, columns), row by row, and the corners where one runs east.

    Every boundary, a hole's too, runs east somewhere.
    """
    around = np.pad(inside, 1)
    leaving = np.zeros((inside.shape[0] + 1, inside.shape[1] + 1), np.uint8)
    leaving[:-1, :-1] |= (inside & ~around[:-2, 1:-1]) * np.uint8(1)
    leaving[:-1, 1:] |= (inside & ~around[1:-1, 2:]) * np.uint8(2)
    leaving[1:, 1:] |= (inside & ~around[2:, 1:-1]) * np.uint8(4)
    leaving[1:, :-1] |= (inside & ~around[1:-1, :-2]) * np.uint8(8)
    return bytearray(leaving.tobytes()), np.flatnonzero(leaving & 1).tolist()


def _walk(leaving: bytearray, start: int, width: int) -> list[tuple[int, int]]:
    """Follow one boundary round, taking its edges out: for each, twice the (column, row) of its middle."""
    step = tuple(down * width + across for down, across in zip(_DOWN, _ACROSS, strict=True))
    first = heading = next(number for number in range(4) if leaving[start] & _BITS[number])
    corner = start
    middles = []
    while True:
        leaving[corner] &= ~_BITS[heading]
        row, column = divmod(corner, width)
        middles.append((2 * column + _ACROSS[heading], 2 * row + _DOWN[heading]))
        corner += step[heading]
        onward = leaving[corner] | (_BITS[first] if corner == start else 0)
        # Sharpest right turn first, so that pixels touching by a corner stay apart.
        for turn in (1, 0, 3):
            if onward & _BITS[(heading + turn) % 4]:
                heading = (heading + turn) % 4
                break
        if corner == start and heading == first:
            return middles


def _without_straight(middles: list[tuple[int, int]], top: int, left: int) -> list[Point]:
    """Leave out points that lie on the line between their neighbours; from half pixels to pixels."""
    points = np.array(middles)
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    kept: list[Point] = (points[turns] / 2 + (left, top)).tolist()
    return kept


def strokes(polygons: list[list[Point]], dash: tuple[float, float] | None = None) -> list[list[tuple[float, float]]]:
    """Lines to draw closed polygons with: each whole, or broken into dashes of these lengths drawn and left out."""
    whole = [[*polygon, polygon[0]] for polygon in polygons]
    drawn = whole if dash is None else [each for polygon in polygons for each in dashes(polygon, *dash)]
    return [[(x, y) for x, y in line] for line in drawn]


def dashes(polygon: list[Point], drawn: float, left_out: float) -> list[list[Point]]:
    """Cut a closed polygon into a broken line.

    Args:
        polygon: of [x, y]; its last point is joined to its first.
        drawn: length of a dash.
        left_out: length of the gap after it, in the same units. Both are stretched or shrunk to a whole number of
            dashes, two at least, so that the line does not end in half a one.

    Returns:
        Open lines of [x, y], round every corner that they pass.
    """
    corners = np.asarray([*polygon, polygon[0]], float)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    count = max(2, round(along[-1] / (drawn + left_out)))
    period = along[-1] / count
    share = drawn / (drawn + left_out)
    broken = []
    for number in range(count):
        start, end = number * period, (number + share) * period
        between = corners[(along > start) & (along < end)]
        ends = [[float(np.interp(at, along, axis)) for axis in corners.T] for at in (start, end)]
        broken.append([ends[0], *between.tolist(), ends[1]])
    return broken


def keyholed(polygons: list[list[Point]]) -> list[list[Point]]:
    """Polygons without holes: each hole is joined to the polygon around it by a channel without width.

    That is how DICOM's closed planar contours hold a hole (PS3.3 C.8.8.6.3), and filling by winding
    number or by even and odd gives the same pixels as before.

    Args:
        polygons: as `outline` gives them, holes running the other way.

    Returns:
        One polygon for each that is no hole.
    """
    areas = [_area(polygon) for polygon in polygons]
    outer = {place: list(polygon) for place, polygon in enumerate(polygons) if areas[place] > 0}
    for place, hole in enumerate(polygons):
        if areas[place] > 0:
            continue
        around = [each for each in outer if areas[each] > -areas[place] and _holds(polygons[each], hole[0])]
        if not around:  # a trace that is not whole; what remains is still closed
            continue
        inmost = min(around, key=areas.__getitem__)
        outer[inmost] = _joined(outer[inmost], hole)
    return list(outer.values())


def _area(polygon: list[Point]) -> float:
    """Twice the area; negative for a hole."""
    x, y = np.asarray(polygon).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def _holds(polygon: list[Point], point: Point) -> bool:
    """Whether a point lies inside, by even and odd."""
    start = np.asarray(polygon)
    end = np.roll(start, -1, axis=0)
    x, y = point
    crosses = (start[:, 1] > y) != (end[:, 1] > y)
    start, end = start[crosses], end[crosses]
    at = start[:, 0] + (y - start[:, 1]) / (end[:, 1] - start[:, 1]) * (end[:, 0] - start[:, 0])
    return bool(np.count_nonzero(at > x) % 2)


def _joined(polygon: list[Point], hole: list[Point]) -> list[Point]:
    """Walk the polygon to where it is nearest to the hole, round the hole, and back."""
    distances = ((np.asarray(polygon)[:, None] - np.asarray(hole)[None]) ** 2).sum(axis=2)
    at, into = (int(place) for place in np.unravel_index(distances.argmin(), distances.shape))
    return [*polygon[: at + 1], *hole[into:], *hole[: into + 1], *polygon[at:]]
