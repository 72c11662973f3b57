"""The scans of one upload as cards: what each is, what came out, and which series became no scan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from detection.models import Scan, Study
from detection.models.scan import Kind
from detection.scans import words
from detection.scans.rows import Row, file_format, rows

UNKNOWN_SEQUENCE = "Sequence not known"
FUSED = "Fused: before contrast, FLAIR, after contrast"


@dataclass(frozen=True)
class Card:
    """One scan of a study.

    Attributes:
        row: the same words as in the list.
        title: its sequence, or what it is.
        by: who says so.
        size: `22 slices of 288 × 288, DICOM`.
        parts: for a fused scan, each channel's name and the scan it comes from (None: FLAIR stands in).
    """

    row: Row
    title: str
    by: str
    size: str
    parts: tuple[tuple[str, Scan | None], ...]


def cards(scans: Iterable[Scan]) -> list[Card]:
    """A card for each scan of `listing.with_row`, in the study's order."""
    listed = rows(scans)
    places = {row.scan.pk: row.scan for row in listed}
    return [_card(row, places) for row in listed]


def set_aside(study: Study) -> list[tuple[str, str, str]]:
    """Label, number of files and the reason of every series that became no scan."""
    return [
        (str(each["label"]), words.count(int(each["files"]), "file") if each["files"] else "", str(each["reason"]))
        for each in study.set_aside
    ]


def _card(row: Row, places: dict[UUID, Scan]) -> Card:
    scan = row.scan
    parts: tuple[tuple[str, Scan | None], ...] = ()
    if scan.is_fused:
        parts = tuple(
            (name, None if source is None else places.get(source))
            for name, source in zip(("Before contrast", "FLAIR", "After contrast"), scan.part_ids, strict=True)
        )
    return Card(row, _title(scan), _by(scan), _size(row), parts)


def _title(scan: Scan) -> str:
    if scan.is_fused:
        return FUSED
    known = scan.get_sequence_by_doctor_display() or scan.get_sequence_display()
    if known:
        return str(known)
    # Numbered, so that several pictures of one upload are told apart.
    return UNKNOWN_SEQUENCE if scan.kind == Kind.SERIES else f"Picture {scan.position + 1}"


def _by(scan: Scan) -> str:
    if scan.is_fused or not scan.known_sequence:
        return ""
    return "as a doctor corrected it" if scan.sequence_by_doctor else "as recognised"


def _size(row: Row) -> str:
    geometry = row.scan.geometry or {}
    if not geometry.get("slices"):
        return row.kind
    slices = f"{words.count(int(geometry['slices']), 'slice')} of {geometry['rows']} × {geometry['columns']}"
    return ", ".join(part for part in (slices, file_format(row.scan)) if part)
