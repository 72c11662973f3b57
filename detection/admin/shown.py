"""What the records' lists share: read-only rows, pictures, verdicts, links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from detection import searches, words
from detection.answers import SeeOther
from detection.models import Analysis, Scan
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


class SearchedList(ChangeList):
    """A list whose address names a search by its id; `words` are what is searched for."""

    posts = True

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.words = searches.words_of(request.session, self.query) or self.query


class Searched(ModelAdmin):
    """Search words are posted, so that no address, log or history holds them (they may be a patient's name)."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SearchedList

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        words = searches.words_of(request.session, search_term) or search_term
        return super().get_search_results(request, queryset, words)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "POST" or SEARCH_VAR not in request.POST:
            return super().changelist_view(request, extra_context)
        address = request.GET.copy()
        for name in (PAGE_VAR, SEARCH_VAR):
            address.pop(name, None)
        if found := searches.keep(request.session, request.POST[SEARCH_VAR]):
            address[SEARCH_VAR] = found
        return SeeOther(f"{request.path}?{address.urlencode()}".rstrip("?"))


class RecordAdmin(LookOnly, Searched):
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
    """A probability in the pages' words; a dash where there is none."""
    return NOTHING if probability is None else words.percent(probability)


def thumbnail(scan: Scan, analysis: Analysis | None, side: int = 64) -> str:
    """The small picture that lists show of a scan, through the same door as everybody's.

    Parameters
    ----------
    scan : Scan
        Whose picture it is.
    analysis : Analysis or None
        The run beside whose values it is to stand: a dash for all but the scan's current one, whose picture it is.
    side : int
        Width and height in pixels.
    """
    if analysis is None or analysis.pk != scan.current_analysis_id or not analysis.model_version:
        return NOTHING
    # Attributes only: the content security policy allows no inline style.
    return format_html(
        '<img class="thumbnail" width="{side}" height="{side}" src="{address}" alt="Picture" loading="lazy">',
        side=side,
        address=reverse("scan_thumbnail", args=[scan.pk]),
    )
