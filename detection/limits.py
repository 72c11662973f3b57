"""What stands beside a result and limits it, in the words of page and printed report alike: heads, warnings, blind spots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from detection import lesions, words
from detection.models.analysis import Verdict
from detection.models.scan import Kind

HEADS = {
    "lesions": "Lesions",
    "area": "Marked area",
    "warnings": "Warnings",
    "cannot": "What it cannot see",
    "origin": "Where this came from",
}
"""Of the parts that both have."""

CANNOT = (
    "Strokes, bleeds, infection, MS: it only looks for tumours, and may take one of these for a tumour",
    "What kind of tumour it is, or its grade",
    "Small tumours as reliably as large ones",
    "Anything outside the brain: skull, orbits, neck",
)
NOWHERE = "Nothing is outlined: the scan as a whole is suspicious, and the AI cannot say where."
FAR_APART_MM = 3.0
"""Slices this far apart are warned of: a smaller lesion can lie between two."""

MOST_NAMED = 6
"""Lesions that a warning names by their numbers."""


def lesions_head(found: dict[str, Any]) -> str:
    """The head of what was outlined: of a picture it is an area, not a lesion in a brain."""
    return HEADS["lesions"] if found["kind"] == Kind.SERIES else HEADS["area"]


def cannot(found: dict[str, Any]) -> tuple[str, ...]:
    """What the program cannot see in a scan of this kind."""
    return ("Anything outside this one picture", *CANNOT) if found["kind"] == Kind.IMAGE else CANNOT


def warnings(found: dict[str, Any]) -> tuple[str, ...]:
    """What has to be borne in mind for this scan, the file's own notes last; those alone where no answer was given."""
    notes = tuple(words.unbroken(str(note)) for note in found.get("notes") or ())
    return notes if found["verdict"] == Verdict.REFUSED else (*_warnings(found), *notes)


def _warnings(found: dict[str, Any]) -> Iterator[str]:
    spacing = found.get("spacing_mm")
    between = spacing.get("between_slices") if spacing else None
    if found["verdict"] == Verdict.TUMOUR and not found["lesions"]:
        yield NOWHERE
    if not found.get("orientation"):
        yield "Left and right may be swapped. The file does not say which way round it is."
    if found["kind"] == Kind.IMAGE:
        yield "One picture is not the brain. A tumour on any other slice would not be seen."
    if between and between >= FAR_APART_MM:
        apart = words.stated_millimetres(between)
        yield f"Slices are {apart} apart. A smaller lesion can lie between two slices."
    if found["kind"] == Kind.SERIES:
        yield from _flat(found)


def _flat(found: dict[str, Any]) -> Iterator[str]:
    """A warning of the lesions that are seen on one slice, and of those on two; none where there are no more slices.

    Small lesions are not named here: the list says it of all of them.
    """
    if len(found["slices"]) <= 2:
        return
    heights = {
        number: lesion["slices"][1] - lesion["slices"][0] + 1
        for number, lesion in enumerate(found["lesions"], 1)
        if not lesions.is_small(found, lesion)
    }
    for height, seen in ((1, "one slice"), (2, "two slices")):
        numbers = [str(number) for number, each in heights.items() if each == height]
        if len(numbers) == 1:
            yield f"Lesion {numbers[0]} is seen on {seen} only. Treat it as a question, not as a finding."
        elif numbers:
            named = (
                numbers if len(numbers) <= MOST_NAMED else [*numbers[:MOST_NAMED], f"{len(numbers) - MOST_NAMED} more"]
            )
            yield f"Lesions {', '.join(named[:-1])} and {named[-1]} are each seen on {seen} only. Treat them as questions, not as findings."
