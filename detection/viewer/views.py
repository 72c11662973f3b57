"""The viewer's addresses: a scan's geometry and voxels, and the measurements on it."""

from __future__ import annotations

import gzip
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    JsonResponse,
)
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from detection import storage
from detection.models import Measurement, Scan, User
from detection.models.measurement import Plane, Tool
from detection.viewer import services, volumes
from detection.viewer.drawings import Drawing, DrawingRefused
from detection.viewer.values import measure

DAY = 24 * 3600
DERIVED = {"voxels": "voxels.gz", "mask": "mask.gz", "heat": "heat.gz"}
GONE = "There are no voxels of this scan yet. Analyse it again to measure on it."


@require_safe
def volume(request: HttpRequest, scan_id: UUID) -> HttpResponseBase:
    """The geometry of the current analysis, with the addresses of its voxels; 404 where there are none."""
    scan = _scan(request, scan_id)
    assert scan.current_analysis_id is not None
    if (answer := _unchanged(request, scan)) is not None:
        return answer
    stored = volumes.load(scan.current_analysis_id)
    if stored is None:
        raise Http404
    run = f"?run={scan.current_analysis_id}"
    described = dict(stored.described)
    described["voxels"] = reverse("scan_voxels", args=[scan.pk]) + run
    for name in ("mask", "heat"):
        described[name] = reverse(f"scan_{name}_voxels", args=[scan.pk]) + run if described[name] else None
    return _cached(JsonResponse(described), request, scan)


@require_safe
def voxels(request: HttpRequest, scan_id: UUID) -> HttpResponseBase:
    """The voxels that are shown."""
    return _derived(request, scan_id, "voxels")


@require_safe
def mask_voxels(request: HttpRequest, scan_id: UUID) -> HttpResponseBase:
    """The outline as voxels, 0 or 1."""
    return _derived(request, scan_id, "mask")


@require_safe
def heat_voxels(request: HttpRequest, scan_id: UUID) -> HttpResponseBase:
    """What the classifier looked at, 0 to 255; 404 where no such file was made."""
    return _derived(request, scan_id, "heat")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def measurements(request: HttpRequest, scan_id: UUID) -> JsonResponse:
    """All measurements of a scan, oldest first, and the steps that this person may undo; POST keeps one more (201)."""
    scan = _scan(request, scan_id)
    stored = _volume_of(scan)
    if request.method != "POST":
        if stored is None:
            return JsonResponse({"measurements": [], "steps": []})
        shown = scan.measurements.shown().select_related("author")
        steps = [{"show": key, "replaces": replaced} for key, replaced in services.steps(scan, _person(request))]
        return JsonResponse({"measurements": [_described(each, request, stored) for each in shown], "steps": steps})
    author = _who_may_measure(request, scan)
    if stored is None:
        return JsonResponse({"error": GONE}, status=409)
    try:
        made = services.draw(Drawing.of(_body(request), stored), scan=scan, author=author)
    except DrawingRefused as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(_described(made, request, stored), status=201)


@never_cache
@require_http_methods(["DELETE", "POST"])
def measurement(request: HttpRequest, scan_id: UUID, measurement_id: UUID) -> JsonResponse:
    """DELETE marks one measurement as removed, POST brings it back; only its author may."""
    scan = _scan(request, scan_id)
    found = get_object_or_404(scan.measurements.select_related("author"), pk=measurement_id)
    if found.author_id != request.user.pk:
        raise PermissionDenied("Only its author may change a measurement.")
    stored = _volume_of(scan)
    if stored is None:
        return JsonResponse({"error": GONE}, status=409)
    act = services.remove if request.method == "DELETE" else services.bring_back
    try:
        changed = act(found, actor=_person(request))
    except DrawingRefused as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(_described(changed, request, stored))


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # LoginRequiredMiddleware
    return request.user


def _scan(request: HttpRequest, scan_id: UUID) -> Scan:
    """A scan that this person may see, once it was analysed; 404 otherwise."""
    scan = get_object_or_404(Scan.objects.visible_to(_person(request)), pk=scan_id)
    if scan.current_analysis_id is None:
        raise Http404
    return scan


def _who_may_measure(request: HttpRequest, scan: Scan) -> User:
    user = _person(request)
    if not Scan.objects.changeable_by(user).filter(pk=scan.pk).exists():
        raise PermissionDenied("You may read this scan, but only its owner may measure on it.")
    return user


def _volume_of(scan: Scan) -> volumes.StoredVolume | None:
    """The geometry that measurements are drawn on: the current run's, else the latest one's that has any."""
    runs = [scan.current_analysis_id, *scan.analyses.order_by("-queued_at").values_list("id", flat=True)[:5]]
    return next((stored for run in runs if run is not None and (stored := volumes.load(run)) is not None), None)


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise DrawingRefused("The drawing is too large.") from None


def _described(row: Measurement, request: HttpRequest, stored: volumes.StoredVolume) -> dict[str, Any]:
    """A measurement as the page draws and lists it."""
    slices = stored.slices.get(Plane(row.plane))
    value = measure(Tool(row.kind), row.points, slices.pixel_mm if slices else None)
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "plane": row.plane,
        "slice": row.slice_index,
        "points": row.points,
        "value": round(value.number, 3),
        "unit": value.unit,
        "text": value.text,
        "assumes_square": value.assumes_square,
        "author": row.author.display_name,
        "mine": row.author_id == request.user.pk,
        "created": row.created_at.isoformat(),
        "removed": row.removed_at is not None,
    }


def _derived(request: HttpRequest, scan_id: UUID, name: str) -> HttpResponseBase:
    """A file as it lies in storage: browsers unpack gzip themselves; whoever cannot is sent it unpacked."""
    scan = _scan(request, scan_id)
    assert scan.current_analysis_id is not None
    if (unchanged := _unchanged(request, scan)) is not None:
        return unchanged
    try:
        file = storage.open_derived(scan.current_analysis_id, DERIVED[name])
    except FileNotFoundError:
        raise Http404 from None
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    if request.method == "HEAD":
        file.close()
        answer: HttpResponseBase = HttpResponse(content_type="application/octet-stream")
    else:
        answer = FileResponse(file if packed else gzip.GzipFile(fileobj=file), content_type="application/octet-stream")
        if not packed:
            # FileResponse took the packed length for the whole.
            del answer["Content-Length"]
    if packed:
        answer["Content-Encoding"] = "gzip"
    patch_vary_headers(answer, ["Accept-Encoding"])
    return _cached(answer, request, scan)


def _unchanged(request: HttpRequest, scan: Scan) -> HttpResponseBase | None:
    if request.headers.get("If-None-Match") != _etag(scan):
        return None
    return _cached(HttpResponseNotModified(), request, scan)


def _cached(answer: HttpResponseBase, request: HttpRequest, scan: Scan) -> HttpResponseBase:
    """Only the person's own browser may keep it; a run that is named (`?run=`) never changes."""
    answer["ETag"] = _etag(scan)
    named = request.GET.get("run") == str(scan.current_analysis_id)
    answer["Cache-Control"] = f"private, max-age={DAY}, immutable" if named else "private, no-cache"
    return answer


def _etag(scan: Scan) -> str:
    return f'"{scan.current_analysis_id}"'
