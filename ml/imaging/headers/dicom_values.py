"""Values of a parsed DICOM dataset as plain Python: what does not parse, or is not finite, is None."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset


def stripped(dataset: Dataset, key: str) -> str:
    """A text without padding; empty where there is none."""
    return str(dataset.get(key) or "").strip(" \0")


def listed(value: Any) -> list[Any]:
    """One value or several as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]


def item(sequence: Any) -> Dataset | None:
    """The first item of a sequence, or None."""
    return sequence[0] if sequence is not None and len(sequence) > 0 else None


def number(value: Any) -> float | None:
    """A finite number, or None."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    """A whole number, or None."""
    found = number(value)
    return None if found is None else int(found)


def numbers(dataset: Dataset | None, key: str, count: int) -> list[float] | None:
    """Exactly `count` finite numbers, or None."""
    if dataset is None:
        return None
    found = [number(value) for value in listed(dataset.get(key))]
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) == count else None
