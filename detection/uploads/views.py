"""The upload page."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from detection.answers import SeeOther, page_of
from detection.models import Study, User
from detection.uploads import services
from detection.uploads.forms import NewScanForm
from detection.uploads.handlers import StreamedFile
from ml.imaging import sandbox
from ml.imaging.errors import UploadRefused


@require_http_methods(["GET", "HEAD", "POST"])
def new_scan(request: HttpRequest) -> HttpResponse:
    """Show the upload form, or take one upload in: 303 to its scan or study, else the form with the reason.

    A script that accepts JSON alone (our own `<upload-drop>`) gets `{"location"}` with 201, or
    `{"errors": {field: sentence}}` with 400, 413 or 415.
    """
    user = request.user
    if not isinstance(user, User) or not user.may_upload:
        raise PermissionDenied("Reviewers read results and upload none.")
    if request.method != "POST":
        sandbox.get_ready()  # it starts while a person chooses files
        return render(request, "uploads/new_scan.html", _page(NewScanForm(initial={"recipient": "clinician"})))
    form = NewScanForm(request.POST)
    try:
        refused: UploadRefused | None = getattr(request, "upload_refused", None)
        if refused is not None:
            raise refused
        if not form.is_valid():
            return _refusal(request, form, None)
        files = [file for file in request.FILES.getlist("files") if isinstance(file, StreamedFile)]
        study = services.receive(
            owner=user,
            files=files,
            patient_reference=form.cleaned_data["patient_reference"],
            sms=form.sms(),
            as_series=form.cleaned_data["as_series"],
            folders=form.cleaned_data["folders"],
        )
    except UploadRefused as refusal:
        form.is_valid()
        return _refusal(request, form, refusal)
    return _taken_in(request, study)


def _taken_in(request: HttpRequest, study: Study) -> HttpResponse:
    for entry in study.set_aside:
        if entry["label"] == services.LEFT_OUT:
            count = entry["files"]
            messages.info(request, f"{count} {'file' if count == 1 else 'files'} left out. {entry['reason']}")
        else:
            messages.info(request, f"{entry['label']}{' set aside' if entry['files'] else ''}. {entry['reason']}")
    address = page_of(study)
    if _wants_json(request):
        return JsonResponse({"location": address}, status=201)
    return SeeOther(address)


def _refusal(request: HttpRequest, form: NewScanForm, refusal: UploadRefused | None) -> HttpResponse:
    status = 400 if refusal is None else refusal.status
    if _wants_json(request):
        errors = {field: str(sentences[0]) for field, sentences in form.errors.items()}
        if refusal is not None:
            errors["files"] = refusal.sentence
        return JsonResponse({"errors": errors, "index": refusal.index if refusal else None}, status=status)
    return render(request, "uploads/new_scan.html", _page(form, refusal), status=status)


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


def _page(form: NewScanForm, refusal: UploadRefused | None = None) -> dict[str, object]:
    return {"nav": "upload", "form": form, "refusal": refusal, "limits": settings.CONFIG}
