"""Asking for a message once more, and taking one back."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from detection.answers import SeeOther, page_of
from detection.models import Delivery, Study, User
from detection.sms import services


@require_POST
def send_again(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    """Queue a message that was not sent, and go back to its scan, or to the study where it has several."""
    delivery, user = _changeable(request, delivery_id)
    try:
        services.send_again(delivery=delivery, actor=user)
    except services.NotParked as error:
        messages.info(request, str(error))
    else:
        messages.success(request, "The message is on its way again.")
    return SeeOther(page_of(delivery.study))


@require_POST
def withdraw(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    """Take a waiting message back, and go back likewise."""
    delivery, user = _changeable(request, delivery_id)
    try:
        services.withdraw(delivery=delivery, actor=user)
    except services.NotWaiting as error:
        messages.info(request, str(error))
    else:
        messages.success(request, "The message is withdrawn.")
    return SeeOther(page_of(delivery.study))


def _changeable(request: HttpRequest, delivery_id: UUID) -> tuple[Delivery, User]:
    user = request.user
    assert isinstance(user, User)  # LoginRequiredMiddleware
    visible = Delivery.objects.filter(study__in=Study.objects.visible_to(user))
    delivery = get_object_or_404(visible.select_related("study"), pk=delivery_id)
    if not Study.objects.changeable_by(user).filter(pk=delivery.study_id).exists():
        raise PermissionDenied("You may read this study, but only its owner may change its messages.")
    return delivery, user
