"""What happens to an Analysis row, from asking for one to its end. The web's half needs no pixels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from detection import audit, leases, queueing, retry, storage
from detection.models import Analysis, Scan, User
from detection.models.analysis import State, Verdict

if TYPE_CHECKING:
    import numpy as np

    from detection.analysis.ahead import Ahead
    from ml.findings import Findings
    from ml.imaging.volume import Volume

FIRST_WAIT = timedelta(seconds=2)
"""After a temporary error; four times as long after each further one."""

STOPPED_ITS_WORKER = (
    "The analysis was broken off {attempts} times without a result. Tell your administrator if it happens again."
)


class LeaseLost(Exception):
    """Another worker has taken the analysis up: this one's outcome counts no longer."""


class StillRunning(Exception):
    """The scan is being analysed: there is nothing to do again yet. `str(error)` is the sentence."""


@dataclass(frozen=True)
class Model:
    """What analysed: the pipeline's version, the SHA-256 of each weight file, and its thresholds."""

    version: str
    files: dict[str, str]
    thresholds: dict[str, float] = field(default_factory=dict)


@retry.in_transaction
def request_again(*, scan: Scan, actor: User) -> Analysis:
    """Queue another analysis of a scan; the earlier ones stay as they are.

    Raises
    ------
    StillRunning
        While the current one has not ended.
    """
    # The row's lock lets two people, or a double click, make one analysis and not two.
    scan = Scan.objects.select_for_update(of=("self",)).get(pk=scan.pk)
    if scan.current_analysis is not None and not scan.current_analysis.is_finished:
        raise StillRunning("The scan is being analysed at this moment. Wait for its result.")
    analysis = queueing.analyse(scan)
    audit.record(actor, "analysed again", analysis, scan=str(scan.pk))
    return analysis


def claim(*, worker: str, limit: int, tried: bool = False) -> list[Analysis]:
    """Take up due analyses for this worker, oldest first.

    Parameters
    ----------
    worker : str
        The claimer's unique name.
    limit : int
        At most so many.
    tried : bool
        False: those that were never tried. True: one that was tried before and did not end. It comes
        alone, so that one that kills its workers takes no neighbour with it, and only its own
        attempts are counted.
    """
    now = leases.database_now()
    due = Analysis.objects.due(now)
    rows, limit = (due.filter(attempts__gt=0), 1) if tried else (due.filter(attempts=0), limit)
    claimed = leases.claim(rows, worker=worker, limit=limit, state=State.RUNNING, lease=settings.LEASE, now=now)
    if claimed:
        _held(worker, claimed).update(started_at=now, progress=0.0)
    return claimed


def had_its_attempts(analysis: Analysis) -> bool:
    """Whether a claimed analysis used all its attempts up before this one; it is to be parked then."""
    return analysis.attempts > settings.MAX_ATTEMPTS


def park(analysis: Analysis) -> None:
    """End an analysis that broke its workers off as often as it may.

    Raises
    ------
    LeaseLost
        When another worker holds it.
    """
    fail(analysis, STOPPED_ITS_WORKER.format(attempts=settings.MAX_ATTEMPTS))


def report_progress(analysis: Analysis, progress: float) -> None:
    """Write how far an analysis is (0..1); nothing happens if another worker has it by now."""
    _held(analysis.lease_owner, [analysis]).update(progress=min(max(progress, 0.0), 1.0))


