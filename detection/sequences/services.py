"""Correcting a scan's sequence: the row keeps who said it and when, and what depends on it is analysed again."""

from __future__ import annotations

from django.utils import timezone

from detection import audit, retry
from detection.models import Analysis, Scan, User
from detection.models.scan import Kind, Sequence
from ml.imaging.grouping import Geometry, fusion


class CannotCorrect(Exception):
    """The sequence cannot be corrected now. `str(error)` is the sentence."""


@retry.in_transaction
def correct(*, scan: Scan, actor: User, sequence: str) -> None:
    """Write a doctor's correction and queue the analyses that it changes.

    Parameters
    ----------
    scan : Scan
        Not a fused one: its parts are corrected.
    actor : User
        Recorded with the time.
    sequence : str
        One of `Sequence`, or empty to go back to what was recognised.

    Raises
    ------
    CannotCorrect
        For a fused scan, and while the scan is being analysed.
    """
    # The row's lock lets two people, or a double click, make one analysis and not two.
    scan = Scan.objects.select_for_update(of=("self",)).select_related("current_analysis").get(pk=scan.pk)
    if scan.is_fused:
        raise CannotCorrect("This scan is made of others. Correct the sequence of those.")
    if scan.current_analysis is not None and not scan.current_analysis.is_finished:
        raise CannotCorrect("The scan is being analysed at this moment. Wait for its result.")
    if sequence == scan.sequence_by_doctor:
        return
    before = scan.known_sequence
    scan.sequence_by_doctor = Sequence(sequence) if sequence else ""
    scan.sequence_corrected_by = actor if sequence else None
    scan.sequence_corrected_at = timezone.now() if sequence else None
    scan.save(update_fields=["sequence_by_doctor", "sequence_corrected_by", "sequence_corrected_at"])
    audit.record(actor, "sequence corrected", scan, was=before, now=scan.known_sequence)
    _analyse(scan)
    _fuse_again(scan)


def _analyse(scan: Scan) -> None:
    scan.current_analysis = Analysis.objects.create(scan=scan)
    scan.opened_at = None
    scan.save(update_fields=["current_analysis", "opened_at"])


def _fuse_again(corrected: Scan) -> None:
    """Make the study's fused scan fit its corrected sequences, or make one where they now belong together.

    A fused scan whose series no longer belong together stays as it is: results are never taken away.
    """
    scans = list(Scan.objects.filter(study=corrected.study_id).select_related("current_analysis").order_by("position"))
    single = [scan for scan in scans if not scan.is_fused]
    found = fusion([(scan.known_sequence, _geometry(scan)) for scan in single])
    if found is None:
        return
    fused = next((scan for scan in scans if scan.is_fused), None)
    parts = [None if index is None else single[index] for index in (found.pre, found.flair, found.post)]
    if fused is None:
        fused = Scan(
            study_id=corrected.study_id, owner_id=corrected.owner_id, position=scans[-1].position + 1, kind=Kind.SERIES
        )
    elif [fused.fused_pre_id, fused.fused_flair_id, fused.fused_post_id] == [part and part.pk for part in parts]:
        return
    elif fused.current_analysis is not None and not fused.current_analysis.is_finished:
        raise CannotCorrect("Scans of this upload are being analysed together at this moment. Wait for their result.")
    fused.fused_pre, fused.fused_flair, fused.fused_post = parts
    fused.geometry = single[found.flair].geometry
    fused.save()
    _analyse(fused)


def _geometry(scan: Scan) -> Geometry | None:
    return None if scan.geometry is None else Geometry.from_json(scan.geometry)
