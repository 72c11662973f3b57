"""Numbers in words, and what pages and reports say alike."""

from __future__ import annotations

SUCH_SCANS = (
    "“Such scans” are scans with a known answer, kept apart from training, that the model scored like this one."
)
FAR_APART_MM = 3.0
"""Slices this far apart are warned of: a smaller lesion can lie between two."""


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
        return f"{milliseconds / 1000:.1f} s"
    whole = round(milliseconds / 1000)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def masked(phone: str) -> str:
    """A phone number of which only the last three digits can be read."""
    return "•" * max(0, len(phone) - 3) + phone[-3:]


def count(number: int, one: str, many: str = "") -> str:
    """`1 slice`, `2 slices`, `1,024 pixels`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(value: float) -> str:
    """A measure with the digits that mean something: `0.94`, `6`, `1,240`."""
    if value >= 100:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")


def millimetres(value: float) -> str:
    """A length in mm, measured on pixels of about one: to the tenth at most."""
    return plain(round(value, 1))


def shortened(sha256: str) -> str:
    """A SHA-256 as people compare it: its two ends."""
    return f"{sha256[:4]} {sha256[4:8]} … {sha256[-8:-4]} {sha256[-4:]}"
