"""The sentence that decides the page: verdict, probability, natural frequency, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from detection.models import Analysis
from detection.models.analysis import State, Verdict
from detection.models.scan import Kind
from detection.scans import words

SUPERSEDED_SUB = "Read the upload's other scans instead. Nothing of this one can be downloaded or compared."


@dataclass(frozen=True)
class Scale:
    """The probability on a line from 0 to 100, drawn 280 units wide from 4.

    Attributes:
        text: `93%`.
        x: place of the pin.
        label_x: place of its label, kept inside the drawing.
        low, high: places of the two thresholds, or None where the model's are not known.
        low_text, high_text: the thresholds as whole percents.
        spoken: the same for who cannot see it.
    """

    text: str
    x: float
    label_x: float
    low: float | None
    high: float | None
    low_text: str
    high_text: str
    spoken: str

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The three stretches of the line, each with the verdict that it stands for."""
        if self.low is None or self.high is None:
            return []
        ends = (4.0, self.low, self.high, 284.0)
        kinds = ("nothing", "uncertain", "suspected")
        return [
            {"kind": kind, "x": round(ends[i], 1), "width": round(max(ends[i + 1] - ends[i] - 1, 1), 1)}
            for i, kind in enumerate(kinds)
        ]

    @property
    def marks(self) -> list[dict[str, Any]]:
        """The thresholds' numbers under their places, apart enough from each other to be read."""
        if self.low is None or self.high is None:
            return []
        low = min(max(self.low, 16.0), 238.0)
        return [
            {"x": round(low, 1), "text": f"{self.low_text}%"},
            {"x": round(min(max(self.high, low + 34), 272.0), 1), "text": f"{self.high_text}%"},
        ]

    @property
    def ends(self) -> tuple[bool, bool]:
        """Whether 0 and 100 stand under the line's ends: not where a threshold's number would run into them."""
        places = [mark["x"] for mark in self.marks]
        return (not places or places[0] > 36, not places or places[-1] < 238)


