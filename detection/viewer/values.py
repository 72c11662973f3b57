"""What a drawing measures: millimetres only where the file says how large a voxel is, pixels otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from detection.models.measurement import Tool

Points = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Value:
    """A number, its unit (mm, mm², px, px², °), and whether square pixels had to be assumed for it."""

    number: float
    unit: str
    assumes_square: bool = False

    @property
    def text(self) -> str:
        """As shown: one decimal below a hundred, none above."""
        digits = 1 if self.number < 99.95 else 0
        return f"{self.number:.{digits}f}{'' if self.unit == '°' else ' '}{self.unit}"


def measure(kind: Tool, points: Points, pixel_mm: tuple[float, float] | None) -> Value:
    """The value of a drawing.

    Parameters
    ----------
    kind : Tool
        Two points for a ruler, three for an angle (the middle one is its vertex), a polygon for an area.
    points : sequence of [x, y]
        In voxels of the slice.
    pixel_mm : (across, down) or None
        Millimetres from voxel to voxel; None where they are not known.

    Raises
    ------
    ValueError
        For an angle with an arm of no length.
    """
    across, down = pixel_mm or (1.0, 1.0)
    placed = [(x * across, y * down) for x, y in points]
    if kind is Tool.RULER:
        return Value(math.dist(placed[0], placed[1]), "px" if pixel_mm is None else "mm")
    if kind is Tool.AREA:
        return Value(_area(placed), "px²" if pixel_mm is None else "mm²")
    return Value(_angle(placed), "°", assumes_square=pixel_mm is None)


def crosses_itself(points: Points) -> bool:
    """Whether a closed polygon's sides meet anywhere but at its corners: then it has no area to tell."""
    count = len(points)
    sides = [(points[place], points[(place + 1) % count]) for place in range(count)]
    for first in range(count):
        for second in range(first + 2, count):
            if (second + 1) % count != first and _cross(*sides[first], *sides[second]):
                return True
    return False


def _area(points: Sequence[tuple[float, float]]) -> float:
    pairs = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(x * v - u * y for (x, y), (u, v) in pairs)) / 2


def _angle(points: Sequence[tuple[float, float]]) -> float:
    (ax, ay), (vx, vy), (bx, by) = points
    one, other = (ax - vx, ay - vy), (bx - vx, by - vy)
    if not math.hypot(*one) or not math.hypot(*other):
        raise ValueError("an angle's arms have a length")
    turn = math.atan2(one[0] * other[1] - one[1] * other[0], one[0] * other[0] + one[1] * other[1])
    return abs(math.degrees(turn))


def _cross(a: Sequence[float], b: Sequence[float], c: Sequence[float], d: Sequence[float]) -> bool:
    def side(p: Sequence[float], q: Sequence[float], r: Sequence[float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
