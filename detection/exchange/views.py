"""Handing results out."""

from __future__ import annotations

import os
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from detection.exchange import formats, maker, orders, services
from detection.models import Scan, User

TRY_AGAIN_AFTER = "30"


@never_cache
@require_safe
def export(request: HttpRequest, scan_id: UUID, name: str) -> HttpResponseBase:
    """One result in one format; 409 with the reason where this scan has none, 503 while too many are made."""
    user = request.user
    assert isinstance(user, User)  # LoginRequiredMiddleware
    scan = get_object_or_404(Scan.objects.visible_to(user).with_result(), pk=scan_id)
    format = formats.FORMATS.get(name)
    if format is None:
        raise Http404
    analysis = scan.current_analysis
    reason = formats.why_none(scan, analysis)
    if analysis is None or reason:
        return _refused(request, scan, reason or formats.UNFINISHED, 409)
    reason = format.missing(formats.case_of(analysis, formats.referred(scan)))
    if reason:
        return _refused(request, scan, reason, 409)
    if request.method == "HEAD":
        return _named(HttpResponse(content_type=format.content_type), scan, format)
    try:
        file = maker.make(orders.order(scan, analysis, format))
    except maker.NotMade as error:
        return _refused(request, scan, str(error), 409)
    except maker.Busy as error:
        answer = _refused(request, scan, str(error), 503)
        answer["Retry-After"] = TRY_AGAIN_AFTER
        return answer
    except maker.Broke as error:
        return _refused(request, scan, str(error), 500)
    size = os.fstat(file.fileno()).st_size
    services.record_export(scan=scan, analysis=analysis, actor=user, format=name, bytes=size)
    made = FileResponse(file, content_type=format.content_type)
    made["Content-Length"] = str(size)
    return _named(made, scan, format)


def _named(answer: HttpResponseBase, scan: Scan, format: formats.Format) -> HttpResponseBase:
    """Ids alone make the file's name: it ends up in other people's folders."""
    answer["Content-Disposition"] = f'attachment; filename="{scan.pk}-{format.name}"'
    return answer


def _refused(request: HttpRequest, scan: Scan, sentence: str, status: int) -> HttpResponse:
    context = {"title": "Not taken out", "sentence": sentence, "back": reverse("scan", args=[scan.pk])}
    return render(request, "errors/refused.html", context, status=status)
