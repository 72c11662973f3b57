"""A scan's rows as ready sentences and numbers for its result page. Nothing here asks the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detection import lesions, limits
from detection.lesions import LesionRow
from detection.models import Analysis, Delivery, Scan, StoredFile
from detection.models.analysis import State, Verdict
from detection.models.scan import Kind
from detection.models.scan import Sequence as MrSequence
from detection.scans import words
from detection.scans.verdicts import VerdictBlock, slice_thresholds, thresholds
from detection.scans.words import StateWord


@dataclass(frozen=True)
class Slice:
    """One slice for strip and viewer; `number` counts from 1, `bar` is the probability's height of 36."""

    index: int
    number: int
    source: str
    chance: str
    bar: float
    above: bool
    area: str
    paths: tuple[str, ...]

    @property
    def bar_top(self) -> float:
        """Where the bar begins: it stands on the ground."""
        return round(36 - self.bar, 1)


@dataclass(frozen=True)
class Picture:
    """What the viewer shows first, and what it may say about it.

    `edges` are the letters at the left, right, upper and lower edge, or None where the sides are not known.
    """

    rows: int
    columns: int
    current: Slice
    edges: tuple[str, str, str, str] | None
    column_mm: float | None
    alt: str


@dataclass(frozen=True)
class ResultPage:
    """Everything that the result page says.

    `likeliest` is the number of the slice that a series without a lesion opens on, where one scored more than nothing.
    """

    verdict: VerdictBlock
    picture: Picture | None
    slices: tuple[Slice, ...]
    likeliest: int | None
    line_share: float | None
    line_text: str
    checks: tuple[tuple[str, str], ...]
    lesions: tuple[LesionRow, ...]
    small_lesions: tuple[LesionRow, ...]
    small_note: str
    together: str
    lesions_note: str
    lesions_foot: tuple[str, ...]
    in_doubt: bool
    heads: dict[str, str]
    warnings: tuple[str, ...]
    cannot: tuple[str, ...]
    provenance: tuple[tuple[str, str, str], ...]
    messages: tuple[tuple[StateWord, Delivery], ...]


def present(
    scan: Scan,
    analysis: Analysis,
    *,
    verdict: VerdictBlock,
    deliveries: Sequence[Delivery] = (),
    files: Sequence[StoredFile] = (),
    slice_number: int | None = None,
) -> ResultPage:
    """The result page of a scan.

    Parameters
    ----------
    scan, analysis : Scan, Analysis
        The scan and its current run, findings loaded.
    verdict : VerdictBlock
        From `verdicts.verdict`.
    deliveries, files : sequences
        The study's messages and the scan's originals, in order.
    slice_number : int or None
        The slice asked for, from 1; the most telling one where it is None or no slice of the scan.
    """
    found = analysis.findings if analysis.state in (State.DONE, State.REFUSED) else None
    limit = slice_thresholds(analysis)
    slices = _slices(found, limit)
    rows = lesions.lesion_rows(found) if found else ()
    likeliest = lesions.telling_slice(found) if found else None
    return ResultPage(
        verdict=verdict,
        picture=_picture(found, slices, slice_number) if found and slices else None,
        slices=slices,
        likeliest=None if likeliest is None else likeliest + 1,
        line_share=None if limit is None else round(36 - 36 * limit[1], 1),
        line_text="" if limit is None else f"{words.plain(round(limit[1] * 100, 1))}%",
        checks=_checks(scan, found) if found else (),
        lesions=tuple(row for row in rows if not row.small),
        small_lesions=tuple(row for row in rows if row.small),
        small_note=lesions.small_ones(found) if found else "",
        together=lesions.together(found) if found else "",
        lesions_note=lesions.note(found) if found else "",
        lesions_foot=lesions.foot(found) if found else (),
        in_doubt=lesions.in_doubt(found) if found else False,
        heads={**limits.HEADS, "lesions": limits.lesions_head(found)} if found else limits.HEADS,
        warnings=limits.warnings(found) if found else (),
        cannot=limits.cannot(found) if found and found["verdict"] != Verdict.REFUSED else (),
        provenance=_provenance(scan, analysis, files),
        messages=tuple((words.delivery_state(delivery), delivery) for delivery in deliveries),
    )


