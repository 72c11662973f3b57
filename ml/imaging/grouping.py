"""Which DICOM pictures belong to one series, which are set aside, and which series lie on each other.

Plain numbers only: the door's subprocess, the readers and the application use it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Generic, TypeVar

from ml.imaging.headers.dicom import Instance
from ml.imaging.headers.dicom_frames import Frame, Triple

SAME_PLACE_MM = 0.01
"""Positions closer than this are the same place."""

UNEVEN_SHARE = 0.05
"""A slice may lie this part of the distance off its place in an even row, and the row is even still."""

SAME_WAY = 1e-4
"""Directions whose parts differ by no more than this are the same: a hundredth of a degree, as scanners' digits jitter."""

SAME_SIZE = 1e-3
"""Pixel spacings that differ by no more than this part of them are the same."""

LOCALISER = "A planning picture (localiser)."
MOSAIC = "A mosaic of many slices in one image. Export the slices one by one to have it read."
MAP = "A computed map, not a picture of the head."
OTHER_SEQUENCE = "Diffusion, perfusion, angiography or a time series: only FLAIR, T1 and T2 are read."
OTHER_MODALITY = "Not MR: only MR is read."
_MOST_PARTS = 2000
TOO_MANY_TIMES = 3
"""A series that holds more volumes than this at the same places is a time series, not two echoes."""

_MAPS = {"ADC", "EADC", "FA", "RA", "COLFA", "TENSOR", "EXP", "CBF", "CBV", "RCBV", "MTT", "TTP", "TMAX", "T1 MAP", "T2 MAP"}  # fmt: skip
_MAPS |= {
    "T2_STAR MAP",
    "T2STAR MAP",
    "MAP",
    "SUBTRACT",
    "SUBTRACTION",
    "PROJECTION IMAGE",
    "MIP",
    "MNIP",
    "VOLUME RENDERING",
}
_OTHER = {"DIFFUSION", "PERFUSION", "ASL", "FMRI", "BOLD", "SPECTROSCOPY", "TRACEW", "DIS2D_DIFFUSION"}
_LOCALISER_WORDS = re.compile(r"(?<![a-z])(locali[sz]er|scout|survey|3plane|aahead)(?![a-z])", re.IGNORECASE)
_OTHER_WORDS = re.compile(
    r"(?<![a-z])(dwi|dti|diff|diffusion|adc|trace|perf|perfusion|dsc|dce|asl|bold|fmri|mra|mrv|tof|svs|csi)(?![a-z])",
    re.IGNORECASE,
)
_NOT_MR = {"CT", "PT", "NM", "US", "CR", "DX", "MG", "XA", "RF", "IO", "PX", "OP", "OPT", "ES", "SM", "ECG", "BI"}

Item = TypeVar("Item")


@dataclass(frozen=True)
class Geometry:
    """Where a series lies.

    Attributes:
        frame: the coordinate system: DICOM's FrameOfReferenceUID, or "nifti".
        rows, columns, slices: its size.
        spacing: mm between rows, between columns.
        directions: unit vectors towards growing columns, then growing rows.
        first, last: where the first pixel of the first and of the last slice lies, in mm, along the slice normal.
    """

    frame: str
    rows: int
    columns: int
    slices: int
    spacing: tuple[float, float]
    directions: tuple[Triple, Triple]
    first: Triple
    last: Triple

    def lies_on(self, other: Geometry) -> bool:
        """Whether voxel by voxel both show the same places, to half a millimetre."""
        return (
            (self.frame, self.rows, self.columns, self.slices) == (other.frame, other.rows, other.columns, other.slices)
            and math.dist(self.spacing, other.spacing) < 0.005
            and all(math.dist(a, b) < 0.002 for a, b in zip(self.directions, other.directions, strict=True))
            and math.dist(self.first, other.first) < 0.5
            and math.dist(self.last, other.last) < 0.5
        )

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Geometry:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        along, down = stored["directions"]
        return cls(
            frame=str(stored["frame"]),
            rows=int(stored["rows"]),
            columns=int(stored["columns"]),
            slices=int(stored["slices"]),
            spacing=(float(stored["spacing"][0]), float(stored["spacing"][1])),
            directions=(_triple(along), _triple(down)),
            first=_triple(stored["first"]),
            last=_triple(stored["last"]),
        )


@dataclass(frozen=True)
class Group(Generic[Item]):
    """Pictures that can be one volume, along the slice normal where that is known, else by number.

    Attributes:
        items: at least one.
        split: why one series became several groups: "size", "spacing", "kind" or "time"; empty where it did not.
    """

    items: tuple[Item, ...]
    split: str = ""


