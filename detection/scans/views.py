"""The list, a scan's result, a study, and the help page."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe

from detection import provenance, searches
from detection.answers import SeeOther
from detection.models import Analysis, Scan, Study, User
from detection.models.analysis import State
from detection.scans import comparison, listing, queries, rows, studies, verdicts
from detection.scans.listing import Choice
from detection.scans.presentation import present


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # LoginRequiredMiddleware
    return request.user


def _scan(user: User, scan_id: UUID) -> Scan:
    """A scan that this person may see; anybody else's does not exist."""
    return get_object_or_404(Scan.objects.visible_to(user).with_result(), pk=scan_id)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def scans(request: HttpRequest) -> HttpResponse:
    """The scans that a person may see, newest first; the search form is posted and answered by an address without words."""
    if request.method == "POST":
        chosen = Choice.of(request.POST, search=searches.keep(request.session, request.POST.get("q", "")))
        return SeeOther(f"{reverse('scans')}?{chosen.query()}".rstrip("?"))
    search = request.GET.get("search", "")
    words = searches.words_of(request.session, search)
    choice = Choice.of(request.GET, search=search if words else "", words=words)
    page = listing.page(_person(request), choice)
    listed = rows.rows(page.scans)
    context = {
        "nav": "scans",
        "page": page,
        "choice": choice,
        "rows": listed,
        "tabs": [(choice.query(tab=key), label, number, key == choice.tab) for key, label, number in page.tabs],
        "verdicts": listing.VERDICTS,
        "states": {key: label for key, (label, _) in listing.STATES.items()},
        "periods": {key: label for key, (label, _) in listing.PERIODS.items()},
        "in_progress": any(row.in_progress for row in listed),
    }
    return render(request, "scans/list.html", context)


@gzip_page
@never_cache
@require_safe
def scan(request: HttpRequest, scan_id: UUID) -> HttpResponse:
    """The result page; while the analysis runs it waits for it and then shows it."""
    user = _person(request)
    found = _scan(user, scan_id)
    analysis = found.current_analysis or Analysis(scan=found)
    queries.mark_opened(found, user)
    files = provenance.originals(found)
    wanted = request.GET.get("slice", "")
    page = present(
        found,
        analysis,
        verdict=_verdict(analysis, found),
        deliveries=list(found.study.deliveries.all()),
        files=files,
        slice_number=int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else None,
    )
    earlier, change = _change(found, user, request.GET.get("earlier", ""))
    siblings = list(found.study.scans.order_by("position").values_list("id", "current_analysis__state"))
    context = {
        "nav": "scans",
        "scan": found,
        "study": found.study,
        "analysis": analysis,
        "page": page,
        "files": files,
        "earlier": comparison.choices(earlier, change.earlier.scan) if change else [],
        "change": change,
        "next_unread": queries.next_unread(found, user),
        "duplicate_of": queries.uploaded_before(found),
        "place": found.position + 1,
        "of": len(siblings),
        "finished": all(state not in State.unfinished() and state is not None for _, state in siblings),
        "may_change": user.is_superuser or found.owner_id == user.pk,
        "runs": list(found.analyses.defer("findings", "weights")),
    }
    return render(request, "scans/result.html", context)


@never_cache
@require_safe
def status(request: HttpRequest, scan_id: UUID) -> JsonResponse:
    """How far the analysis is (contracts.md)."""
    found = get_object_or_404(
        Scan.objects.visible_to(_person(request)).with_result().defer("current_analysis__findings"), pk=scan_id
    )
    analysis = found.current_analysis or Analysis(scan=found)
    block = None if analysis.is_finished else _verdict(analysis, found)
    return JsonResponse(
        {
            "state": analysis.state,
            "progress": round(analysis.progress, 3),
            "verdict": analysis.verdict or None,
            "tumour_probability": analysis.tumour_probability,
            "sentence": block.spoken if block else None,
            "reason": analysis.reason or None,
            "superseded": found.is_superseded,
        }
    )


