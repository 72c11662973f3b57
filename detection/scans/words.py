"""Numbers and states in words: the same ones on every page."""

from __future__ import annotations

from dataclasses import dataclass

from detection.models import Analysis, Delivery
from detection.models.analysis import State, Verdict
from detection.models.delivery import DeliveryState, Recipient


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
DELIVERIES = {
    DeliveryState.WAITING: ("none", "Waiting"),
    DeliveryState.SENDING: ("working", "Sending"),
    DeliveryState.SENT: ("delivered", "Sent"),
    DeliveryState.FAILED: ("failed", "Not sent"),
}


def percent(share: float) -> str:
    """A probability (0..1) in words, never as a certainty: `93%`, `under 1%`, `over 99%`."""
    whole = round(share * 100)
    if whole < 1:
        return "under 1%"
    if whole > 99:
        return "over 99%"
    return f"{whole}%"


def out_of_hundred(share: float) -> str:
    """A probability (0..1) as a natural frequency: `93`, `fewer than 1`, `more than 99`."""
    whole = round(share * 100)
    if whole < 1:
        return "fewer than 1"
    if whole > 99:
        return "more than 99"
    return str(whole)


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
    kind, word = DELIVERIES[DeliveryState(delivery.state)]
    return StateWord(kind, word, "sms", Recipient(delivery.recipient).label)


def seconds(milliseconds: int) -> str:
    """A duration as `0.4 s`, `12 s` or `2 min 5 s`."""
    if milliseconds < 10_000:
        return f"{milliseconds / 1000:.1f} s"
    whole = round(milliseconds / 1000)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def count(number: int, one: str, many: str = "") -> str:
    """`1 slice`, `2 slices`, `1,024 pixels`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(value: float) -> str:
    """A measure with the digits that mean something: `0.94`, `6`, `1,240`."""
    if value >= 100:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")


def shortened(sha256: str) -> str:
    """A SHA-256 as people compare it: its two ends."""
    return f"{sha256[:4]} {sha256[4:8]} … {sha256[-8:-4]} {sha256[-4:]}"
