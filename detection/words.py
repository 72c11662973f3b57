"""Numbers in words, and what pages and reports say alike.

What was measured has a fixed number of digits (`millilitres`, `millimetres`, `square_millimetres`), so that two of them
compare at a glance. What a file states, and a threshold, has its own (`plain`). A number never parts from its unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from detection.models.analysis import Verdict

NBSP = "\N{NO-BREAK SPACE}"
UNIT = re.compile(r"(?<=\d) (?=(?:mm[²³]?|cm|ml|px|pixels?|ms|s|min|[KMG]B)\b)")
SUCH_SCANS = (
    "“Such scans” are scans with a known answer, kept apart from training, that the model scored like this one."
)
NOT_ALL_CLEAR = "This is not an all-clear."
AS_IF_NO_AI = "Read this scan as if no AI had been used."


@dataclass(frozen=True)
class Answer:
    """The sentence that decides page and report: `lead` is the verdict, `half` stands on a line of its own.

    `sub` are the sentences below it; `frequency` is the probability out of a hundred.
    """

    lead: str
    rest: str
    half: str
    sub: tuple[str, ...]
    frequency: str

    def __str__(self) -> str:
        return f"{self.lead}{self.rest} {self.half}"


def answer(verdict: Verdict, share: float, reason: str) -> Answer:
    """What a verdict with its calibrated probability (0..1) means; `reason` is why it is uncertain."""
    chance, frequency = percent(share), out_of_hundred(share)
    if verdict == Verdict.NO_TUMOUR:
        half = f"Probability {chance}: of 100 such scans, {frequency} had a tumour all the same."
        sub = (NOT_ALL_CLEAR, SUCH_SCANS)
        return Answer(verdict.label, ": this does not exclude a tumour.", half, sub, frequency)
    half = f"of 100 such scans, {frequency} had a tumour."
    why = (unbroken(reason), AS_IF_NO_AI) if verdict == Verdict.UNCERTAIN else ("",)
    told = (*(part for part in why if part), SUCH_SCANS)
    return Answer(verdict.label, f", probability {chance}:", half, told, frequency)


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


def seconds(milliseconds: int) -> str:
    """A duration as `0.4 s`, `12 s` or `2 min 5 s`."""
    if milliseconds < 10_000:
        return f"{milliseconds / 1000:.1f}{NBSP}s"
    whole = round(milliseconds / 1000)
    return f"{whole}{NBSP}s" if whole < 60 else f"{whole // 60}{NBSP}min {whole % 60}{NBSP}s"


def masked(phone: str) -> str:
    """A phone number of which only the last three digits can be read."""
    return "•" * max(0, len(phone) - 3) + phone[-3:]


def count(number: int, one: str, many: str = "") -> str:
    """`1 slice`, `2 slices`, `1,024 pixels`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def pixels(number: int) -> str:
    """`1 pixel`, `1,024 pixels`."""
    return count(number, "pixel").replace(" ", NBSP)


def plain(value: float) -> str:
    """A number that somebody stated, with the digits that mean something: `0.94`, `6`, `1,240`."""
    if value >= 100:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")


def volume(millilitres: float) -> str:
    """A measured volume in ml without its unit: one decimal from 1 ml on, two below: `41.0`, `0.40`."""
    return f"{millilitres:,.{1 if round(millilitres, 2) >= 1 else 2}f}"


def length(value: float) -> str:
    """A measured length or area without its unit: one decimal below a hundred, none above: `42.0`, `113`, `1,255`."""
    return f"{value:,.{1 if value < 99.95 else 0}f}"


def millilitres(value: float) -> str:
    """A measured volume: `41.0 ml`, `0.40 ml`; what rounds to nothing is still something."""
    return f"under 0.01{NBSP}ml" if 0 < value < 0.01 else f"{volume(value)}{NBSP}ml"


def millimetres(*values: float) -> str:
    """A measured length, or several of one thing: `42.0 mm`, `47.1 × 34.1 mm`."""
    return f"{' × '.join(length(value) for value in values)}{NBSP}mm"


def square_millimetres(value: float) -> str:
    """A measured area: `89.0 mm²`, `1,255 mm²`."""
    return f"{length(value)}{NBSP}mm²"


def stated_millimetres(*values: float) -> str:
    """A distance that a file states, or several: `0.8 × 0.8 mm`, `6 mm`."""
    return f"{' × '.join(plain(value) for value in values)}{NBSP}mm"


def unbroken(sentence: str) -> str:
    """A sentence made elsewhere, its numbers kept with their units."""
    return UNIT.sub(NBSP, sentence)


def shortened(sha256: str) -> str:
    """A SHA-256 as people compare it: its two ends."""
    return f"{sha256[:4]} {sha256[4:8]} … {sha256[-8:-4]} {sha256[-4:]}"
