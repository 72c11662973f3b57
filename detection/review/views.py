"""The Release button."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from detection.answers import SeeOther, page_of
from detection.models import Study, User
from detection.review import services


@require_POST
def release_study(request: HttpRequest, study_id: UUID) -> HttpResponse:
    """Release a study, and go back to its scan, or to the study where it has several; 409 where there is nothing to release."""
    user = request.user
    assert isinstance(user, User)  # LoginRequiredMiddleware
    study = get_object_or_404(Study.objects.visible_to(user), pk=study_id)
    if not Study.objects.changeable_by(user).filter(pk=study_id).exists():
        raise PermissionDenied("You may read this study, but only its owner may release it.")
    try:
        released = services.release(study=study, actor=user)
    except services.CannotRelease as error:
        context = {"title": "Not released", "sentence": str(error), "back": reverse("study", args=[study_id])}
        return render(request, "errors/refused.html", context, status=409)
    messages.success(request, "Released." if released else "It was released before. Nothing has changed.")
    return SeeOther(page_of(study))