def split(items: Sequence[Item], of: Callable[[Item], tuple[Instance, Frame]]) -> list[Group[Item]]:
    """Sort pictures into volumes: one series, one size, one direction, one kind of picture, one echo, each place once.

    Args:
        items: files or frames.
        of: an item's instance and the frame of it that stands for it.

    Returns:
        Groups in the order of their series' numbers, then as given.
    """
    by_series: dict[str, dict[tuple[object, ...], list[list[Item]]]] = {}
    for item in items:
        instance, frame = of(item)
        alike = by_series.setdefault(instance.series, {}).setdefault(_kind(instance, frame), [])
        for found in alike:
            if _measures_alike(of(found[0])[1], frame):
                found.append(item)
                break
        else:
            alike.append([item])
    groups: list[Group[Item]] = []
    for kinds in by_series.values():
        parted = [found for alike in kinds.values() for found in alike]
        sizes = {kind[0] for kind in kinds}
        why = "" if len(parted) == 1 else "size" if len(sizes) > 1 else "kind"
        if why == "kind" and len(kinds) == 1 and _differ_in_spacing([of(found[0])[1] for found in parted]):
            why = "spacing"
        for found in parted:
            times = _times(found, of)
            groups += [Group(tuple(sorted(part, key=_place(of))), "time" if len(times) > 1 else why) for part in times]
    return sorted(groups, key=lambda group: _order(of(group.items[0])[0]))


def why_aside(group: Group[Item], of: Callable[[Item], tuple[Instance, Frame]], *, volumes: int = 1) -> str | None:
    """Why a group is no scan of a head that can be read, as a sentence; None where it is one.

    Args:
        group: of `split`.
        of: as for `split`.
        volumes: into how many groups its series was split because places repeat.
    """
    instance, _ = of(group.items[0])
    kinds, text = set(instance.image_type[2:]), instance.acquisition.text
    if instance.is_mosaic:
        return MOSAIC
    if instance.acquisition.modality in _NOT_MR:
        return OTHER_MODALITY
    if instance.is_localiser or _LOCALISER_WORDS.search(text):
        return LOCALISER
    if kinds & _MAPS:
        return MAP
    if kinds & _OTHER or _OTHER_WORDS.search(text) or (group.split == "time" and volumes > TOO_MANY_TIMES):
        return OTHER_SEQUENCE
    return None


def missing_parts(instances: Sequence[Instance]) -> str:
    """What is missing of an instance that was split over several files, as a sentence; empty where nothing is.

    A concatenation (PS3.3 C.7.6.16.2.2.4): its parts are numbered from 1, and may say how many they are.
    """
    total = max((each.parts or 0 for each in instances), default=0)
    if not instances or not instances[0].concatenation or total > _MOST_PARTS:
        return ""
    lacking = sorted(set(range(1, total + 1)) - {each.part for each in instances})
    if not lacking:
        return ""
    numbers = ", ".join(map(str, lacking[:10])) + (" and others" if len(lacking) > 10 else "")
    return f"The series was stored in {total} parts, and not all are here: {numbers} missing."


def geometry(group: Group[Item], of: Callable[[Item], tuple[Instance, Frame]]) -> Geometry | None:
    """Where a group of files lies; None unless every picture of them says so and they are evenly spaced."""
    instance, first = of(group.items[0])
    frames = [frame for item in group.items for frame in of(item)[0].frames]
    places = [frame.position for frame in frames]
    if first.directions is None or first.pixel_spacing is None or any(place is None for place in places):
        return None
    if not all(_measures_alike(first, frame) for frame in frames):
        return None
    ordered = sorted((place for place in places if place is not None), key=lambda place: along(place, first.directions))
    places_along = [along(place, first.directions) for place in ordered]
    steps = [b - a for a, b in pairwise(places_along)]
    if (steps and min(steps) <= SAME_PLACE_MM) or not evenly_spaced(places_along):
        return None
    return Geometry(
        frame=instance.frame_of_reference,
        rows=instance.rows,
        columns=instance.columns,
        slices=len(ordered),
        spacing=first.pixel_spacing,
        directions=first.directions,
        first=ordered[0],
        last=ordered[-1],
    )


def evenly_spaced(places: Sequence[float]) -> bool:
    """Whether growing places along the slice normal, in mm, have one distance: volumes, NIfTI and fusion need that."""
    if len(places) < 2:
        return True
    step = (places[-1] - places[0]) / (len(places) - 1)
    off = max(abs(place - places[0] - index * step) for index, place in enumerate(places))
    return off <= max(SAME_PLACE_MM, UNEVEN_SHARE * step)


@dataclass(frozen=True)
class Fusion:
    """Which series make the three channels: places in the list that `fusions` was given.

    `pre` and `post` are None where FLAIR stands in, as in the networks' training data.
    """

    pre: int | None
    flair: int
    post: int | None


