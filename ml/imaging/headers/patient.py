"""Whose a DICOM file is, as far as it says so before it is de-identified, and whether an upload holds two people's.

Lives in the door's process only. Nothing of it is stored, logged or told.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import TYPE_CHECKING

from ml.imaging.headers.dicom_values import legible, stripped

if TYPE_CHECKING:
    from pydicom import Dataset

_NOT_A_NAME = {
    "anon",
    "anonym",
    "anonymised",
    "anonymized",
    "anonymous",
    "name",
    "none",
    "noname",
    "patient",
    "unknown",
}
_FIRST_BIRTH = date(1900, 1, 2)
"""Programs that have to fill a birth date in take the first day of a century, or one that is no day."""

_SURNAME_GIVEN_MIDDLE = 3
"""Of a name's components (PS3.5 6.2.1); "Dr" and "Jr" after them are shared by people who share nothing else."""


@dataclass(frozen=True)
class Person:
    """What one file says about its patient. A representation says nothing, so that no traceback does.

    Attributes:
        number, issuer: PatientID and who gave it; empty where not stated.
        names: what the name is made of, without case, accents, order and initials; empty where it is not known.
        born: or None where not stated, or not a day on which a living person was born.
        sex: "M" or "F", or empty.
    """

    number: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    names: frozenset[str] = field(default=frozenset(), repr=False)
    born: date | None = field(default=None, repr=False)
    sex: str = field(default="", repr=False)


def person_of(dataset: Dataset) -> Person:
    """Who a parsed file's patient is; what cannot be read is not known."""
    sex = legible(dataset, "PatientSex").upper()
    return Person(
        number=stripped(dataset, "PatientID"),
        issuer=stripped(dataset, "IssuerOfPatientID"),
        names=names_in(legible(dataset, "PatientName")),
        born=_born(legible(dataset, "PatientBirthDate")),
        sex=sex if sex in ("M", "F") else "",
    )


def are_several(people: Iterable[Person]) -> bool:
    """Whether these are certainly not one person.

    Only what two files both say can tell them apart; what one of them leaves out never does. Two people are

    - two numbers, two issuers of numbers, or two birth dates;
    - where a number is missing on either side: two names that share no part, or two sexes.

    With equal numbers a name or a sex alone is no evidence: people marry, and names are typed by hand, with another case,
    order or spelling, with a middle name and without. With a number missing nothing else holds the files together, so a
    wrong stop (upload them one after the other) is the smaller harm.
    """
    known = set(people)
    numbered = [person for person in known if person.number]
    stated: tuple[set[object], ...] = (
        {person.number for person in numbered},
        {person.issuer for person in numbered if person.issuer},
        {person.born for person in known if person.born},
    )
    if any(len(values) > 1 for values in stated):
        return True
    if len(numbered) == len(known):
        return False
    unnumbered = {(bool(person.number), person.names, person.sex) for person in known}
    return any(
        (names and other_names and not names & other_names) or (sex and other_sex and sex != other_sex)
        for (number, names, sex), (other_number, other_names, other_sex) in combinations(unnumbered, 2)
        if not (number and other_number)
    )


def names_in(stated: str) -> frozenset[str]:
    """The parts of a name in any of its writings (PS3.5 6.2: alphabetic=ideographic=phonetic), and all of each run together.

    Single letters are initials, and no name; single ideographs are one.
    """
    found: set[str] = set()
    for writing in stated.split("="):
        name = " ".join(writing.split("^")[:_SURNAME_GIVEN_MIDDLE])
        plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
        words = [word for word in re.findall(r"[^\W_]+", re.sub(r"['’`]", "", plain)) if word not in _NOT_A_NAME]
        words = [word for word in words if not word.isdigit() and (len(word) > 1 or not word.isascii())]
        found |= {*words, "".join(words)} if words else set()
    return frozenset(found)


def _born(stated: str) -> date | None:
    digits = stated.replace(".", "").replace("-", "")
    if len(digits) != 8 or not digits.isdigit():
        return None
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return born if born >= _FIRST_BIRTH else None
