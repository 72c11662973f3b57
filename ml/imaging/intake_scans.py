"""Which clean files make which scan: DICOM by its series, each NIfTI by itself, pictures as they were sent.

Part of the sandbox's process (`intake_child`); `grouping` says what can be one volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ml.imaging.errors import UploadRefused
from ml.imaging.gather import natural_order
from ml.imaging.headers import nifti
from ml.imaging.headers.dicom import Instance
from ml.imaging.headers.dicom_frames import Frame
from ml.imaging.headers.facts import FileFacts
from ml.imaging.headers.patient import Person

_CLINICAL = {"dicom", "nifti"}
DIFFER = "The pictures differ in size, so they are not slices of one series. Upload them as single pictures."


@dataclass(frozen=True)
class Received:
    """One file as it came, perhaps out of a zip.

    Attributes:
        path, name: where it lies, and what its owner calls it, with folders.
        origin: place among the files that were sent.
        container: what it came in: ("folder", number) or ("zip", number), or None if it was chosen by itself.
    """

    path: Path
    name: str
    origin: int
    container: tuple[str, int] | None


@dataclass(frozen=True)
class Kept:
    """One file as it will be stored: number of its clean copy, hash as it came, and what is in it."""

    received: Received
    out: int
    sha256: str
    facts: FileFacts
    instance: Instance | None = None
    pseudonym: str = ""
    person: Person | None = None
    header: nifti.Header | None = None


@dataclass
class Found:
    """What an upload becomes.

    Attributes:
        scans: as `intake` takes them, in order.
        aside: series that became no scan, and remarks.
        copies: files that were there twice.
    """

    scans: list[dict[str, Any]] = field(default_factory=list)
    aside: list[dict[str, Any]] = field(default_factory=list)
    copies: int = 0


def scans_of(kept: Sequence[Kept], *, as_series: bool) -> Found:
    """Group the files of one upload.

    Args:
        kept: in the order sent.
        as_series: whether pictures that were chosen by themselves are the slices of one series.

    Raises:
        UploadRefused: 400 where pictures that have to be one series differ in size.
    """
    found = Found()
    found.scans = [*_dicom(kept, found), *_nifti(kept), *_pictures(kept, as_series=as_series)]
    return found


def _dicom(kept: Sequence[Kept], found: Found) -> list[dict[str, Any]]:
    from ml.imaging import grouping
    from ml.imaging.sequence import recognise

    seen: set[tuple[str, str]] = set()
    files: list[Kept] = []
    for one in kept:
        if one.instance is None:
            continue
        identity = (one.instance.instance or one.sha256, one.sha256)
        if identity in seen:
            found.copies += 1  # the same file twice: once on the CD, once in its zip
            continue
        seen.add(identity)
        files.append(one)
    groups = grouping.split(files, _standing)
    volumes: dict[str, int] = {}
    for group in groups:
        series = _instance(group.items[0]).series
        volumes[series] = volumes.get(series, 0) + (group.split == "time")
    reasons = [
        grouping.why_aside(group, _standing, volumes=volumes[_instance(group.items[0]).series]) for group in groups
    ]
    if all(reason is not None for reason in reasons) and not any(one.instance is None for one in kept):
        # A planning picture or a mosaic sent by itself is what somebody wants to see; the reader says what it is.
        reasons = [None if reason in (grouping.LOCALISER, grouping.MOSAIC) else reason for reason in reasons]
    scans = []
    for group, reason in zip(groups, reasons, strict=True):
        first = _instance(group.items[0])
        if reason is not None:
            found.aside.append({"label": _label(first), "files": len(group.items), "reason": reason})
            continue
        place = grouping.geometry(group, _standing)
        frames = sum(len(_instance(one).frames) for one in group.items)
        scans.append(
            {
                "kind": "series" if frames > 1 or len(group.items) > 1 else "image",
                "files": [_file(one, f"slice {n:03d}.dcm") for n, one in enumerate(group.items, start=1)],
                "series_uid": first.series,
                "sequence": recognise(first.acquisition) or "",
                "geometry": place.to_json() if place is not None and place.slices > 1 else None,
            }
        )
        lacking = grouping.missing_parts([_instance(one) for one in group.items])
        if lacking:
            found.aside.append({"label": _label(first), "files": 0, "reason": lacking})
    _tell_splits([g for g, reason in zip(groups, reasons, strict=True) if reason is None], found)
    return scans


def _tell_splits(groups: Sequence[Any], found: Found) -> None:
    why = {
        "size": "Its pictures differ in size, so it became {} scans.",
        "spacing": "Its pictures differ in pixel spacing, so it became {} scans.",
        "kind": "It mixes directions, echoes or kinds of picture, so it became {} scans.",
        "time": "It shows the same places several times, so it became {} scans.",
    }
    parts: dict[str, list[Any]] = {}
    for group in groups:
        if group.split:
            parts.setdefault(_instance(group.items[0]).series, []).append(group)
    for several in parts.values():
        if len(several) > 1:
            label = _label(_instance(several[0].items[0]))
            found.aside.append({"label": label, "files": 0, "reason": why[several[0].split].format(len(several))})


def _nifti(kept: Sequence[Kept]) -> list[dict[str, Any]]:
    from ml.imaging.sequence import by_name

    return [
        {
            "kind": "series",
            "files": [_file(one, one.received.name)],
            "series_uid": "",
            "sequence": by_name(PurePosixPath(one.received.name).name) or "",
            "geometry": _nifti_geometry(one.header),
        }
        for one in kept
        if one.header is not None
    ]


def _pictures(kept: Sequence[Kept], *, as_series: bool) -> list[dict[str, Any]]:
    together: dict[tuple[Any, ...], list[Kept]] = {}
    for one in kept:
        if one.facts.format in _CLINICAL:
            continue
        container = one.received.container
        parent = str(PurePosixPath(one.received.name).parent) if container and container[0] == "zip" else ""
        in_zip = container is not None and container[0] == "zip"
        key = (container, parent) if in_zip or as_series else (None, one.out)
        together.setdefault(key, []).append(one)
    scans = []
    for (container, *_), pictures in together.items():
        series = container is not None or as_series
        ordered = sorted(pictures, key=lambda one: natural_order(one.received.name))
        if series and len({(one.facts.rows, one.facts.columns) for one in ordered}) > 1:
            raise UploadRefused(DIFFER)
        scans.append(
            {
                "kind": "series" if (series and (as_series or len(ordered) > 1)) or ordered[0].facts.slices > 1 else "image",
                "files": [_file(one, one.received.name) for one in ordered],
                "series_uid": "",
                "sequence": "",
                "geometry": None,
            }
        )  # fmt: skip
    return scans


def _standing(one: Kept) -> tuple[Instance, Frame]:
    """A file with the frame that stands for it; what tells the frames of one file apart does not tell files apart."""
    instance = _instance(one)
    frame = instance.frames[0]
    if len(instance.frames) > 1:
        frame = replace(frame, stack="", temporal_number=None, echo_ms=None, b_value=None, kinds=())
    return instance, frame


def _instance(one: Kept) -> Instance:
    assert one.instance is not None
    return one.instance


def _label(instance: Instance) -> str:
    number = "Series" if instance.series_number is None else f"Series {instance.series_number}"
    words = " ".join(instance.acquisition.text.split()[:6])
    return f"{number}: {words}" if words else number


def _file(one: Kept, name: str) -> dict[str, Any]:
    return {
        "out": one.out,
        "origin": one.received.origin,
        "name": name,
        "received": one.sha256,
        "facts": asdict(one.facts),
    }


def _nifti_geometry(header: nifti.Header | None) -> dict[str, Any] | None:
    """A NIfTI's place in the words of `grouping.Geometry`; its axes as stored, so only like is compared with like."""
    from ml.imaging.grouping import Geometry

    if header is None or header.affine is None or header.shape[2] < 2 or header.two_sides or header.two_sizes:
        return None
    columns = [tuple(row[axis] for row in header.affine) for axis in range(4)]
    lengths = [sum(value * value for value in column) ** 0.5 for column in columns[:3]]
    if min(lengths) < 1e-6:
        return None

    def unit(axis: int) -> tuple[float, float, float]:
        a, b, c = (value / lengths[axis] for value in columns[axis])
        return a, b, c

    x, y, z = columns[3]
    far = header.shape[2] - 1
    return Geometry(
        frame="nifti",
        rows=header.shape[1],
        columns=header.shape[0],
        slices=header.shape[2],
        spacing=(lengths[1], lengths[0]),
        directions=(unit(0), unit(1)),
        first=(x, y, z),
        last=(x + columns[2][0] * far, y + columns[2][1] * far, z + columns[2][2] * far),
    ).to_json()
