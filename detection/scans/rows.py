"""A scan as one row of a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detection.models import Delivery, Scan, Study
from detection.models.analysis import State
from detection.models.delivery import DeliveryState
from detection.models.scan import Kind
from detection.scans import words
from detection.scans.words import StateWord

TROUBLE_FIRST = {state: rank for rank, state in enumerate(("failed", "sending", "waiting", "sent"))}


@dataclass(frozen=True)
class Row:
    """Ready sentences and numbers of one scan in a list.

    `probability` is None where there is none; `bar` is its width of 80.
    """

    scan: Scan
    files: str
    kind: str
    state: StateWord
    in_progress: bool
    progress: int
    has_thumbnail: bool
    probability: str | None
    bar: float
    review: StateWord
    message: StateWord | None
    unread: bool


def rows(scans: Iterable[Scan]) -> list[Row]:
    """One row for each scan of `listing.with_row`."""
    return [_row(scan) for scan in scans]


def _row(scan: Scan) -> Row:
    analysis = scan.current_analysis
    in_progress = analysis is None or not analysis.is_finished
    answered = analysis is not None and analysis.state in (State.DONE, State.REFUSED)
    superseded = not in_progress and scan.is_superseded
    share = analysis.tumour_probability if analysis is not None and analysis.state == State.DONE else None
    if superseded:
        share = None
    return Row(
        scan=scan,
        files=_files(scan),
        kind=_kind(scan),
        state=words.SUPERSEDED if superseded else words.analysis_state(analysis),
        in_progress=in_progress,
        progress=round(analysis.progress * 100) if analysis is not None else 0,
        has_thumbnail=answered and analysis is not None and bool(analysis.model_version),
        probability=None if share is None else words.percent(share),
        bar=0.0 if share is None else round(share * 80, 1),
        review=_review(scan, in_progress=in_progress),
        message=_message(scan),
        unread=not in_progress and scan.opened_at is None and not superseded,
    )


def _files(scan: Scan) -> str:
    if scan.is_fused:
        return "Series of this upload, fused"
    return scan.first_files[0].original_name if scan.first_files else "No file"  # type: ignore[attr-defined]


def file_format(scan: Scan) -> str:
    """The format of a scan's files as people write it; empty where it has none of its own."""
    ending = scan.first_files[0].format.upper() if scan.first_files else ""  # type: ignore[attr-defined]
    return {"NIFTI": "NIfTI", "WEBP": "WebP"}.get(ending, ending)


def _kind(scan: Scan) -> str:
    if scan.is_fused:
        return "Fused series"
    shown = file_format(scan)
    files: int = scan.file_count  # type: ignore[attr-defined]  # annotated by listing.with_row
    if scan.kind == Kind.IMAGE:
        return f"One picture, {shown}"
    parts = ["Series", scan.known_sequence, words.count(files, "file") if files > 1 else "", shown]
    return ", ".join(part for part in parts if part)


def _review(scan: Scan, *, in_progress: bool) -> StateWord:
    released, analysis = scan.study.released_at, scan.current_analysis
    outdated = released is not None and analysis is not None and analysis.queued_at > released
    if released is not None and not outdated:
        by = scan.study.released_by.display_name if scan.study.released_by else ""
        return StateWord("released", "Released", "released", by)
    note = "Released before this analysis" if outdated else ""
    if in_progress:
        return StateWord("none", "Not yet", "", note)
    if scan.opened_at is None:
        return StateWord("unread", "Unread", "unread", note)
    if analysis is not None and analysis.state != State.DONE:
        return StateWord("none", "Read", "", note)  # there is nothing that could be released
    return StateWord("none", "Read, not released", "", note)


def _message(scan: Scan) -> StateWord | None:
    """The delivery that most needs to be known: a failed one before one on its way, what was withdrawn last."""
    deliveries = sorted(
        scan.study.deliveries.all(),
        key=lambda delivery: (delivery.is_withdrawn, TROUBLE_FIRST[DeliveryState(delivery.state)]),
    )
    return words.delivery_state(deliveries[0]) if deliveries else None


def messages(study: Study) -> list[tuple[StateWord, Delivery]]:
    """A study's text messages, each with its state."""
    return [(words.delivery_state(delivery), delivery) for delivery in study.deliveries.all()]
