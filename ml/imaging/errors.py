"""What can go wrong with somebody's file, each with a sentence for that person.

The sentences follow the copy rules of the interface: short, active, British English, and
they say what to do next. They never contain a file name or anything read from the file's
text, so that they may be logged and shown.
"""

from __future__ import annotations


class ImagingError(Exception):
    """Something about an image that its owner can be told.

    Attributes:
        sentence: one or two sentences for the person, ready to be shown; `str(error)` is the same.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UploadRefused(ImagingError):
    """A file that is not taken in.

    Attributes:
        status: 400 (damaged or unusable), 413 (too large) or 415 (not a kind that is read).
        index: position of the offending file among those handed in, or None where the
            refusal concerns all of them.
    """

    STATUSES = (400, 413, 415)

    def __init__(self, sentence: str, status: int = 400, *, index: int | None = None) -> None:
        if status not in self.STATUSES:
            raise ValueError(f"status must be one of {self.STATUSES}, not {status}")
        super().__init__(sentence)
        self.status = status
        self.index = index


class NoSlice(UploadRefused):
    """A sound picture of a shape that no slice has: an icon, a strip. Among others it is set aside."""


def damaged(what: str = "file") -> UploadRefused:
    """The refusal for a file of a known kind whose content cannot be read."""
    return UploadRefused(f"The {what} is damaged and could not be read. Export it again and upload the new copy.", 400)
