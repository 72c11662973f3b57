"""A scan's rows as ready sentences and numbers for its printed report. Nothing here asks the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from detection import lesions, limits, provenance, words
from detection.models import Analysis, Scan, StoredFile
from detection.models.analysis import Verdict
from detection.models.scan import Kind
from ml.imaging.writers.marks import BANNER

RARER = "Where tumours are rarer than among them, more alarms are false."
NOT_VERIFIED = "It is a program's proposal. No doctor has verified it, and it was not corrected by hand."
MOST_PICTURES = 3
MOST_LESIONS = 6
MOST_WARNINGS = 6
MOST_HASHES = 6
"""More would not fit on two pages; the zip has all of them."""


@dataclass(frozen=True)
class KeyPicture:
    """One slice that the report shows.

    Attributes:
        name: in the HTML.
        index: of the slice, from 0.
        caption: what it shows.
        alt: the same for who cannot see it.
        edges: letters at the left, right, upper and lower edge, or None where the sides are not known.
    """

    name: str
    index: int
    caption: str
    alt: str
    edges: tuple[str, str, str, str] | None


@dataclass(frozen=True)
class ReportPage:
    """Everything that the report says."""

    mark: str
    reference: str
    scan_id: str
    about: tuple[tuple[str, str], ...]
    verdict: str
    verdict_lines: tuple[str, ...]
    heads: dict[str, str]
    pictures: tuple[KeyPicture, ...]
    pictures_note: str
    is_series: bool
    columns: tuple[str, ...]
    lesions: tuple[lesions.LesionRow, ...]
    lesions_note: str
    together: str
    not_listed: str
    lesions_foot: tuple[str, ...]
    warnings: tuple[str, ...]
    cannot: tuple[str, ...]
    origin: tuple[tuple[str, str], ...]
    hashes: tuple[tuple[str, str], ...]
    made: datetime | None


def present(scan: Scan, analysis: Analysis, files: Sequence[StoredFile]) -> ReportPage:
    """The report of a run that has an answer.

    Parameters
    ----------
    scan, analysis : Scan, Analysis
        With study and findings.
    files : sequence of StoredFile
        The originals, from `provenance.originals`.
    """
    found = analysis.findings
    assert found is not None
    assert analysis.tumour_probability is not None
    verdict = words.answer(Verdict(analysis.verdict), analysis.tumour_probability, analysis.reason)
    rows = [row for row in lesions.lesion_rows(found) if not row.small]
    return ReportPage(
        mark=BANNER,
        reference=scan.study.patient_reference,
        scan_id=str(scan.pk),
        about=_about(scan, found, files),
        verdict=str(verdict),
        verdict_lines=(*verdict.sub[:-1], f"{verdict.sub[-1]} {RARER}"),
        heads={**limits.HEADS, "lesions": limits.lesions_head(found)},
        pictures=_pictures(found),
        pictures_note=_pictures_note(found),
        is_series=found["kind"] == Kind.SERIES,
        columns=tuple(cell.head for cell in rows[0].cells) if rows else (),
        lesions=tuple(rows[:MOST_LESIONS]),
        lesions_note=_lesions_note(found),
        together=lesions.together(found),
        not_listed=_not_listed(found, len(rows)),
        lesions_foot=lesions.foot(found),
        warnings=_warnings(found),
        cannot=limits.cannot(found),
        origin=_origin(scan, analysis, files),
        hashes=_hashes(analysis, files),
        made=analysis.finished_at,
    )


def _about(scan: Scan, found: dict[str, Any], files: Sequence[StoredFile]) -> tuple[tuple[str, str], ...]:
    kind = "One picture"
    if found["kind"] == Kind.SERIES:
        kind = f"Series of {words.count(len(found['slices']), 'slice')}"
    spacing = found.get("spacing_mm")
    size = "Not computable: no pixel spacing"
    if spacing:
        size = words.stated_millimetres(spacing["row"], spacing["column"])
        if spacing.get("between_slices"):
            size += f", slices {words.stated_millimetres(spacing['between_slices'])} apart"
    if scan.is_fused:
        kind += f", fused from {'three' if all(scan.part_ids) else 'two'} series"
    rows = [
        ("Scan", kind),
        ("Sequence", scan.known_sequence or found.get("sequence") or "Not stated"),
        ("Pixel spacing", size),
        ("Sides", "Known from the file" if found.get("orientation") else "Not known: left and right may be swapped"),
    ]
    if scan.study.acquired_on:
        rows.insert(0, ("Examined", f"{scan.study.acquired_on:%d %b %Y}".lstrip("0")))
    return tuple(rows)


def _pictures(found: dict[str, Any]) -> tuple[KeyPicture, ...]:
    """The slices on which the largest lesions are largest; without a lesion a likely one, else the middle."""
    numbers: dict[int, list[int]] = {}
    for number, lesion in enumerate(found["lesions"], 1):
        if lesions.is_small(found, lesion):
            continue
        numbers.setdefault(int(lesion.get("largest_slice", lesion["slices"][0])), []).append(number)
    if not numbers:
        likeliest = lesions.telling_slice(found)
        numbers[len(found["slices"]) // 2 if likeliest is None else likeliest] = []
    count = len(found["slices"])
    orientation = found.get("orientation")
    edges = lesions.edge_letters(orientation) if orientation else None
    one = "lesion" if found["kind"] == Kind.SERIES else "area"
    doubt = " (in doubt)" if lesions.in_doubt(found) else ""
    pictures = []
    for place, (index, shown) in enumerate(list(numbers.items())[:MOST_PICTURES]):
        where = f"Slice {index + 1} of {count}" if count > 1 else "The picture"
        what = "nothing outlined"
        if shown:
            named = [(number, found["lesions"][number - 1]) for number in shown]
            what = "; ".join(
                f"{one} {number}{doubt}, {_area(lesion.get('area_mm2'), lesion['largest_area_px'])}"
                for number, lesion in named
            )
            whole = found["slices"][index]
            # Smaller ones and parts of others may lie on the slice as well.
            if sum(lesion["largest_area_px"] for _, lesion in named) != whole["area_px"]:
                what += f"; {_area(whole.get('area_mm2'), whole['area_px'])} outlined in all"
        chance = found["slices"][index]["tumour_probability"]
        caption = f"{where}: {what}" + ("" if chance is None else f", probability {words.percent(chance)}")
        pictures.append(KeyPicture(f"key-{place}.png", index, f"{caption}.", f"MRI slice. {caption}.", edges))
    return tuple(pictures)


def _area(mm2: float | None, px: int) -> str:
    return words.pixels(px) if mm2 is None else words.square_millimetres(mm2)


def _pictures_note(found: dict[str, Any]) -> str:
    known = found.get("orientation")
    sides = "The letters say which side of the patient an edge is." if known else "Sides not known. No R or L is shown."
    white = "a broken white line (in doubt)" if lesions.in_doubt(found) else "a white line"
    drawn = f"The outline is {white} within a black one; its number is the list's."
    return f"{sides} {drawn} {NOT_VERIFIED}" if found["lesions"] else sides


def _lesions_note(found: dict[str, Any]) -> str:
    return lesions.note(found) if found["lesions"] else "Nothing is outlined."


def _not_listed(found: dict[str, Any], count: int) -> str:
    """What the table leaves out, of `count` lesions that are not small."""
    more = f"{count - MOST_LESIONS} more like these" if count > MOST_LESIONS else ""
    left_out = " and ".join(part for part in (more, lesions.small_ones(found)) if part)
    return f"Not listed here: {left_out}. The scan's page and the zip have them all." if left_out else ""


def _warnings(found: dict[str, Any]) -> tuple[str, ...]:
    """Those of the page, after what is missing from the numbers; no more than there is room for."""
    spacing = found.get("spacing_mm")
    warnings = list(limits.warnings(found))
    if not spacing:
        warnings.insert(0, "Millimetres and millilitres: not computable, no pixel spacing.")
    elif found["kind"] == Kind.SERIES and spacing.get("between_slices") is None:
        warnings.insert(0, "Volumes: not computable, the slices have no even distance.")
    if len(warnings) > MOST_WARNINGS:
        more = words.count(len(warnings) - MOST_WARNINGS, "more note")
        warnings[MOST_WARNINGS:] = [f"The scan's page has {more}."]
    return tuple(warnings)


def _origin(scan: Scan, analysis: Analysis, files: Sequence[StoredFile]) -> tuple[tuple[str, str], ...]:
    return (
        ("Scan", str(scan.pk)),
        ("Analysis", str(analysis.pk)),
        ("Originals", f"{words.count(len(files), 'file')}, {sum(file.bytes for file in files):,} bytes"),
        ("Model", analysis.model_version),
        ("Brainscan", provenance.software_version()),
    )


def _hashes(analysis: Analysis, files: Sequence[StoredFile]) -> tuple[tuple[str, str], ...]:
    """What SHA-256 is of what."""
    rows = [(name, value) for name, value in sorted(analysis.weights.items())]
    if len(files) == 1:
        return (("Original, as received", provenance.received(files[0])), *rows)
    whole = ("Scan: of its files' SHA-256 in order, one a line", provenance.sha256_of(files))
    each = [(f"Original {number}", provenance.received(file)) for number, file in enumerate(files, 1)]
    return (whole, *(each if len(files) <= MOST_HASHES else ()), *rows)
