"""Sign-in pages and their refusals."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open too long, or not ours."""
    return HttpResponse("This form has expired. Go back, load the page again and send it once more.", status=403, content_type="text/plain")


def locked_out(request: HttpRequest, credentials: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
    """Too many wrong passwords."""
    return HttpResponse("Too many wrong passwords. Wait fifteen minutes, then try again.", status=429, content_type="text/plain")
