"""Names that people gave: shown to them again, never used as paths."""

from __future__ import annotations

import secrets
import unicodedata

LONGEST = 255
# Without I, L, O and 0, 1: a reference is read out over the telephone.
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def cleaned(name: str) -> str:
    """A file name fit to be shown: no folders, no line breaks, no control or bidirectional characters.

    Parameters
    ----------
    name : str
        As the browser sent it, hostile or not.

    Returns
    -------
    str
        1 to 255 characters; "unnamed" where nothing is left. Its ending is kept.
    """
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    # Cc and Cf are control and invisible formatting (the bidirectional ones among them), Cs lone surrogates.
    shown = "".join(c for c in base if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029")
    shown = " ".join(shown.split())
    if shown in {"", ".", ".."}:
        return "unnamed"
    if len(shown) > LONGEST:
        stem, dot, ending = shown.rpartition(".")
        kept = f"{dot}{ending}"[-20:] if stem else ""
        shown = shown[: LONGEST - len(kept)] + kept
    return shown


def pseudonym() -> str:
    """A fresh patient reference such as `PX-7F3K-21`, made of nothing about the patient."""
    middle = "".join(secrets.choice(LETTERS) for _ in range(4))
    return f"PX-{middle}-{secrets.randbelow(90) + 10}"
