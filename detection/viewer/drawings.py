"""A drawing as a browser sends it, valid by construction: the door of everything that is measured."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from detection.models.measurement import Plane, Tool
from detection.viewer.values import Points, crosses_itself
from detection.viewer.volumes import Slices, StoredVolume

Chosen = TypeVar("Chosen", Tool, Plane)

LARGEST_BODY = 32 * 1024
FEWEST = {Tool.RULER: 2, Tool.AREA: 3, Tool.ANGLE: 3}
MOST = {Tool.RULER: 2, Tool.AREA: 250, Tool.ANGLE: 3}
SMALLEST_STEP = 0.05
"""Voxels: two points closer than this are one."""


class DrawingRefused(Exception):
    """It cannot be kept. `str(error)` is the sentence."""


@dataclass(frozen=True)
class Drawing:
    """A ruler, area or angle on one slice; `replaces` is the measurement that was moved to become it.

    `points` are [x, y] in voxels of the slice, inside it, as many as the tool has, none upon its neighbour; an
    area does not cross itself.
    """

    kind: Tool
    plane: Plane
    slice_index: int
    points: list[list[float]]
    replaces: UUID | None

    @classmethod
    def of(cls, body: bytes, volume: StoredVolume) -> Drawing:
        """From JSON, checked against the volume it is drawn on.

        Raises
        ------
        DrawingRefused
            For anything that is not a drawing on that volume.
        """
        if len(body) > LARGEST_BODY:
            raise DrawingRefused("The drawing is too large.")
        try:
            sent = json.loads(body)
        except (ValueError, RecursionError):
            raise DrawingRefused("This is not JSON.") from None
        if not isinstance(sent, dict):
            raise DrawingRefused("A drawing is a JSON object.")
        kind, plane = _choice(Tool, sent.get("kind")), _choice(Plane, sent.get("plane"))
        if kind is None:
            raise DrawingRefused("A measurement is a ruler, an area or an angle.")
        if plane is None or plane not in volume.slices:
            raise DrawingRefused("This scan is not shown in that plane.")
        slices, index = volume.slices[plane], sent.get("slice")
        if type(index) is not int or not 0 <= index < slices.count:
            raise DrawingRefused("There is no such slice.")
        return cls(kind, plane, index, _points(sent.get("points"), kind, slices), _key(sent.get("replaces")))


def _choice(kind: type[Chosen], value: Any) -> Chosen | None:
    return kind(value) if isinstance(value, str) and value in kind.values else None


def _points(sent: Any, kind: Tool, slices: Slices) -> list[list[float]]:
    if not isinstance(sent, list) or not FEWEST[kind] <= len(sent) <= MOST[kind]:
        raise DrawingRefused(
            f"An area has {FEWEST[kind]} to {MOST[kind]} points."
            if kind is Tool.AREA
            else f"This takes {FEWEST[kind]} points."
        )
    points = []
    for pair in sent:
        if not isinstance(pair, list) or len(pair) != 2 or not all(type(value) in (int, float) for value in pair):
            raise DrawingRefused("A point is two numbers.")
        try:
            x, y = (float(value) for value in pair)
        except OverflowError:
            x, y = math.inf, math.inf
        if not (0 <= x <= slices.width and 0 <= y <= slices.height):  # false for what is not a number, too
            raise DrawingRefused("A point lies outside the picture.")
        points.append([round(x, 3), round(y, 3)])
    _check_shape(points, kind)
    return points


def _check_shape(points: Points, kind: Tool) -> None:
    neighbours = [*itertools.pairwise(points)]
    if kind is Tool.AREA:
        neighbours.append((points[-1], points[0]))
    if any(math.dist(one, other) < SMALLEST_STEP for one, other in neighbours):
        raise DrawingRefused("Two points lie on the same place.")
    if kind is Tool.AREA and crosses_itself(points):
        raise DrawingRefused("The outline crosses itself, so it has no area. Draw it again.")


def _key(sent: Any) -> UUID | None:
    if sent is None:
        return None
    try:
        return UUID(sent)
    except (ValueError, TypeError, AttributeError):
        raise DrawingRefused("The measurement that this replaces is not named as one.") from None
