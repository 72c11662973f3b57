"""From a mask to the polygons that pages draw and RTSTRUCT carries: neither has to decode pixels."""

from __future__ import annotations

import numpy as np

Point = list[float]

# A boundary edge runs from pixel corner to pixel corner with the mask on its right hand (rows grow downwards).
_EAST, _SOUTH, _WEST, _NORTH = (0, 1), (1, 0), (0, -1), (-1, 0)
_TURNS = {  # from a heading: sharpest right turn first, so that pixels touching by a corner stay apart
    _EAST: (_SOUTH, _EAST, _NORTH),
    _SOUTH: (_WEST, _SOUTH, _EAST),
    _WEST: (_NORTH, _WEST, _SOUTH),
    _NORTH: (_EAST, _NORTH, _WEST),
}


def outline(mask: np.ndarray) -> list[list[Point]]:
    """Trace the boundary of a mask.

    Args:
        mask: (rows, columns), uint8 or bool; above 0 is inside.

    Returns:
        Closed polygons of [x, y] in pixels: the pixel in row r and column c covers x from c to c + 1 and
        y from r to r + 1. They pass through the middles of the boundary's pixel edges, which rounds the
        staircase off by less than half a pixel. Holes are polygons too, running the other way: fill with `evenodd`.
    """
    inside = np.pad(np.asarray(mask) > 0, 1)
    if not inside.any():
        return []
    edges = _edges(inside)
    polygons = []
    while edges:
        start, headings = next(iter(edges.items()))
        polygons.append(_without_straight(_walk(edges, start, next(iter(headings)))))
    return polygons


def _edges(inside: np.ndarray) -> dict[tuple[int, int], set[tuple[int, int]]]:
    """Boundary edges by their starting corner (row, column), in the mask's own coordinates."""
    edges: dict[tuple[int, int], set[tuple[int, int]]] = {}
    centre = inside[1:-1, 1:-1]
    for neighbour, heading, corner in (
        (inside[:-2, 1:-1], _EAST, (0, 0)),
        (inside[1:-1, 2:], _SOUTH, (0, 1)),
        (inside[2:, 1:-1], _WEST, (1, 1)),
        (inside[1:-1, :-2], _NORTH, (1, 0)),
    ):
        for row, column in np.argwhere(centre & ~neighbour).tolist():
            edges.setdefault((row + corner[0], column + corner[1]), set()).add(heading)
    return edges


def _walk(
    edges: dict[tuple[int, int], set[tuple[int, int]]], start: tuple[int, int], heading: tuple[int, int]
) -> list[Point]:
    """Follow one boundary round, taking its edges out, and give the middle of each."""
    middles: list[Point] = []
    corner, first = start, heading
    while True:
        headings = edges[corner]
        headings.discard(heading)
        if not headings:
            del edges[corner]
        middles.append([corner[1] + heading[1] / 2, corner[0] + heading[0] / 2])
        corner = (corner[0] + heading[0], corner[1] + heading[1])
        onward = edges.get(corner, set()) | ({first} if corner == start else set())
        heading = next(turn for turn in _TURNS[heading] if turn in onward)
        if corner == start and heading == first:
            return middles


def _without_straight(points: list[Point]) -> list[Point]:
    """Leave out points that lie on the line between their neighbours."""
    kept = []
    for index, (x, y) in enumerate(points):
        before, after = points[index - 1], points[(index + 1) % len(points)]
        if (x - before[0]) * (after[1] - y) != (y - before[1]) * (after[0] - x):
            kept.append([x, y])
    return kept


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
