"""What arrives becomes a Study with its Scans, or nothing at all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from detection import audit, retry, storage
from detection.models import Analysis, Delivery, Scan, StoredFile, Study, User
from detection.models.delivery import Recipient
from detection.models.scan import Kind
from detection.uploads import names
from detection.uploads.handlers import MEGABYTE, StreamedFile
from ml.imaging import sandbox
from ml.imaging.errors import UploadRefused
from ml.imaging.gather import is_left_out, natural_order
from ml.imaging.headers.facts import FileFacts
from ml.imaging.limits import Limits

PICTURES = frozenset({"png", "jpeg", "tiff", "webp", "bmp"})


@dataclass(frozen=True)
class SmsRequest:
    """A text message that the uploader asks for; `phone` in E.164 form."""

    phone: str
    recipient: Recipient
    consent: bool


@dataclass(frozen=True)
class Arrival:
    """One uploaded file: where it lies for the moment, its cleaned name, and what is in it."""

    path: Path
    name: str
    facts: FileFacts


def limits() -> Limits:
    """This installation's limits, for the sandbox."""
    config = settings.CONFIG
    return Limits(
        max_bytes=config.max_upload_mb * MEGABYTE,
        max_total_bytes=config.max_study_mb * MEGABYTE,
        max_files=config.max_upload_files,
    )


def receive(
    *,
    owner: User,
    files: Sequence[StreamedFile],
    patient_reference: str = "",
    sms: SmsRequest | None = None,
    as_series: bool = False,
) -> Study:
    """Check, store and record one upload.

    Parameters
    ----------
    owner : User
        Whose study it becomes.
    files : sequence of StreamedFile
        In the order chosen; still closed by the caller.
    patient_reference : str
        A pseudonym; one is made where it is empty.
    sms : SmsRequest or None
        A message that waits until it may go out.
    as_series : bool
        Whether the files are the slices of one series. Files named `*_mask.*` are left out then,
        as `python -m ml predict FOLDER` leaves them out.

    Returns
    -------
    Study
        With its scans queued for analysis.

    Raises
    ------
    UploadRefused
        With a sentence and a status of 400, 413 or 415. No row and no file is left then.
    """
    chosen = [file for file in files if not (as_series and is_left_out(names.cleaned(file.name or "")))]
    together = _scans(_looked_at(chosen), as_series=as_series)
    study = Study(owner=owner, patient_reference=patient_reference or _fresh_reference())
    keys: list[str] = []
    try:
        scans = [_kept(study, place, arrivals, as_series, keys) for place, arrivals in enumerate(together)]
        _record(study, scans, sms, left_out=len(files) - len(chosen))
    except BaseException:
        # Whatever went wrong, a file without its row is nobody's.
        storage.discard(keys)
        raise
    return study


def _looked_at(files: Sequence[StreamedFile]) -> list[Arrival]:
    """Open every file in the sandbox."""
    paths = [file.path for file in files]
    shown = [names.cleaned(file.name or "") for file in files]
    try:
        facts = sandbox.inspect(paths, limits())
    except UploadRefused as refusal:
        if refusal.index is None or len(files) == 1:
            raise
        named = f"{shown[refusal.index]}: {refusal.sentence}"
        raise UploadRefused(named, refusal.status, index=refusal.index) from None
    arrivals = [Arrival(*each) for each in zip(paths, shown, facts, strict=True)]
    for index, arrival in enumerate(arrivals):
        if arrival.facts.format == "dicom":
            raise UploadRefused(
                "DICOM files carry names, and this version cannot remove them yet. Export the series as PNG or NIfTI.",
                415,
                index=index,
            )
        if arrival.facts.format == "zip":
            raise UploadRefused("Zip archives are not taken yet. Unpack it and choose the folder.", 415, index=index)
    return arrivals


def _scans(arrivals: list[Arrival], *, as_series: bool) -> list[list[Arrival]]:
    """Which files make which scan: each its own, or all of them the slices of one."""
    if not as_series:
        return [[arrival] for arrival in arrivals]
    if len(arrivals) > 1:
        if any(arrival.facts.format not in PICTURES for arrival in arrivals):
            raise UploadRefused("A NIfTI file is a whole series. Upload it without “slices of one series”.")
        if len({(arrival.facts.rows, arrival.facts.columns) for arrival in arrivals}) > 1:
            raise UploadRefused(
                "The pictures differ in size, so they are not slices of one series. Upload them as single pictures."
            )
    return [sorted(arrivals, key=lambda arrival: natural_order(arrival.name))]


def _fresh_reference() -> str:
    reference = names.pseudonym()
    while Study.objects.filter(patient_reference=reference).exists():
        reference = names.pseudonym()
    return reference


def _kept(
    study: Study, position: int, arrivals: Sequence[Arrival], as_series: bool, keys: list[str]
) -> tuple[Scan, list[StoredFile]]:
    """Store one scan's bytes; rows come after. Each stored key is added to `keys` at once."""
    series = as_series or arrivals[0].facts.is_series
    scan = Scan(study=study, owner=study.owner, position=position, kind=Kind.SERIES if series else Kind.IMAGE)
    stored: list[StoredFile] = []
    for place, arrival in enumerate(arrivals):
        file_id = uuid.uuid4()
        kept = storage.keep_original(arrival.path, scan.id, file_id)
        keys.append(kept.key)
        stored.append(
            StoredFile(
                id=file_id,
                scan=scan,
                position=place,
                key=kept.key,
                original_name=arrival.name,
                format=arrival.facts.format,
                bytes=kept.bytes,
                sha256=kept.sha256,
                rows=arrival.facts.rows or None,
                columns=arrival.facts.columns or None,
            )
        )
    return scan, stored


@retry.in_transaction
def _record(
    study: Study, scans: Sequence[tuple[Scan, Sequence[StoredFile]]], sms: SmsRequest | None, *, left_out: int
) -> None:
    """All rows of one upload, together or not at all. Safe to repeat: the ids are made beforehand."""
    study.full_clean()
    study.save(force_insert=True)
    for scan, stored in scans:
        scan.current_analysis = None
        scan.save(force_insert=True)
        StoredFile.objects.bulk_create(stored)
        scan.current_analysis = Analysis.objects.create(scan=scan)
        scan.save(update_fields=["current_analysis"])
    if sms is not None:
        _record_delivery(study, sms)
    audit.record(
        study.owner,
        "uploaded",
        study,
        scans=len(scans),
        files=sum(len(stored) for _, stored in scans),
        left_out=left_out,
    )


def _record_delivery(study: Study, sms: SmsRequest) -> None:
    delivery = Delivery(study=study, recipient=sms.recipient, phone=sms.phone)
    if sms.consent:
        delivery.consented_at, delivery.consent_recorded_by = timezone.now(), study.owner
        audit.record(study.owner, "consent recorded", study, delivery=str(delivery.id))
    # The form has checked the number; the field would not let an example number through.
    delivery.full_clean(exclude=["phone"])
    delivery.save(force_insert=True)
