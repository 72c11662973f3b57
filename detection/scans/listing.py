"""The list of scans: work lists, search, filters, and paging by keyset."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from detection.models import Delivery, Scan, StoredFile, User
from detection.models.analysis import State, Verdict
from detection.models.delivery import WITHDRAWN, DeliveryState
from detection.models.scan import PARTS

PAGE = 25
ENDED = (State.DONE, State.REFUSED, State.FAILED)

_failed_message = Exists(
    Delivery.objects.filter(study=OuterRef("study"), state=DeliveryState.FAILED).exclude(reason=WITHDRAWN)
)
TABS: dict[str, tuple[str, Q]] = {
    "": ("All", Q()),
    "to-read": ("To read", Q(current_analysis__state__in=ENDED, opened_at__isnull=True)),
    "attention": ("Needs attention", Q(current_analysis__state__in=(State.FAILED, State.REFUSED)) | Q(_failed_message)),
    "released": ("Released", Q(study__released_at__gte=F("current_analysis__queued_at"))),
}
NOTHING = {
    "to-read": ("Nothing to read", "Every result has been opened."),
    "attention": ("Nothing needs attention", "No analysis failed, no scan was refused, and no text message was lost."),
    "released": ("Nothing released", "A result stands here from the moment that a doctor releases it."),
}
"""What a work list says while nothing is in it."""
STATES: dict[str, tuple[str, Q]] = {
    "": ("any", Q()),
    "running": ("in progress", Q(current_analysis__state__in=State.unfinished())),
    "done": ("answered", Q(current_analysis__state=State.DONE)),
    "refused": ("refused", Q(current_analysis__state=State.REFUSED)),
    "failed": ("failed", Q(current_analysis__state=State.FAILED)),
}
VERDICTS = {
    "": "any",
    Verdict.TUMOUR.value: "suspicious",
    Verdict.NO_TUMOUR.value: "nothing above threshold",
    Verdict.UNCERTAIN.value: "uncertain",
    Verdict.REFUSED.value: "refused",
}
PERIODS: dict[str, tuple[str, timedelta | None]] = {
    "": ("any time", None),
    "day": ("24 hours", timedelta(days=1)),
    "week": ("7 days", timedelta(days=7)),
    "month": ("30 days", timedelta(days=30)),
}


@dataclass(frozen=True)
class Cursor:
    """A place in the list: the row that a page ends at, by the list's order."""

    created_at: datetime
    id: uuid.UUID

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a cursor from an address; None where it is none, so that a broken link shows the first page."""
        moment, _, key = text.partition("_")
        try:
            created_at, scan_id = parse_datetime(moment), uuid.UUID(key)
        except ValueError:
            return None
        if created_at is None or timezone.is_naive(created_at):
            return None
        return cls(created_at, scan_id)

    @classmethod
    def of(cls, scan: Scan) -> Self:
        """The place of a row."""
        return cls(scan.created_at, scan.id)

    def __str__(self) -> str:
        return f"{self.created_at.isoformat().replace('+00:00', 'Z')}_{self.id}"

    @property
    def older(self) -> Q:
        """Rows after this place: the list runs from new to old."""
        return Q(created_at__lt=self.created_at) | Q(created_at=self.created_at, id__lt=self.id)

    @property
    def newer(self) -> Q:
        """Rows before this place."""
        return Q(created_at__gt=self.created_at) | Q(created_at=self.created_at, id__gt=self.id)


@dataclass(frozen=True)
class Choice:
    """What the person asked to see. Anything that is no choice counts as none.

    `search` names the search in an address, `words` is what is searched for.
    """

    tab: str = ""
    search: str = ""
    words: str = ""
    verdict: str = ""
    state: str = ""
    period: str = ""
    after: Cursor | None = None
    before: Cursor | None = None

    @classmethod
    def of(cls, query: Mapping[str, str], *, search: str = "", words: str = "") -> Self:
        """From an address' query or a form's fields, and the search that the session knows."""

        def one_of(name: str, choices: Mapping[str, Any]) -> str:
            value = query.get(name, "")
            return value if value in choices else ""

        return cls(
            tab=one_of("tab", TABS),
            search=search,
            words=words,
            verdict=one_of("verdict", VERDICTS),
            state=one_of("state", STATES),
            period=one_of("uploaded", PERIODS),
            after=Cursor.parse(query.get("after", "")),
            before=Cursor.parse(query.get("before", "")),
        )

    @property
    def is_filtered(self) -> bool:
        """Whether rows are left out by search or filter (a tab is no filter)."""
        return bool(self.words or self.verdict or self.state or self.period)

    @property
    def nothing(self) -> tuple[str, str]:
        """Head and sentence for a list without a row."""
        if self.is_filtered or self.tab not in NOTHING:
            return "No scan matches", "Nothing in this list fits the search and the filters."
        return NOTHING[self.tab]

    def query(self, **changed: str) -> str:
        """The address' query for the same choice with something changed; paging starts again."""
        chosen = {"tab": self.tab, "search": self.search, "verdict": self.verdict, "state": self.state}
        chosen |= {"uploaded": self.period} | changed
        return urlencode({key: value for key, value in chosen.items() if value})

    def applied_to(self, scans: QuerySet[Scan]) -> QuerySet[Scan]:
        """The scans that match, tab included, in no particular order."""
        scans = scans.filter(TABS[self.tab][1]).filter(STATES[self.state][1])
        if self.verdict:
            scans = scans.filter(current_analysis__verdict=self.verdict)
        since = PERIODS[self.period][1]
        if since is not None:
            scans = scans.filter(created_at__gte=timezone.now() - since)
        return scans.filter(self._found()) if self.words else scans

    def _found(self) -> Q:
        names = StoredFile.objects.filter(scan=OuterRef("pk"), original_name__icontains=self.words)
        found = Q(study__patient_reference__icontains=self.words) | Q(Exists(names))
        try:
            key = uuid.UUID(self.words)
        except ValueError:
            return found
        return found | Q(pk=key) | Q(study=key)


