"""Pictures of an analysis, as files behind its owner's permission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO
from uuid import UUID

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from detection import storage
from detection.models import Scan, User

HOUR = 3600


@require_safe
def image(request: HttpRequest, scan_id: UUID, index: int) -> HttpResponseBase:
    """One slice, upright, 8 bits."""
    return _picture(request, scan_id, f"{index}-image.png")


@require_safe
def mask(request: HttpRequest, scan_id: UUID, index: int) -> HttpResponseBase:
    """One slice's outline as a mask: 0 or 255, of the image's own rows x columns, also when empty."""
    return _picture(request, scan_id, f"{index}-mask.png")


@require_safe
def slice_thumbnail(request: HttpRequest, scan_id: UUID, index: int) -> HttpResponseBase:
    """One slice, small, for the strip."""
    return _picture(request, scan_id, f"{index}-thumbnail.png")


@require_safe
def thumbnail(request: HttpRequest, scan_id: UUID) -> HttpResponseBase:
    """The most telling slice, small, for lists; with its outline, unless pictures come bare here."""
    names = ("thumbnail-outlined.png", "thumbnail.png") if settings.CONFIG.overlay_first else ("thumbnail.png",)
    return _picture(request, scan_id, *names)


def _picture(request: HttpRequest, scan_id: UUID, *names: str) -> HttpResponseBase:
    """A picture of the scan's current analysis, the first of the names that it has; 404 for none, or somebody else.

    Only the person's own browser may keep it. A page names the run it shows (`?run=`), whose pictures
    never change; without that the browser asks each time, because another run may have come.
    """
    user = request.user
    assert isinstance(user, User)  # LoginRequiredMiddleware
    scan = get_object_or_404(Scan.objects.visible_to(user).only("id", "current_analysis_id"), pk=scan_id)
    if scan.current_analysis_id is None:
        raise Http404
    run = str(scan.current_analysis_id)
    etag = f'"{run}"'
    answer: HttpResponseBase
    if request.headers.get("If-None-Match") == etag:
        answer = HttpResponseNotModified()
    else:
        file = _opened(scan.current_analysis_id, names)
        answer = HttpResponse(content_type="image/png") if request.method == "HEAD" else FileResponse(file)
        if request.method == "HEAD":
            file.close()
    answer["Content-Type"] = "image/png"
    answer["ETag"] = etag
    fresh = request.GET.get("run") == run
    answer["Cache-Control"] = f"private, max-age={HOUR}" if fresh else "private, no-cache"
    return answer


def _opened(analysis_id: UUID, names: Sequence[str]) -> IO[bytes]:
    for name in names:
        try:
            return storage.open_derived(analysis_id, name)
        except FileNotFoundError:
            continue  # an older run made fewer
    raise Http404
