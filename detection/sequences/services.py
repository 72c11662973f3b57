"""Correcting a scan's sequence: the row keeps who said it and when, and what depends on it is analysed again."""

from __future__ import annotations

from django.utils import timezone

from detection import audit, queueing, retry
from detection.models import Scan, Study, User
from detection.models.scan import PARTS, Kind, Sequence
from ml.imaging.grouping import Geometry, fusion

FUSED = "It now belongs with other series of this upload: they are analysed together as scan {}."
FUSED_ANEW = "Scan {} is made of other series now, and analysed again."
SUPERSEDED = "Scan {} was fused with this series and is no longer current. Its result stays on record."
CURRENT_AGAIN = "Scan {}, fused with this series, is current."


class CannotCorrect(Exception):
    """The sequence cannot be corrected now. `str(error)` is the sentence."""


@retry.in_transaction
def correct(*, scan: Scan, actor: User, sequence: str) -> str:
    """Write a doctor's correction and queue the analyses that it changes.

    Parameters
    ----------
    scan : Scan
        Not a fused one: its parts are corrected.
    actor : User
        Recorded with the time.
    sequence : str
        One of `Sequence`, or empty to go back to what was recognised.

    Returns
    -------
    str
        What becomes of the upload's fused scan, as a sentence; empty where nothing does.

    Raises
    ------
    CannotCorrect
        For a fused scan, and while the scan, or a fused one that it changes, is being analysed.
    """
    # The rows' locks let two people, or a double click, make one analysis and one fused scan, and not two.
    Study.objects.select_for_update().get(pk=scan.study_id)
    scan = Scan.objects.select_for_update(of=("self",)).select_related("current_analysis").get(pk=scan.pk)
    if scan.is_fused:
        raise CannotCorrect("This scan is made of others. Correct the sequence of those.")
    if scan.current_analysis is not None and not scan.current_analysis.is_finished:
        raise CannotCorrect("The scan is being analysed at this moment. Wait for its result.")
    if sequence == scan.sequence_by_doctor:
        return ""
    before = scan.known_sequence
    scan.sequence_by_doctor = Sequence(sequence) if sequence else ""
    scan.sequence_corrected_by = actor if sequence else None
    scan.sequence_corrected_at = timezone.now() if sequence else None
    scan.save(update_fields=["sequence_by_doctor", "sequence_corrected_by", "sequence_corrected_at"])
    audit.record(actor, "sequence corrected", scan, was=before, now=scan.known_sequence)
    queueing.analyse(scan)
    return _fuse_again(scan) if scan.known_sequence != before else ""


def _fuse_again(corrected: Scan) -> str:
    """Make the study's fused scan fit its corrected sequences, or make one where they now belong together.

    A fused scan whose series no longer belong together keeps its parts and its result, as a record: from then on it
    `is_superseded`, and no page shows it as current.
    """
    scans = list(
        Scan.objects.filter(study=corrected.study_id).select_related("current_analysis", *PARTS).order_by("position")
    )
    single = [scan for scan in scans if not scan.is_fused]
    fused = next((scan for scan in scans if scan.is_fused), None)
    is_part = fused is not None and corrected.pk in fused.part_ids
    found = fusion([(scan.known_sequence, _geometry(scan)) for scan in single])
    if found is None:
        if fused is None or not is_part:
            return ""
        _must_rest(fused)
        return SUPERSEDED.format(fused.position + 1)
    parts = [None if index is None else single[index] for index in (found.pre, found.flair, found.post)]
    said = FUSED_ANEW
    if fused is None:
        said = FUSED
        fused = Scan(
            study_id=corrected.study_id, owner_id=corrected.owner_id, position=scans[-1].position + 1, kind=Kind.SERIES
        )
    elif fused.part_ids == tuple(part and part.pk for part in parts):
        return CURRENT_AGAIN.format(fused.position + 1) if is_part else ""
    else:
        _must_rest(fused)
    fused.fused_pre, fused.fused_flair, fused.fused_post = parts
    fused.geometry = single[found.flair].geometry
    fused.save()
    queueing.analyse(fused)
    return said.format(fused.position + 1)


def _must_rest(fused: Scan) -> None:
    if fused.current_analysis is not None and not fused.current_analysis.is_finished:
        raise CannotCorrect("Scans of this upload are being analysed together at this moment. Wait for their result.")


def _geometry(scan: Scan) -> Geometry | None:
    return None if scan.geometry is None else Geometry.from_json(scan.geometry)