def record(
    analysis: Analysis,
    findings: Findings,
    *,
    volume: Volume,
    model: Model,
    milliseconds: int | None = None,
    ahead: Ahead | None = None,
    heat: np.ndarray | None = None,
) -> None:
    """Write what was found. Pictures first, the row after: a row never points at what is not there.

    Safe to repeat. Only the worker that holds the lease may record.

    Parameters
    ----------
    analysis : Analysis
        As claimed; `analysis.lease_owner` is who records.
    findings : ml.findings.Findings
        Of `volume`, one slice for each of its slices.
    volume : ml.imaging.volume.Volume
        The pixels that were analysed, for pictures and geometry.
    model : Model
        What analysed.
    milliseconds : int or None
        From claim to now.
    ahead : Ahead or None
        What draws the slices already; None draws them here.
    heat : ndarray or None
        uint8 (slices, rows, columns), of `ml.attribution`; None where nobody asked for it.

    Raises
    ------
    LeaseLost
        When another worker holds the analysis, or has ended it.
    """
    # Pillow, NumPy and SciPy stay out of the web process, which imports this file too.
    from detection.analysis import pictures, scan_object, voxels
    from detection.analysis.ahead import draw

    if _is_recorded(analysis):
        return
    if not leases.renew(
        Analysis.objects.filter(state=State.RUNNING),
        worker=analysis.lease_owner,
        keys=[analysis.pk],
        lease=settings.LEASE,
    ):
        raise LeaseLost
    refused = findings.verdict.value == Verdict.REFUSED
    drawn = ahead.of(analysis.pk) if ahead else draw(analysis.pk, volume, refused=refused)
    if ahead and refused and volume.channels > 1:
        drawn = draw(analysis.pk, volume, refused=True)  # in its own colours, which nobody knew ahead
    for name, content in itertools.chain(
        pictures.of_findings(drawn.shown, findings), voxels.render(volume, findings, heat, drawn.packed)
    ):
        storage.write_derived(analysis.pk, name, content)
    found = scan_object.of(findings, volume, scan_id=analysis.scan_id, thresholds=model.thresholds)
    _end(
        analysis,
        state=State.REFUSED if found["verdict"] == Verdict.REFUSED else State.DONE,
        progress=1.0,
        milliseconds=milliseconds,
        model_version=model.version,
        weights=model.files,
        verdict=Verdict(findings.verdict.value),
        tumour_probability=found["tumour_probability"],  # as rounded there: two addresses show it
        reason=findings.reason or "",
        findings=found,
    )


def fail(analysis: Analysis, sentence: str) -> None:
    """End an analysis without a result, with the reason as a sentence for the doctor.

    Raises
    ------
    LeaseLost
        When another worker holds it.
    """
    _end(analysis, state=State.FAILED, reason=sentence)


def refuse(analysis: Analysis, sentence: str) -> None:
    """End an analysis because its files can never be read, with the reason as a sentence for the doctor.

    Raises
    ------
    LeaseLost
        When another worker holds it.
    """
    _end(analysis, state=State.REFUSED, verdict=Verdict.REFUSED, progress=1.0, reason=sentence)


def give_back(analysis: Analysis, sentence: str) -> None:
    """Let an analysis that met a temporary error be tried again later; failed, with its sentence, after the last attempt.

    Raises
    ------
    LeaseLost
        When another worker holds it.
    """
    if analysis.attempts >= settings.MAX_ATTEMPTS:
        fail(analysis, sentence)
        return
    wait = FIRST_WAIT * 4 ** (analysis.attempts - 1)
    _requeue(analysis, not_before=leases.database_now() + wait)


def put_back(analysis: Analysis) -> None:
    """Return an analysis untouched, because its worker stops: due at once, and the attempt is not counted.

    Raises
    ------
    LeaseLost
        When another worker holds it.
    """
    _requeue(analysis, attempts=F("attempts") - 1, not_before=None)


def free_leases_of(worker_prefix: str) -> int:
    """Make everything due at once that dead workers, whose names begin so, still hold; returns how many.

    Only who has seen those processes end may call this.
    """
    rows = Analysis.objects.filter(state=State.RUNNING, lease_owner__startswith=worker_prefix)
    return rows.update(lease_until=leases.database_now() - timedelta(seconds=1))


def _held(worker: str, analyses: list[Analysis]) -> Any:
    return Analysis.objects.held_by(worker).filter(pk__in=[analysis.pk for analysis in analyses])


def _is_recorded(analysis: Analysis) -> bool:
    """Whether this very worker has recorded it already: the answer to its write was lost, not the write."""
    ended = Analysis.objects.filter(pk=analysis.pk, lease_owner=analysis.lease_owner, finished_at__isnull=False)
    return ended.exclude(lease_owner="").exists()


@retry.in_transaction
def _end(analysis: Analysis, **values: Any) -> None:
    """The one write that ends a run, and its audit entry, together or not at all."""
    if not _held(analysis.lease_owner, [analysis]).update(
        finished_at=Now(), lease_until=None, not_before=None, **values
    ):
        if _is_recorded(analysis):
            return
        raise LeaseLost
    audit.record(None, "analysis ended", analysis, state=str(values["state"]), attempts=analysis.attempts)
    analysis.refresh_from_db()


@retry.in_transaction
def _requeue(analysis: Analysis, **values: Any) -> None:
    if not _held(analysis.lease_owner, [analysis]).update(
        state=State.QUEUED, lease_owner="", lease_until=None, progress=0.0, **values
    ):
        raise LeaseLost
    analysis.refresh_from_db()
