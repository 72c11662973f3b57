"""A CD's index (DICOMDIR, PS3.3 annex F; PS3.10 section 8): which images a disc holds, and of which series.

It serves two ends: to tell which images are missing, and to number those that carry no number themselves. Files are
found by their content, beside the index or without one. The paths in it (ReferencedFileID) are never looked at, so
they can lead nowhere, and images are known by their SOP Instance UIDs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers import dicom
from ml.imaging.headers.dicom import ONLY_THE_LIST
from ml.imaging.headers.dicom_values import stripped, whole
from ml.imaging.limits import Limits

__all__ = ["ONLY_THE_LIST", "Entry", "entries", "is_index", "missing"]

if TYPE_CHECKING:
    from pydicom import Dataset

NAME = "dicomdir"
MOST_BYTES = 8 * 2**20
"""An image's record takes about a kilobyte, with its icon five."""
MISSING = "names {} not in this upload: {}. Upload the whole CD to have all of them."

_CLASS = b"1.2.840.10008.1.3.10"
_CLASS_ELEMENT = b"\x02\0\x02\0UI"  # MediaStorageSOPClassUID; file meta information is always explicit, little endian
_MOST_SERIES = 3


@dataclass(frozen=True)
class Entry:
    """One image that the index names.

    Attributes:
        instance: its SOP Instance UID.
        number: InstanceNumber, or None.
        series_number: of the series above it, or None.
        series: that series' UID; empty where the index does not say.
    """

    instance: str
    number: int | None
    series_number: int | None
    series: str


def is_index(head: bytes) -> bool:
    """Whether a DICOM file that begins so says that it is a DICOMDIR."""
    at = head.find(_CLASS_ELEMENT)
    if at < 0:
        return False
    start = at + len(_CLASS_ELEMENT) + 2
    length = int.from_bytes(head[start - 2 : start], "little")
    return head[start : start + length].rstrip(b"\0 ") == _CLASS


def entries(path: Path, limits: Limits) -> tuple[Entry, ...]:
    """The images that a DICOMDIR names; those that it marks as no longer in use are left out.

    Raises:
        UploadRefused: 400 if it is broken, 413 if it is too large to be an index.
    """
    if path.stat().st_size > MOST_BYTES:
        raise UploadRefused("The CD's index is too large.", 413)
    dataset = dicom.load(path, limits)
    try:
        return tuple(_entries(dataset))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - values that do not parse, records that are no datasets
        raise damaged() from None


def _entries(dataset: Dataset) -> Iterable[Entry]:
    series = _series(dataset)
    for record in dataset.DirectoryRecordSequence:
        instance = stripped(record, "ReferencedSOPInstanceUIDInFile")
        if _kind(record) != "IMAGE" or not instance or record.get("RecordInUseFlag") == 0:
            continue
        above = series.get(id(record))
        yield Entry(
            instance=instance,
            number=whole(record.get("InstanceNumber")),
            series_number=None if above is None else whole(above.get("SeriesNumber")),
            series="" if above is None else stripped(above, "SeriesInstanceUID"),
        )


def _series(dataset: Dataset) -> dict[int, Dataset]:
    """For each record below a series, by `id`, the series; offsets are followed, each record once, so no loop holds."""
    at = {record.seq_item_tell: record for record in dataset.DirectoryRecordSequence}
    found: dict[int, Dataset] = {}
    seen: set[int] = set()
    first = whole(dataset.get("OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity"))
    waiting: list[tuple[int | None, Dataset | None]] = [(first, None)]
    while waiting:
        offset, above = waiting.pop()
        if offset is None or offset in seen or offset not in at:
            continue
        seen.add(offset)
        record = at[offset]
        if above is not None:
            found[id(record)] = above
        below = record if _kind(record) == "SERIES" else above
        waiting.append((whole(record.get("OffsetOfTheNextDirectoryRecord")), above))
        waiting.append((whole(record.get("OffsetOfReferencedLowerLevelDirectoryEntity")), below))
    return found


def _kind(record: Dataset) -> str:
    return stripped(record, "DirectoryRecordType").upper()


def missing(named: Iterable[Entry], there: Iterable[str]) -> str:
    """What the index names and nobody sent: a sentence that wants "The CD's index" before it; empty where all is there.

    Args:
        there: SOP Instance UIDs of the files at hand.
    """
    have = set(there)
    lacking = {entry.instance: entry for entry in named if entry.instance not in have}
    if not lacking:
        return ""
    counted = Counter(entry.series_number for entry in lacking.values())
    return MISSING.format(f"{_images(len(lacking))} that {'is' if len(lacking) == 1 else 'are'}", _listed(counted))


def _listed(counted: Counter[int | None]) -> str:
    known: Sequence[tuple[int | None, int]] = sorted(counted.items(), key=lambda each: (each[0] is None, each[0] or 0))
    parts = [f"{count:,} of {'no known series' if series is None else f'series {series}'}" for series, count in known]
    more = len(parts) - _MOST_SERIES
    if more > 1:
        parts[_MOST_SERIES:] = [f"others of {more} more series"]
    return ", ".join(parts)


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
