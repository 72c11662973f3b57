"""What arrives becomes a Study with its Scans, or nothing at all."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from detection import audit, queueing, retry, storage
from detection.models import Delivery, Scan, StoredFile, Study, User
from detection.models.delivery import Recipient
from detection.models.scan import Kind
from detection.uploads import names
from detection.uploads.handlers import MEGABYTE, StreamedFile
from ml.imaging import intake
from ml.imaging.errors import UploadRefused
from ml.imaging.grouping import Fusion
from ml.imaging.intake import Plan, PlannedScan, Sent
from ml.imaging.limits import Limits

LEFT_OUT = "Left out"
LEFT_OUT_WHY = "No images, copies, or named as masks."
DATABASE_PATIENCE = 20.0
"""Seconds that an upload whose COMMIT was not answered waits to learn whether it is recorded."""


@dataclass(frozen=True)
class SmsRequest:
    """A text message that the uploader asks for; `phone` in E.164 form."""

    phone: str
    recipient: Recipient
    consent: bool


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
    folders: Sequence[int | None] = (),
) -> Study:
    """Check, de-identify, store and record one upload.

    Parameters
    ----------
    owner : User
        Whose study it becomes.
    files : sequence of StreamedFile
        In the order chosen; still closed by the caller.
    patient_reference : str
        A pseudonym; where it is empty, the one that this patient has with this owner already, else a fresh one.
    sms : SmsRequest or None
        A message that waits until it may go out.
    as_series : bool
        Whether pictures are the slices of one series. Files named `*_mask.*` are left out then,
        as `python -m ml predict FOLDER` leaves them out.
    folders : sequence of int or None
        Which chosen folder each file came from, None for those chosen by themselves; empty for none at all.

    Returns
    -------
    Study
        With its scans queued for analysis. What became no scan is told in `set_aside`.

    Raises
    ------
    UploadRefused
        With a sentence and a status of 400, 413 or 415. No row and no file is left then.
    """
    work = Path(tempfile.mkdtemp(prefix="upload-", dir=settings.FILE_UPLOAD_TEMP_DIR))
    keys: list[str] = []
    study: Study | None = None
    try:
        plan = _planned(files, folders, work, as_series=as_series)
        study = _study(owner, patient_reference, plan)
        scans = [_kept(study, place, planned, keys, work) for place, planned in enumerate(plan.scans)]
        storage.make_durable(keys)
        if plan.fusion is not None:
            scans.append((_fused(study, plan.fusion, [scan for scan, _ in scans]), []))
        _record(study, scans, sms, left_out=plan.left_out)
    except retry.DatabaseTrouble:
        # The answer to a COMMIT can be lost and its rows be there. Where nobody can tell, asking raises:
        # all bytes stay then, and the next start settles it (operations/incoming.py).
        if study is None or not _is_recorded(study):
            _undo(work, keys)
            raise
    except BaseException:
        _undo(work, keys)
        raise
    shutil.rmtree(work, ignore_errors=True)
    return study


def _is_recorded(study: Study) -> bool:
    rows = Study.objects.filter(pk=study.pk)
    return retry.through_restarts(rows.exists, seconds=DATABASE_PATIENCE)


def _undo(work: Path, keys: list[str]) -> None:
    """A file without its row is nobody's. Stored ones first: `work` tells the next start of them."""
    storage.discard(keys)
    shutil.rmtree(work, ignore_errors=True)


def _planned(files: Sequence[StreamedFile], folders: Sequence[int | None], work: Path, *, as_series: bool) -> Plan:
    """Have the sandbox open every file and say what becomes of it."""
    sent_names = [file.name or "" for file in files]
    known = folders if len(folders) == len(files) else [None] * len(files)
    sent = [Sent(file.path, name, folder) for file, name, folder in zip(files, sent_names, known, strict=True)]
    try:
        return intake.take_in(sent, work=work, key=settings.PSEUDONYM_KEY, as_series=as_series, limits=limits())
    except UploadRefused as refusal:
        if refusal.index is None or len(files) == 1:
            raise
        named = f"{names.cleaned(sent_names[refusal.index])}: {refusal.sentence}"
        raise UploadRefused(named, refusal.status, index=refusal.index) from None


def _study(owner: User, reference: str, plan: Plan) -> Study:
    set_aside = [asdict(aside) for aside in plan.set_aside]
    if plan.left_out:
        set_aside.append({"label": LEFT_OUT, "files": plan.left_out, "reason": LEFT_OUT_WHY})
    return Study(
        owner=owner,
        patient_reference=reference or _reference_of(owner, plan.pseudonym),
        patient_pseudonym=plan.pseudonym,
        acquired_on=plan.acquired_on,
        set_aside=set_aside,
    )


def _reference_of(owner: User, pseudonym: str) -> str:
    """What this owner calls the patient already, else a fresh reference."""
    if pseudonym:
        earlier = Study.objects.filter(owner=owner, patient_pseudonym=pseudonym).order_by("-created_at", "-id")
        for reference in earlier.values_list("patient_reference", flat=True)[:1]:
            return reference
    reference = names.pseudonym()
    while Study.objects.filter(patient_reference=reference).exists():
        reference = names.pseudonym()
    return reference


def _kept(
    study: Study, position: int, planned: PlannedScan, keys: list[str], work: Path
) -> tuple[Scan, list[StoredFile]]:
    """Store one scan's bytes; rows come after. Each stored key is added to `keys` at once."""
    scan = Scan(
        study=study,
        owner=study.owner,
        position=position,
        kind=Kind(planned.kind),
        series_uid=planned.series_uid,
        sequence=planned.sequence,
        geometry=None if planned.geometry is None else planned.geometry.to_json(),
    )
    storage.note_started(work, scan.id)
    stored: list[StoredFile] = []
    for place, file in enumerate(planned.files):
        file_id = uuid.uuid4()
        kept = storage.keep_original(file.path, scan.id, file_id)
        keys.append(kept.key)
        file.path.unlink(missing_ok=True)  # an examination need not lie on the disk three times
        stored.append(
            StoredFile(
                id=file_id,
                scan=scan,
                position=place,
                key=kept.key,
                original_name=names.cleaned(file.name),
                format=file.facts.format,
                bytes=kept.bytes,
                sha256=kept.sha256,
                sha256_received=file.sha256_received,
                rows=file.facts.rows or None,
                columns=file.facts.columns or None,
            )
        )
    return scan, stored


def _fused(study: Study, fusion: Fusion, scans: Sequence[Scan]) -> Scan:
    """The scan whose channels are others of the study; it has no files of its own."""
    return Scan(
        study=study,
        owner=study.owner,
        position=len(scans),
        kind=Kind.SERIES,
        fused_pre=None if fusion.pre is None else scans[fusion.pre],
        fused_flair=scans[fusion.flair],
        fused_post=None if fusion.post is None else scans[fusion.post],
        geometry=scans[fusion.flair].geometry,
    )


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
        queueing.analyse(scan)
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