@gzip_page
@never_cache
@require_safe
def result(request: HttpRequest, scan_id: UUID) -> JsonResponse:
    """The scan object of `python -m ml predict` (contracts.md), with addresses for paths; 409 while there is none."""
    found = _scan(_person(request), scan_id)
    analysis = found.current_analysis
    if analysis is None or not analysis.findings:
        state = analysis.state if analysis else State.QUEUED
        sentence = (analysis.reason if analysis else "") or "The analysis has not ended yet."
        return JsonResponse({"state": state, "error": sentence}, status=409)
    scan_object = dict(analysis.findings)
    scan_object["input"] = str(found.id)
    scan_object["slices"] = [
        {**each, "mask": reverse("slice_mask", args=[found.id, each["index"]])} for each in scan_object["slices"]
    ]
    scan_object["model"] = {"version": analysis.model_version, "files": analysis.weights}
    scan_object["analysis"] = str(analysis.id)
    scan_object["superseded"] = found.is_superseded
    files = provenance.originals(found)
    scan_object["identity"] = provenance.identity(found, analysis, files)
    scan_object["originals"] = provenance.described(files)
    return JsonResponse(scan_object)


@never_cache
@require_safe
def compared(request: HttpRequest, scan_id: UUID) -> JsonResponse:
    """The scan beside an earlier one of the same patient: `?earlier=ID`, else the latest one; and which there are."""
    user = _person(request)
    found = _scan(user, scan_id)
    wanted = request.GET.get("earlier", "")
    earlier, change = _change(found, user, wanted)
    if wanted and (change is None or str(change.earlier.scan.pk) != wanted):
        raise Http404
    described = [
        {"scan": str(each.pk), "date": day.isoformat(), "dated_by": by, "same_patient_by": basis}
        for each, basis in earlier
        for day, by in [comparison.taken_on(each)]
    ]
    return JsonResponse(
        {"scan": str(found.pk), "earlier_scans": described, "comparison": change.to_json() if change else None}
    )


@never_cache
@require_safe
def study(request: HttpRequest, study_id: UUID) -> HttpResponse:
    """All scans of one upload, its text messages, and its release."""
    user = _person(request)
    found = get_object_or_404(Study.objects.visible_to(user).select_related("owner", "released_by"), pk=study_id)
    cards = studies.cards(listing.with_row(found.scans.all()).order_by("position"))
    listed = [card.row for card in cards]
    context = {
        "nav": "scans",
        "study": found,
        "cards": cards,
        "set_aside": studies.set_aside(found),
        "deliveries": rows.messages(found),
        "of": len(listed),
        "finished": not any(row.in_progress for row in listed),
        "in_progress": any(row.in_progress for row in listed),
        "may_change": user.is_superuser or found.owner_id == user.pk,
    }
    return render(request, "scans/study.html", context)


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """How to read a result."""
    return render(request, "scans/help.html", {"nav": "help"})


def _change(
    found: Scan, user: User, wanted: str
) -> tuple[list[tuple[Scan, comparison.Basis]], comparison.Comparison | None]:
    """The patient's earlier scans, and this one beside the wanted one of them, else beside the latest."""
    if found.current_analysis is None or not comparison.is_comparable(found, found.current_analysis):
        return [], None
    earlier = queries.earlier_scans(found, user)
    if not earlier:
        return [], None
    chosen, basis = next((each for each in earlier if str(each[0].pk) == wanted), earlier[0])
    return earlier, comparison.compare(_scan(user, chosen.pk), found, basis)


def _verdict(analysis: Analysis, scan: Scan) -> verdicts.VerdictBlock:
    if scan.is_superseded and analysis.is_finished:
        return verdicts.superseded()
    return verdicts.verdict(analysis, ahead=queries.ahead_of(analysis), worker_alive=queries.worker_is_alive(analysis))
