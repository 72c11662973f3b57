"""Addresses for whoever watches over the installation."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from detection.operations import readiness


@require_safe
@never_cache
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """Whether this process is up."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether a scan that is uploaded now would be analysed: each part's state."""
    parts = readiness.parts()
    ready = all(state == readiness.OK for state in parts.values())
    answer = JsonResponse({"status": "ready" if ready else "not ready", **parts}, status=200 if ready else 503)
    # Who asks knows what it means; a line in the log for every time would bury the others.
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer
