"""Numbers and states in words: the same ones on every page."""

from __future__ import annotations

from dataclasses import dataclass

from detection.models import Analysis, Delivery
from detection.models.analysis import State, Verdict
from detection.models.delivery import DeliveryState, Recipient
from detection.words import (
    NBSP,
    answer,
    count,
    percent,
    pixels,
    plain,
    seconds,
    shortened,
    square_millimetres,
    stated_millimetres,
    unbroken,
    volume,
)

__all__ = [
    "NBSP",
    "SUPERSEDED",
    "StateWord",
    "analysis_state",
    "answer",
    "count",
    "delivery_state",
    "percent",
    "percent_done",
    "pixels",
    "plain",
    "seconds",
    "shortened",
    "square_millimetres",
    "squares",
    "stated_millimetres",
    "unbroken",
    "volume",
]


@dataclass(frozen=True)
class StateWord:
    """A state as it stands in a list: always icon, word and colour together.

    `kind` names both the colour class and, unless `icon` differs, the symbol.
    """

    kind: str
    word: str
    icon: str
    note: str = ""


KINDS = {
    Verdict.TUMOUR: "suspected",
    Verdict.NO_TUMOUR: "nothing",
    Verdict.UNCERTAIN: "uncertain",
    Verdict.REFUSED: "refused",
}
SUPERSEDED = StateWord("refused", "No longer current", "refused", "A series that went in was corrected.")
DELIVERIES = {
    DeliveryState.WAITING: ("none", "Waiting"),
    DeliveryState.SENDING: ("working", "Sending"),
    DeliveryState.SENT: ("delivered", "Sent"),
    DeliveryState.FAILED: ("failed", "Not sent"),
}


def squares(share: float) -> int:
    """How many of 100 squares are filled for a probability (0..1); never none and never all."""
    return min(max(round(share * 100), 1), 99)


def analysis_state(analysis: Analysis | None) -> StateWord:
    """An analysis' state or, once it has an answer, its verdict."""
    if analysis is None or analysis.state == State.QUEUED:
        return StateWord("working", "Waiting", "queued")
    if analysis.state == State.RUNNING:
        return StateWord("working", "Analysing", "working", percent_done(analysis.progress))
    if analysis.state == State.FAILED:
        return StateWord("failed", "Failed", "failed", analysis.reason)
    kind = KINDS[Verdict(analysis.verdict)]
    note = analysis.reason if analysis.state == State.REFUSED else ""
    return StateWord(kind, Verdict(analysis.verdict).label, kind, note)


def percent_done(progress: float) -> str:
    """Progress (0..1) in words."""
    return f"{min(round(progress * 100), 99)}% done"


def delivery_state(delivery: Delivery) -> StateWord:
    """A text message's state; the note says to whom and, where it is known, why not yet."""
    kind, word = ("none", "Withdrawn") if delivery.is_withdrawn else DELIVERIES[DeliveryState(delivery.state)]
    return StateWord(kind, word, "sms", Recipient(delivery.recipient).label)