@dataclass(frozen=True)
class Page:
    """One page of the list, and the way on from it."""

    scans: list[Scan]
    newer: str = ""
    older: str = ""
    total: int = 0
    tabs: list[tuple[str, str, int]] = field(default_factory=list)


def page(user: User, choice: Choice) -> Page:
    """The page that a person asked for, in a constant number of queries.

    Parameters
    ----------
    user : User
        Who looks; sees own scans only, unless a reviewer or administrator.
    choice : Choice
        What is asked for.
    """
    visible = Scan.objects.visible_to(user)
    matching = choice.applied_to(visible)
    rows = with_row(matching)
    if choice.before is not None:
        scans = list(rows.filter(choice.before.newer).order_by("created_at", "id")[: PAGE + 1])
        more_newer, more_older = len(scans) > PAGE, True
        scans = scans[:PAGE][::-1]
    else:
        if choice.after is not None:
            rows = rows.filter(choice.after.older)
        scans = list(rows.order_by("-created_at", "-id")[: PAGE + 1])
        more_newer, more_older = choice.after is not None, len(scans) > PAGE
        scans = scans[:PAGE]
    counted = visible.aggregate(
        **{f"tab{i}": Count("pk", filter=tab[1] or None) for i, tab in enumerate(TABS.values())}
    )
    tabs = [(key, TABS[key][0], counted[f"tab{i}"]) for i, key in enumerate(TABS)]
    total = matching.count() if choice.is_filtered else next(number for key, _, number in tabs if key == choice.tab)
    return Page(
        scans=scans,
        newer=choice.query(before=str(Cursor.of(scans[0]))) if scans and more_newer else "",
        older=choice.query(after=str(Cursor.of(scans[-1]))) if scans and more_older else "",
        total=total,
        tabs=tabs,
    )


def with_row(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    """With everything that a row shows, but not the findings, which may be large."""
    files = StoredFile.objects.filter(scan=OuterRef("pk")).order_by().values("scan").annotate(n=Count("pk")).values("n")
    return (
        scans.select_related("study", "study__released_by", "owner", "current_analysis", *PARTS)
        .defer("current_analysis__findings", "current_analysis__weights")
        .annotate(file_count=Coalesce(Subquery(files), 0))
        .prefetch_related(
            Prefetch("files", queryset=StoredFile.objects.filter(position=0), to_attr="first_files"),
            "study__deliveries",
        )
    )