@dataclass(frozen=True)
class VerdictBlock:
    """One verdict, in word, icon and colour. `kind` names icon and colour.

    The sentence is `lead` (coloured), `rest`, and `half` on a line of its own. An answer has `scale`,
    `dots` (filled of 100) and `dots_text`; anything else has none of them. `why` are label and text.
    """

    kind: str
    lead: str
    rest: str
    half: str
    sub: tuple[str, ...] = ()
    scale: Scale | None = None
    dots: int = 0
    dots_text: str = ""
    why: tuple[tuple[str, str], ...] = ()
    progress: int | None = None
    try_again: bool = False
    upload_again: bool = False

    @property
    def spoken(self) -> str:
        """The whole sentence."""
        return f"{self.lead}{self.rest} {self.half}".strip()

    @property
    def squares(self) -> list[tuple[int, int, bool]]:
        """x, y and whether it is filled, of 100 squares in five rows."""
        return [(i // 5 * 10, i % 5 * 10, i < self.dots) for i in range(100)]


def verdict(analysis: Analysis, *, ahead: int = 0, worker_alive: bool = True) -> VerdictBlock:
    """The block for an analysis in whatever state.

    Parameters
    ----------
    analysis : Analysis
        With its findings.
    ahead : int
        How many analyses are before a queued one.
    worker_alive : bool
        Whether any worker has been heard of lately.
    """
    if not analysis.is_finished:
        return _coming(analysis, ahead, worker_alive=worker_alive)
    if analysis.state == State.FAILED:
        return _failed(analysis)
    if analysis.state == State.REFUSED or analysis.tumour_probability is None:
        return _refused(analysis)
    return _answer(analysis, analysis.tumour_probability)


def superseded() -> VerdictBlock:
    """The block for a fused scan whose series no longer belong together; its findings stay below it, as a record."""
    return VerdictBlock(
        "refused",
        "No longer current",
        ":",
        "a doctor has since corrected the sequence of a series that went in.",
        (SUPERSEDED_SUB,),
        why=(("What is below", "the result from before the correction, kept as a record"),),
    )


def _coming(analysis: Analysis, ahead: int, *, worker_alive: bool) -> VerdictBlock:
    sub = ["You can leave this page. The scan list shows when it is done."]
    if not worker_alive:
        sub = ["No analysis worker answers at the moment. The scan is stored and will be analysed once one does."]
    if analysis.state == State.RUNNING:
        done = words.percent_done(analysis.progress)
        return VerdictBlock(
            "working", "Analysing", ":", f"{done}.", tuple(sub), progress=round(analysis.progress * 100)
        )
    half = "next in the queue." if not ahead else f"{words.count(ahead, 'analysis', 'analyses')} before this one."
    return VerdictBlock("queued", "Waiting", ":", half, tuple(sub), progress=0)


def _failed(analysis: Analysis) -> VerdictBlock:
    return VerdictBlock(
        "failed",
        "Failed",
        ": the analysis stopped before it finished,",
        "so nothing was decided about this scan.",
        ("The images are safe. Try again. If it fails twice, tell your administrator the reference.",),
        why=(("What went wrong", analysis.reason), ("Reference", str(analysis.id))),
        try_again=True,
    )


def _refused(analysis: Analysis) -> VerdictBlock:
    return VerdictBlock(
        "refused",
        "Refused, no answer given",
        ":",
        analysis.reason,
        ("No probability was computed. Send another picture or series, or read this scan without AI.",),
        why=(("Decided by", "the check that comes before the analysis"),),
        upload_again=True,
    )


def _answer(analysis: Analysis, share: float) -> VerdictBlock:
    told = words.answer(Verdict(analysis.verdict), share, analysis.reason)
    return VerdictBlock(
        words.KINDS[Verdict(analysis.verdict)],
        told.lead,
        told.rest,
        told.half,
        told.sub,
        scale=_scale(share, thresholds(analysis)),
        dots=words.squares(share),
        dots_text=told.frequency,
    )


def thresholds(analysis: Analysis) -> tuple[float, float] | None:
    """Of the whole scan's probability, nothing below the first and tumour from the second on; None if not recorded.

    A series is judged by a rule of its own. Older runs recorded only a single slice's thresholds, under this name.
    """
    found = analysis.findings or {}
    if found.get("kind") == Kind.SERIES and "slice_thresholds" not in found:
        return None
    return _pair(found.get("thresholds"))


def slice_thresholds(analysis: Analysis) -> tuple[float, float] | None:
    """The same of one slice's probability."""
    found = analysis.findings or {}
    return _pair(found.get("slice_thresholds") or found.get("thresholds"))


def _pair(recorded: dict[str, Any] | None) -> tuple[float, float] | None:
    try:
        return float((recorded or {})["nothing_below"]), float((recorded or {})["tumour_from"])
    except (KeyError, TypeError, ValueError):
        return None


def _scale(share: float, limits: tuple[float, float] | None) -> Scale:
    x = 4 + 280 * share
    text = words.percent(share)
    spoken = f"Probability {text} on a scale from 0 to 100."
    if limits is None:
        return Scale(text, round(x, 1), _inside(x, text), None, None, "", "", spoken)
    low, high = (round(4 + 280 * limit, 1) for limit in limits)
    low_text, high_text = (words.plain(round(limit * 100, 1)) for limit in limits)
    spoken += (
        f" Below {low_text} is nothing above threshold, {low_text} to {high_text} is uncertain,"
        f" from {high_text} on is suspicious for tumour."
    )
    return Scale(text, round(x, 1), _inside(x, text), low, high, low_text, high_text, spoken)


def _inside(x: float, text: str) -> float:
    """The middle of a label near x that is not cut off at either end: a figure is about 9 units wide."""
    half = max(20.0, 4.5 * len(text))
    return round(min(max(x, half), 288 - half), 1)
