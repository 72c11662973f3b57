"""Taking an upload in: the files as they came become clean copies and a plan of which make which scan.

The work is done in the sandbox's process (`intake_child`), because the files are hostile. What it answers is
checked here, field by field: a file that takes that process over gains no more than a refusal.
"""

from __future__ import annotations

import base64
import datetime
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ml.imaging import sandbox
from ml.imaging.errors import damaged
from ml.imaging.grouping import Fusion, Geometry, fusion
from ml.imaging.headers.facts import FileFacts
from ml.imaging.limits import DEFAULT, Limits

Sequence_ = Literal["", "FLAIR", "T1", "T1c", "T2"]
FORMATS = frozenset({"dicom", "nifti", "png", "jpeg", "tiff", "webp", "bmp"})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UID = re.compile(r"[0-9.]{0,64}")
_PSEUDONYM = re.compile(r"(PX-[A-Z2-7]{24})?")
_LONGEST_TEXT = 300


@dataclass(frozen=True)
class Sent:
    """One file as the browser sent it.

    Attributes:
        path: where it lies; a name of our own.
        name: what its owner calls it.
        folder: which chosen folder it came from, or None where it was chosen by itself.
    """

    path: Path
    name: str
    folder: int | None = None


@dataclass(frozen=True)
class CleanFile:
    """A file that is ready to be stored.

    Attributes:
        path: the clean copy, in the work folder.
        name: as sent for pictures and NIfTI, neutral for DICOM.
        origin: place among the files that were sent.
        sha256_received: of the bytes as they came.
        facts: what is in it.
    """

    path: Path
    name: str
    origin: int
    sha256_received: str
    facts: FileFacts


@dataclass(frozen=True)
class PlannedScan:
    """Files that make one scan, in slice order; `sequence` is "" and `geometry` None where unknown."""

    kind: Literal["image", "series"]
    files: tuple[CleanFile, ...]
    series_uid: str
    sequence: Sequence_
    geometry: Geometry | None


@dataclass(frozen=True)
class Aside:
    """A series that became no scan and why; with `files` 0 a remark about one that did."""

    label: str
    files: int
    reason: str


@dataclass(frozen=True)
class Plan:
    """What an upload becomes.

    Attributes:
        scans: at least one.
        set_aside: what is told about the rest.
        left_out: files that are no part of any scan by their name or kind.
        pseudonym: of the patient, or "".
        acquired_on: day of the examination, or None.
        fusion: which scans are fused to three channels, or None.
    """

    scans: tuple[PlannedScan, ...]
    set_aside: tuple[Aside, ...]
    left_out: int
    pseudonym: str
    acquired_on: datetime.date | None
    fusion: Fusion | None


def take_in(
    files: Sequence[Sent], *, work: Path, key: bytes, as_series: bool = False, limits: Limits = DEFAULT
) -> Plan:
    """Unpack, check, de-identify and group the files of one upload.

    Args:
        files: as sent; their names are used for order only.
        work: an empty folder of the caller's, who removes it.
        key: of the installation's pseudonyms; it goes through a pipe and nowhere else.
        as_series: whether pictures are the slices of one series.
        limits: hold over everything unpacked.

    Raises:
        UploadRefused: 400, 413 or 415, with `index` telling which file, where one is at fault.
    """
    sandbox.check_amount([file.path for file in files], limits)
    request = {
        "task": "take_in",
        "files": [{"path": str(f.path.resolve()), "name": f.name, "folder": f.folder} for f in files],
        "work": str(work.resolve()),
        "key": base64.b64encode(key).decode("ascii"),
        "as_series": as_series,
        "limits": asdict(limits),
    }
    answer = sandbox.ask(request, limits, seconds=sandbox.LONGEST)
    try:
        return _plan(answer, work, len(files))
    except (ValueError, KeyError, TypeError, OSError):
        raise damaged() from None


def _plan(answer: Mapping[str, Any], work: Path, sent: int) -> Plan:
    scans = tuple(_scan(each, work, sent) for each in answer["scans"])
    if not scans:
        raise ValueError("nothing to store")
    day = answer["acquired_on"]
    return Plan(
        scans=scans,
        set_aside=tuple(
            Aside(_text(each["label"]), _count(each["files"]), _text(each["reason"])) for each in answer["set_aside"]
        ),
        left_out=_count(answer["left_out"]),
        pseudonym=_matching(_PSEUDONYM, answer["pseudonym"]),
        acquired_on=_day(day),
        fusion=fusion([(scan.sequence, scan.geometry) for scan in scans]),
    )


def _scan(answer: Mapping[str, Any], work: Path, sent: int) -> PlannedScan:
    kind, sequence, place = answer["kind"], answer["sequence"], answer["geometry"]
    if kind not in ("image", "series") or sequence not in get_args(Sequence_) or not answer["files"]:
        raise ValueError("not a scan")
    return PlannedScan(
        kind=kind,
        files=tuple(_file(each, work, sent) for each in answer["files"]),
        series_uid=_matching(_UID, answer["series_uid"]),
        sequence=sequence,
        geometry=None if place is None else Geometry.from_json(place),
    )


def _file(answer: Mapping[str, Any], work: Path, sent: int) -> CleanFile:
    facts, origin = FileFacts(**answer["facts"]), int(answer["origin"])
    path = work / f"out-{int(answer['out'])}"
    if facts.format not in FORMATS or not 0 <= origin < sent or not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("not a file of this upload")
    for number in (facts.rows, facts.columns, facts.slices, facts.bits, facts.channels):
        _count(number)
    return CleanFile(path, str(answer["name"])[:2000], origin, _matching(_SHA256, answer["received"]), facts)


def _day(text: object) -> datetime.date | None:
    """The date, or None for one that no calendar has."""
    try:
        return None if text is None else datetime.date.fromisoformat(str(text))
    except ValueError:
        return None


def _matching(form: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise ValueError("not in the form agreed")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 0 or value > 2**31:
        raise ValueError("not a count")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return "".join(character for character in value if character.isprintable())[:_LONGEST_TEXT]
