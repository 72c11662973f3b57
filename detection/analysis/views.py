"""Asking for another analysis."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from detection.analysis import services
from detection.answers import SeeOther
from detection.models import Scan


@require_POST
def analyse_again(request: HttpRequest, scan_id: UUID) -> HttpResponse:
    """Queue another analysis of an own scan, and go back to its page, which shows it coming."""
    assert request.user.is_authenticated  # LoginRequiredMiddleware
    scan = get_object_or_404(Scan.objects.visible_to(request.user), pk=scan_id)
    if not Scan.objects.changeable_by(request.user).filter(pk=scan_id).exists():
        raise PermissionDenied("You may read this scan, but only its owner may have it analysed again.")
    try:
        services.request_again(scan=scan, actor=request.user)
    except services.StillRunning as error:
        messages.info(request, str(error))
    return SeeOther(reverse("scan", args=[scan_id]))
