"""Which MR sequence a series is, by its tags, where they are clear."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FLAIR = re.compile(r"flair|tirm|dark.?fluid", re.IGNORECASE)
_T1 = re.compile(r"(?<![a-z0-9])t1(?![0-9])|mp.?rage|bravo|(?<![a-z])spgr", re.IGNORECASE)
_T2 = re.compile(r"(?<![a-z0-9])t2(?![0-9*])", re.IGNORECASE)
_CONTRAST = re.compile(
    r"(?<![a-z])(gd|gad\w*|post|ce|km|contrast|(?-i:C)\+)(?![a-z])|t1\s*\+?\s*c(?![a-z])|\+\s*c(?![a-z])", re.IGNORECASE
)
_WITHOUT = re.compile(r"(?<![a-z])(pre|without|non|no|ohne|nativ)(?![a-z])", re.IGNORECASE)
_OTHER = re.compile(
    r"dwi|diff|adc|swi|t2\*|perf|bold|fmri|localizer|scout|mra|tof|(?<![a-z])pd(?![a-z])", re.IGNORECASE
)

# An inversion this long (ms) before an echo this late nulls fluid: FLAIR, whatever it is called.
FLAIR_INVERSION_MS, FLAIR_ECHO_MS = 1500.0, 60.0
# Whatever a series is called, an inversion shorter than this nulls no fluid: fat's (STIR) is 100 to 250 ms.
SHORTEST_FLAIR_INVERSION_MS = 1000.0


@dataclass(frozen=True)
class Acquisition:
    """What recognition goes by.

    Attributes:
        text: descriptions that the scanner or its operator wrote; never shown or logged.
        modality: "MR" for what can be recognised.
        repetition_ms, echo_ms, inversion_ms: milliseconds, or None.
        contrast_agent: whether one is named.
    """

    text: str
    modality: str
    repetition_ms: float | None
    echo_ms: float | None
    inversion_ms: float | None
    contrast_agent: bool


def recognise(acquisition: Acquisition) -> str | None:
    """Tell FLAIR, T1, T1c or T2; None unless text and times agree on one of them."""
    if acquisition.modality != "MR":
        return None
    text = acquisition.text
    if _OTHER.search(text):
        return None
    named = {name for name, pattern in (("FLAIR", _FLAIR), ("T1", _T1), ("T2", _T2)) if pattern.search(text)}
    if "FLAIR" in named:  # "T2 FLAIR" and "T1 FLAIR" are both in use; only the first nulls fluid
        named = {"T1"} if "T1" in named and not _late(acquisition) else {"FLAIR"}
        if named == {"FLAIR"} and 0 < (acquisition.inversion_ms or 0) < SHORTEST_FLAIR_INVERSION_MS:
            return None
    timed = _timed(acquisition)
    if len(named) > 1 or (named and timed and named != {timed}):
        return None
    sequence = next(iter(named)) if named else timed
    if sequence != "T1":
        return sequence
    if _WITHOUT.search(text):
        # Some scanners name the agent of the whole examination in every series of it.
        return None if acquisition.contrast_agent else "T1"
    return "T1c" if acquisition.contrast_agent or _CONTRAST.search(text) else "T1"


def _late(acquisition: Acquisition) -> bool:
    return acquisition.echo_ms is not None and acquisition.echo_ms >= FLAIR_ECHO_MS


def _timed(acquisition: Acquisition) -> str | None:
    """The sequence by its times alone: spin-echo times that no other sequence shares."""
    repetition, echo, inversion = acquisition.repetition_ms, acquisition.echo_ms, acquisition.inversion_ms
    if repetition is None or echo is None:
        return None
    if inversion is not None and inversion >= FLAIR_INVERSION_MS and echo >= FLAIR_ECHO_MS:
        return "FLAIR"
    if inversion:
        return None
    if repetition >= 2000 and echo >= 70:
        return "T2"
    if 300 <= repetition <= 900 and echo <= 25:
        return "T1"
    return None


def by_name(name: str) -> str | None:
    """Tell the sequence by a file name such as `case_07_t1ce.nii.gz`: FLAIR, T1, T1c or T2, or None.

    NIfTI carries nothing else that says it; research collections name their files so.
    """
    text = re.sub(r"\.(nii|gz)$", "", re.sub(r"\.gz$", "", name, flags=re.IGNORECASE), flags=re.IGNORECASE)
    text = re.sub(r"[_\-.]+", " ", text)
    text = re.sub(r"(?<![a-z0-9])t1(ce|c|gd|post|km)(?![a-z0-9])", "t1 gd", text, flags=re.IGNORECASE)
    return recognise(Acquisition(text, "MR", None, None, None, contrast_agent=False))
