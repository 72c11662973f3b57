"""What the records' lists share: read-only rows, pictures with their outline, verdicts, links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from detection.models import Analysis
from detection.models.analysis import Verdict

if TYPE_CHECKING:
    # Generic for the type checker only: Django's own classes are not when the program runs.
    ModelAdmin = admin.ModelAdmin[models.Model]
    TabularInline = admin.TabularInline[models.Model, models.Model]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline

NOTHING = "-"
SIGNS = {Verdict.TUMOUR: "\u25b2", Verdict.NO_TUMOUR: "\u25cb", Verdict.UNCERTAIN: "\u25c6", Verdict.REFUSED: "\u25a1"}


class LookOnly:
    """Rows that nobody adds, changes or deletes here: a result is changed by another analysis, and by nothing else."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RecordAdmin(LookOnly, ModelAdmin):
    """A list of records: newest first, counted once."""

    list_per_page = 25
    # The number of all rows is not worth a second count of a large table.
    show_full_result_count = False

    class Media:
        css = {"all": ["css/admin.css"]}


class VersionFilter(admin.AllValuesFieldListFilter):
    """By model version; rows that have none yet have a word too."""

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "None yet"}


def link(row: models.Model | None, text: str) -> str:
    """A link to a row's own page in the admin."""
    if row is None:
        return NOTHING
    return format_html(
        '<a href="{}">{}</a>', reverse(f"admin:detection_{row._meta.model_name}_change", args=[row.pk]), text
    )


def verdict(analysis: Analysis | None) -> str:
    """The verdict as sign and word; the state of the run while there is none."""
    if analysis is None:
        return NOTHING
    if not analysis.verdict:
        return analysis.get_state_display()
    return format_html(
        '<span class="verdict {}"><span aria-hidden="true">{}</span> {}</span>',
        analysis.verdict,
        SIGNS[Verdict(analysis.verdict)],
        analysis.get_verdict_display(),
    )


def percent(probability: float | None) -> str:
    """A probability as `93%`; a dash where there is none. Neither 0% nor 100% is ever claimed."""
    if probability is None:
        return NOTHING
    return "under 1%" if probability < 0.005 else "over 99%" if probability > 0.995 else f"{probability:.0%}"


def masked(phone: str) -> str:
    """A phone number of which only the last three digits are legible."""
    return "\u2022" * max(len(phone) - 3, 0) + phone[-3:]


def telling_slice(findings: dict[str, Any] | None) -> dict[str, Any] | None:
    """The slice that the thumbnail shows: the one with the largest outline, else the likeliest."""
    slices = findings["slices"] if findings else []
    return max(slices, key=lambda s: (s["area_px"] or 0, s["tumour_probability"] or 0.0, -s["index"]), default=None)


def thumbnail(analysis: Analysis | None, side: int = 64) -> str:
    """The scan's small picture with the machine's outline on it, through the same door as everybody's.

    Parameters
    ----------
    analysis : Analysis or None
        The run whose picture it is.
    side : int
        Width and height in pixels.
    """
    if analysis is None or not analysis.findings:
        return NOTHING
    findings = analysis.findings
    rows, columns = findings.get("rows") or 1, findings.get("columns") or 1
    chosen = telling_slice(findings) or {}
    polygons: SafeString = format_html_join(
        "",
        '<polygon points="{}"/>',
        ((" ".join(f"{x},{y}" for x, y in polygon),) for polygon in chosen.get("outline") or []),
    )
    # Attributes only: the content security policy allows no inline style.
    return format_html(
        '<svg class="thumbnail" width="{side}" height="{side}" viewBox="0 0 {columns} {rows}" role="img" aria-label="{words}">'
        '<rect width="{columns}" height="{rows}"/><image href="{address}" width="{columns}" height="{rows}"/>{polygons}</svg>',
        side=side,
        columns=columns,
        rows=rows,
        words="Picture with outline" if polygons else "Picture without outline",
        address=reverse("scan_thumbnail", args=[analysis.scan_id]),
        polygons=polygons,
    )
