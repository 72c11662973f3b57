"""Where DICOM slices lie: their order, their distance, and which way is up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.imaging.grouping import SAME_PLACE_MM, evenly_spaced
from ml.imaging.headers.dicom_frames import Frame, Triple
from ml.imaging.volume import AxisLabel, Orientation, Placement, Spacing, orientation_code

PLAUSIBLE_MM = (0.02, 50.0)

ONE_TWICE = "1 slice lies where another one lies already. It was left out."
TWICE = "{} slices lie where another one lies already. They were left out."
UNEVEN_NOTE = "The slices are not evenly spaced: some may be missing. Volumes cannot be computed."
IMPLAUSIBLE_PIXELS = "The files state pixels of a size that no scan of a head has, so millimetres are not known."
IMPLAUSIBLE_DISTANCE = (
    "The slices lie so near or so far from each other as no scan of a head has them, so volumes cannot be computed."
)
BY_NUMBER = "The files do not say where their slices lie. They are in order of their numbers."

# For each plane (the patient axis that its normal follows: 0 left, 1 back, 2 head): the patient
# axis and direction that rows and columns should follow for the usual view.
_VIEWS: dict[int, tuple[tuple[int, int], tuple[int, int]]] = {
    2: ((1, 1), (0, 1)),  # axial: rows to the back, columns to the left
    1: ((2, -1), (0, 1)),  # coronal: rows to the feet, columns to the left
    0: ((2, -1), (1, 1)),  # sagittal: rows to the feet, columns to the back
}
_LABELS: dict[tuple[int, int], AxisLabel] = {
    (0, 1): "L", (0, -1): "R", (1, 1): "P", (1, -1): "A", (2, 1): "S", (2, -1): "I",
}  # fmt: skip


def lay_out(frames: Sequence[Frame], numbers: Sequence[int | None]) -> tuple[list[int], Spacing | None, list[str]]:
    """Put slices in order and measure their spacing.

    Args:
        frames: of one size and one direction.
        numbers: InstanceNumber of each, or None.

    Returns:
        The indices of the frames that make the volume, in order: along the slice normal where
        every frame says where it lies, else by number, else as given; their spacing or None;
        and sentences about what was done.
    """
    notes = [IMPLAUSIBLE_PIXELS] if any(frame.implausible for frame in frames) else []
    if len(frames) == 1:
        return [0], _spacing(frames, None), notes
    directions = frames[0].directions
    positions = [frame.position for frame in frames]
    if directions is None or any(position is None for position in positions):
        return _by_number(numbers), _spacing(frames, None), [*notes, BY_NUMBER]
    normal = np.cross(directions[0], directions[1])
    along = np.array([np.dot(position, normal) for position in positions if position is not None])
    ties = [number if number is not None else 0 for number in numbers]
    order = sorted(range(len(frames)), key=lambda index: (along[index], ties[index], index))
    kept = [order[0]]
    for index in order[1:]:
        if along[index] - along[kept[-1]] > SAME_PLACE_MM:
            kept.append(index)
    twice = len(order) - len(kept)
    if twice:
        notes.append(ONE_TWICE if twice == 1 else TWICE.format(twice))
    between, told = _between(along[kept])
    notes += told
    return kept, _spacing([frames[index] for index in kept], between), notes


def _by_number(numbers: Sequence[int | None]) -> list[int]:
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or len(set(known)) < len(known):
        return list(range(len(numbers)))
    return sorted(range(len(numbers)), key=known.__getitem__)


def _between(along: np.ndarray) -> tuple[float | None, list[str]]:
    """The one distance between neighbouring slices, in mm, or None; and sentences that say why there is none."""
    if len(along) < 2:
        return None, []
    middle = float(np.median(np.diff(along)))
    if not evenly_spaced(along.tolist()):
        return None, [UNEVEN_NOTE]
    low, high = PLAUSIBLE_MM
    return (middle, []) if low <= middle <= high else (None, [IMPLAUSIBLE_DISTANCE])


def _spacing(frames: Sequence[Frame], between: float | None) -> Spacing | None:
    """Pixel spacing if all frames agree on one."""
    known = {frame.pixel_spacing for frame in frames}
    first = known.pop()
    if first is None or any(each is None or not np.allclose(each, first, rtol=1e-3) for each in known):
        return None
    return Spacing(between, first[0], first[1])


def upright(directions: tuple[Triple, Triple] | None) -> tuple[int, Orientation | None]:
    """The EXIF code that turns a stored slice into the usual view, and where its axes then point.

    Args:
        directions: towards growing columns, then growing rows, as stored.
    """
    if directions is None:
        return 1, None
    along, down = np.array(directions[0]), np.array(directions[1])
    normal = np.cross(along, down)
    plane = int(np.abs(normal).argmax())
    view = _VIEWS[plane]
    stored = [_axis(down, plane), _axis(along, plane)]
    if stored[0][0] == stored[1][0]:
        return 1, None  # exactly between two axes: no usual view
    transpose = stored[0][0] != view[0][0]
    if transpose:
        stored.reverse()
    flips = [has[1] != wants[1] for has, wants in zip(stored, view, strict=True)]
    code = orientation_code(transpose=transpose, flip_rows=flips[0], flip_columns=flips[1])
    towards = (plane, 1 if normal[plane] > 0 else -1)
    return code, Orientation(_LABELS[towards], _LABELS[view[0]], _LABELS[view[1]])


def placement(frames: Sequence[Frame], spacing: Spacing | None, code: int, shape: tuple[int, int]) -> Placement | None:
    """Where the slices of a volume lie; None where a file does not say.

    Args:
        frames: in order, of one direction.
        spacing: as stored, from `lay_out`.
        code: from `upright`.
        shape: rows and columns of the upright slice.
    """
    directions = frames[0].directions
    positions = [frame.position for frame in frames if frame.position is not None]
    if directions is None or spacing is None or len(positions) < len(frames):
        return None
    row, column = np.array(directions[1]) * spacing.row, np.array(directions[0]) * spacing.column
    return Placement.of_stored(np.array(positions), row, column, code, shape)


def _axis(direction: np.ndarray, plane: int) -> tuple[int, int]:
    """The patient axis within the plane that a direction follows most, and its sign."""
    inside = np.abs(direction)
    inside[plane] = -1.0
    axis = int(inside.argmax())
    return axis, 1 if direction[axis] > 0 else -1
