"""What the result page asks of the database, and the earlier scans of a patient."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Case, Exists, OuterRef, Q, When
from django.utils import timezone

from detection import leases
from detection.models import Analysis, Scan, StoredFile, User, Worker
from detection.models.analysis import State
from detection.models.scan import PARTS, Kind
from detection.models.worker import Purpose
from detection.scans.comparison import Basis, taken_on

SIGN_OF_LIFE = timedelta(seconds=30)
MOST_EARLIER = 30
MOST_SUPERSEDED = 20
"""Unread scans that are looked through for one that still holds."""
ENDED = (State.DONE, State.REFUSED, State.FAILED)


def uploaded_before(scan: Scan) -> Scan | None:
    """The latest earlier scan of the same owner with an identical file, in another study; None if there is none."""
    hashes = StoredFile.objects.filter(scan=scan).values("sha256")
    same = StoredFile.objects.filter(
        sha256__in=hashes, scan__owner=scan.owner_id, scan__created_at__lte=scan.created_at
    )
    file = same.exclude(scan__study=scan.study_id).select_related("scan").order_by("-scan__created_at").first()
    return None if file is None else file.scan


def ahead_of(analysis: Analysis) -> int:
    """How many queued analyses are before a queued one."""
    if analysis.state != State.QUEUED:
        return 0
    return Analysis.objects.filter(state=State.QUEUED, queued_at__lt=analysis.queued_at).count()


def worker_is_alive(analysis: Analysis) -> bool:
    """Whether somebody is there to analyse; asked only where a queued analysis has waited for a while."""
    if analysis.state != State.QUEUED or timezone.now() - analysis.queued_at < SIGN_OF_LIFE:
        return True
    within = max(SIGN_OF_LIFE, timedelta(seconds=settings.CONFIG.lease_seconds))
    return Worker.objects.filter(purpose=Purpose.ANALYSIS).alive(leases.database_now(), within).exists()


def mark_opened(scan: Scan, user: User) -> None:
    """Note the first time that the owner opened an ended result."""
    if scan.owner_id != user.pk or scan.opened_at is not None:
        return
    if scan.current_analysis is None or not scan.current_analysis.is_finished:
        return
    Scan.objects.filter(Q(pk=scan.pk), opened_at__isnull=True).update(opened_at=timezone.now())


def next_unread(scan: Scan, user: User) -> Scan | None:
    """The scan that its owner, working down the list, has to read after this one; None where none is left.

    The next older ended one that the owner has not opened, else the newest. Nobody else has such a list: who opened a
    scan is known of its owner only.
    """
    if scan.owner_id != user.pk:
        return None
    older = Q(created_at__lt=scan.created_at) | Q(created_at=scan.created_at, id__lt=scan.id)
    unread = (
        Scan.objects.filter(owner=user, opened_at__isnull=True, current_analysis__state__in=ENDED)
        .exclude(pk=scan.pk)
        .select_related("study", *PARTS)
        .annotate(passed=Case(When(older, then=0), default=1))
        .order_by("passed", "-created_at", "-id")[:MOST_SUPERSEDED]
    )
    return next((each for each in unread if not each.is_superseded), None)


def earlier_scans(scan: Scan, user: User) -> list[tuple[Scan, Basis]]:
    """Finished series of the same patient from before a scan, that a person may see: the latest first, of one day the like first.

    The same patient: the files carry the same number, or the same owner typed the same reference.
    Scans of the same upload, and the same files uploaded twice, are no earlier visits.
    """
    study = scan.study
    by_reference = Q(study__owner=study.owner_id, study__patient_reference=study.patient_reference)
    if study.patient_pseudonym:
        # Two studies that both name a patient, and not the same one, are never joined by a typed reference.
        by_reference &= Q(study__patient_pseudonym="")
        same = by_reference | Q(study__patient_pseudonym=study.patient_pseudonym)
    else:
        same = by_reference
    copies = StoredFile.objects.filter(
        scan=OuterRef("pk"), sha256__in=StoredFile.objects.filter(scan=scan).values("sha256")
    )
    found = (
        Scan.objects.visible_to(user)
        .filter(same, kind=Kind.SERIES, current_analysis__state=State.DONE)
        .exclude(study=study)
        .exclude(Exists(copies))
        .with_result()
        .defer("current_analysis__findings")
        .order_by("-created_at", "-id")[: 4 * MOST_EARLIER]
    )
    place = (taken_on(scan)[0], scan.created_at)
    before = [each for each in found if (taken_on(each)[0], each.created_at) < place and not each.is_superseded]
    before.sort(key=lambda each: (taken_on(each)[0], _is_alike(each, scan), each.created_at), reverse=True)
    pseudonym = study.patient_pseudonym
    return [
        (each, "pseudonym" if pseudonym and each.study.patient_pseudonym == pseudonym else "reference")
        for each in before[:MOST_EARLIER]
    ]


def _is_alike(one: Scan, other: Scan) -> bool:
    """Whether two series are of one sequence, so that their outlines mean the same."""
    return (one.is_fused, one.known_sequence) == (other.is_fused, other.known_sequence)
