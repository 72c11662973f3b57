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