def svg_paths(outline: Sequence[Sequence[Sequence[float]]]) -> tuple[str, ...]:
    """Closed polygons of [x, y] as one SVG path each."""
    return tuple("M" + "L".join(f"{x:g} {y:g}" for x, y in polygon) + "Z" for polygon in outline if len(polygon) > 2)


def _slices(found: dict[str, Any] | None, limit: tuple[float, float] | None) -> tuple[Slice, ...]:
    if not found:
        return ()
    slices = []
    for each in found["slices"]:
        share = each["tumour_probability"]
        mm2 = f" ({words.square_millimetres(each['area_mm2'])})" if each.get("area_mm2") else ""
        slices.append(
            Slice(
                index=each["index"],
                number=each["index"] + 1,
                source=each["source"],
                chance="no probability" if share is None else words.percent(share),
                bar=0.0 if share is None else round(36 * share, 1),
                above=share is not None and limit is not None and share >= limit[1],
                area=f"{words.pixels(each['area_px'])}{mm2}" if each["area_px"] else "",
                paths=svg_paths(each.get("outline") or ()),
            )
        )
    return tuple(slices)


def _picture(found: dict[str, Any], slices: tuple[Slice, ...], number: int | None) -> Picture:
    index = _most_telling(found) if number is None or not 1 <= number <= len(slices) else number - 1
    current = slices[index]
    orientation, spacing = found.get("orientation"), found.get("spacing_mm")
    what = f"Slice {current.number} of {len(slices)}" if len(slices) > 1 else "The picture"
    outlined = f", {current.area} outlined" if current.area else ", nothing outlined"
    return Picture(
        rows=found.get("rows") or 256,
        columns=found.get("columns") or 256,
        current=current,
        edges=lesions.edge_letters(orientation) if orientation else None,
        column_mm=spacing["column"] if spacing else None,
        alt=f"{what}, tumour probability {current.chance}{outlined}",
    )


def _most_telling(found: dict[str, Any]) -> int:
    """The slice to open on: where the largest lesion is largest, else a likely one, else the middle."""
    if found["lesions"]:
        return int(found["lesions"][0].get("largest_slice", found["lesions"][0]["slices"][0]))
    likeliest = lesions.telling_slice(found)
    return len(found["slices"]) // 2 if likeliest is None else likeliest


def _checks(scan: Scan, found: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """What is known about the input: `check` or `warn`, and a sentence."""
    sequence, spacing = found.get("sequence"), found.get("spacing_mm")
    if scan.is_fused:
        channels = {"T1": scan.fused_pre_id, "FLAIR": scan.fused_flair_id, "T1 with contrast": scan.fused_post_id}
        checks = [("check", " + ".join(name for name, source in channels.items() if source))]
    else:
        known = dict(MrSequence.choices).get(sequence or "")
        checks = [("check", known) if known else ("info", "Sequence not stated")]
    if spacing:
        size = f"Spacing {words.stated_millimetres(spacing['row'], spacing['column'])}"
        between = spacing.get("between_slices")
        checks.append(("check", f"{size}, slices {words.stated_millimetres(between)} apart" if between else size))
    else:
        checks.append(("warn", "No spacing, so no millimetres"))
    if found["kind"] == Kind.IMAGE:
        checks.append(("warn", "One picture, so no volume"))
    else:
        checks.append(("check", words.count(len(found["slices"]), "slice")))
    known = found.get("orientation")
    checks.append(("check", "Sides known from the file") if known else ("warn", "Sides not known"))
    return tuple(checks)


def _provenance(scan: Scan, analysis: Analysis, files: Sequence[StoredFile]) -> tuple[tuple[str, str, str], ...]:
    """Label, text, and the whole of what is shortened."""
    rows: list[tuple[str, str, str]] = []
    if analysis.model_version:
        rows.append(("Model", analysis.model_version, ""))
    rows += [
        ("Weights", f"{name}, sha256 {words.shortened(sha)}", sha) for name, sha in sorted(analysis.weights.items())
    ]
    of_slices = slice_thresholds(analysis) if scan.kind == Kind.SERIES else None
    for label, pair in (("Thresholds", thresholds(analysis)), ("Slice thresholds", of_slices)):
        if pair is not None:
            low, high = (words.plain(round(limit * 100, 1)) for limit in pair)
            rows.append((label, f"nothing below {low}%, suspicious from {high}%", ""))
    if analysis.milliseconds is not None:
        rows.append(("Time taken", words.seconds(analysis.milliseconds), ""))
    return tuple(rows)
