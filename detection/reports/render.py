"""A scan's rows as the report's HTML, and the pictures that have to be drawn for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from detection.models import Analysis, Scan, StoredFile
from detection.reports.presentation import present

FONT = "vendor/atkinson-hyperlegible-next/atkinson-hyperlegible-next-latin-wght-normal.woff2"


@dataclass(frozen=True)
class Wanted:
    """A picture that the HTML shows: its name there, and the slice that it shows."""

    name: str
    index: int


@dataclass(frozen=True)
class Report:
    """What `pdf.to_pdf` needs: the HTML, the pictures to draw for it, and font files by name."""

    html: str
    pictures: tuple[Wanted, ...]
    fonts: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def report(scan: Scan, analysis: Analysis, files: Sequence[StoredFile]) -> Report:
    """The report of a run that has an answer.

    Parameters
    ----------
    scan, analysis : Scan, Analysis
        With study and findings.
    files : sequence of StoredFile
        From `provenance.originals`.
    """
    page = present(scan, analysis, files)
    return Report(
        html=render_to_string("reports/report.html", {"page": page}),
        pictures=tuple(Wanted(picture.name, picture.index) for picture in page.pictures),
        fonts={"text.woff2": str(settings.BASE_DIR / "static" / FONT)},
    )
