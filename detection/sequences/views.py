"""The form beside a result in which a doctor says which sequence the scan is."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from detection.answers import SeeOther
from detection.models import Scan
from detection.models.scan import Sequence
from detection.sequences import services


@require_POST
def correct(request: HttpRequest, scan_id: UUID) -> HttpResponse:
    """Take the correction in and go back to the scan's page, which shows the analysis that follows."""
    assert request.user.is_authenticated  # LoginRequiredMiddleware
    scan = get_object_or_404(Scan.objects.visible_to(request.user), pk=scan_id)
    if not Scan.objects.changeable_by(request.user).filter(pk=scan_id).exists():
        raise PermissionDenied("You may read this scan, but only its owner may correct it.")
    sequence = request.POST.get("sequence", "")
    if sequence and sequence not in Sequence.values:
        raise BadRequest("There is no such sequence. Choose one of the list.")
    try:
        said = services.correct(scan=scan, actor=request.user, sequence=sequence)
        if said:
            messages.info(request, said)
    except services.CannotCorrect as error:
        messages.info(request, str(error))
    return SeeOther(reverse("scan", args=[scan_id]))