def fusion(series: Sequence[tuple[str, Geometry | None]]) -> Fusion | None:
    """Find a FLAIR with a T1, before or after contrast, that lies exactly on it.

    Args:
        series: sequence ("FLAIR", "T1", "T1c", "T2" or "") and geometry of each; in the order of preference.
    """
    for flair, (sequence, place) in enumerate(series):
        if sequence != "FLAIR" or place is None or not place.frame:
            continue

        def partner(wanted: str, place: Geometry = place) -> int | None:
            fits = (
                index
                for index, (name, other) in enumerate(series)
                if name == wanted and other is not None and other.lies_on(place)
            )
            return next(fits, None)

        pre, post = partner("T1"), partner("T1c")
        if pre is not None or post is not None:
            return Fusion(pre, flair, post)
    return None


def along(place: Triple, directions: tuple[Triple, Triple] | None) -> float:
    """How far a place lies along the slice normal, in mm."""
    if directions is None:
        return 0.0
    (a1, a2, a3), (b1, b2, b3) = directions
    normal = a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1
    return sum(p * n for p, n in zip(place, normal, strict=True))


def _kind(instance: Instance, frame: Frame) -> tuple[object, ...]:
    """What all pictures of one volume share to the letter; the first of it is their size."""
    return (
        (instance.rows, instance.columns, instance.channels),
        instance.is_localiser,
        instance.is_mosaic,
        instance.image_type,
        frame.kinds,
        frame.stack,
        frame.b_value,
        # A file of many frames is a volume by itself, unless it is a part of one.
        instance.concatenation or (instance.instance if len(instance.frames) > 1 else ""),
    )


def _measures_alike(one: Frame, other: Frame) -> bool:
    """Whether direction, pixel size and echo are the same but for the digits in which scanners jitter."""
    return (
        _near(one.directions and one.directions[0], other.directions and other.directions[0], 0.01, 0.0)
        and _near(one.directions and one.directions[1], other.directions and other.directions[1], 0.01, 0.0)
        and _near(one.pixel_spacing, other.pixel_spacing, 0.0, 0.001)
        and _near(one.echo_ms and (one.echo_ms,), other.echo_ms and (other.echo_ms,), 0.0, 0.01)
    )


def _differ_in_spacing(parted: Sequence[Frame]) -> bool:
    """Whether nothing but the pixel spacing keeps these apart."""
    first = parted[0]
    return all(_measures_alike(first, replace(other, pixel_spacing=first.pixel_spacing)) for other in parted)


def _near(
    one: tuple[float, ...] | float | None, other: tuple[float, ...] | float | None, absolute: float, share: float
) -> bool:
    if not isinstance(one, tuple) or not isinstance(other, tuple):
        return one == other
    return all(math.isclose(a, b, rel_tol=share, abs_tol=absolute) for a, b in zip(one, other, strict=True))


_TELLING: tuple[Callable[[Instance, Frame], float | None], ...] = (
    lambda instance, frame: frame.temporal_number,
    lambda instance, frame: instance.acquisition_number,
    lambda instance, frame: instance.acquisition.inversion_ms,
    lambda instance, frame: instance.acquisition.repetition_ms,
)


def _times(items: Sequence[Item], of: Callable[[Item], tuple[Instance, Frame]]) -> list[list[Item]]:
    """Where places repeat, tell the volumes apart by whatever number does; as given where none does."""
    if not _repeats(items, of):
        return [list(items)]
    for key in _TELLING:
        parts: dict[object, list[Item]] = {}
        for item in items:
            parts.setdefault(key(*of(item)), []).append(item)
        if len(parts) > 1 and not any(_repeats(part, of) for part in parts.values()):
            return list(parts.values())
    return [list(items)]


def _repeats(items: Sequence[Item], of: Callable[[Item], tuple[Instance, Frame]]) -> bool:
    found = [of(item)[1] for item in items]
    if any(frame.position is None or frame.directions is None for frame in found):
        return False
    places = sorted(along(frame.position, frame.directions) for frame in found if frame.position is not None)
    return any(b - a <= SAME_PLACE_MM for a, b in pairwise(places))


def _place(of: Callable[[Item], tuple[Instance, Frame]]) -> Callable[[Item], tuple[bool, float, int]]:
    """Sort key: along the normal where the picture says where it lies, then by its number."""

    def key(item: Item) -> tuple[bool, float, int]:
        instance, frame = of(item)
        known = frame.position is not None and frame.directions is not None
        where = along(frame.position, frame.directions) if known and frame.position is not None else 0.0
        return not known, where, instance.number if instance.number is not None else 0

    return key


def _order(instance: Instance) -> tuple[bool, int]:
    return instance.series_number is None, instance.series_number or 0


def _triple(values: Any) -> Triple:
    a, b, c = (float(value) for value in values)
    return a, b, c
