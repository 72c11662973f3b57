"""The analysis worker: claim rows, decode, run the models on all of them together, record each.

The only module of the application that runs the networks. What goes wrong with one scan is that scan's:
a batch that breaks is run again one by one, a temporary error is tried again later, and an analysis that
kills its workers is parked after so many attempts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from django.conf import settings
from django.db import connection

from detection import leases, retry, storage
from detection.analysis import services
from detection.analysis.ahead import Ahead
from detection.analysis.decoder import Decoder, DecoderStopped
from detection.bell import Bell
from detection.heartbeat import Heartbeat
from detection.models import Analysis, Scan, StoredFile
from detection.models.analysis import State
from detection.models.scan import Kind
from detection.models.worker import Purpose
from ml.imaging.errors import ImagingError, UploadRefused
from ml.imaging.fuse import fuse
from ml.imaging.sequence_check import CONTRADICTED
from ml.imaging.volume import Volume

if TYPE_CHECKING:
    import numpy as np

    from ml.findings import Findings

log = logging.getLogger(__name__)

SHORTEST_WAIT, LONGEST_WAIT = 0.05, 0.25
"""Seconds between two looks for work: short while there is some, longer when there has been none."""

LONGEST_ANALYSIS = 1800.0
"""Seconds without progress after which a worker ends itself."""

DATABASE_PATIENCE = 300.0
"""Seconds that a finished result waits for a database that is away."""

GRACE = 3.0
"""Seconds that a worker which is told to stop still computes, to finish what is nearly done."""

MOST_VOXELS = 48_000_000
"""Pixels x channels that are held in memory at once for one run of the models."""

BETWEEN_REPORTS = 0.25
"""Seconds between two writes of one analysis' progress."""

DECODED = 0.1
"""Progress of an analysis whose pixels are in memory; the models take it from there to nearly 1."""

STORAGE_AWAY = "The stored file could not be read. Try again; if it fails again, tell your administrator."
TECHNICAL = "The analysis failed for a technical reason. Try again; if it fails again, tell your administrator."


class Pipeline(Protocol):
    """What the worker needs of `ml.pipeline.Pipeline`."""

    version: str
    files: dict[str, str]

    def __call__(
        self, volumes: Sequence[Volume], *, batch: int = 16, progress: Callable[[int, float], None] | None = None
    ) -> list[Findings]:
        """The findings of each volume, in order."""


Explain = Callable[[Volume], "np.ndarray"]


class Stopping(Exception):
    """The worker was told to stop while it computed."""


@dataclass
class Job:
    """One claimed analysis with its pixels."""

    analysis: Analysis
    volume: Volume


class AnalysisWorker:
    """Takes analyses up until it is told to stop.

    Parameters
    ----------
    load : callable
        Loads and warms the models: `ml.pipeline.Pipeline.load`. Called once.
    explain : callable or None
        Gives the attribution map of a volume: an `ml.attribution.Attribution`. None where nobody asked for maps.
    """

    def __init__(self, load: Callable[[], Pipeline], explain: Explain | None = None) -> None:
        self.name = leases.worker_name("analysis")
        self._load = load
        self._explain = explain
        self._stop_at: float | None = None
        self._pipeline: Pipeline
        self._decoder: Decoder
        self._heartbeat: Heartbeat
        self._claimed_at = 0.0
        self._loading = self._reading = False

    def stop(self) -> None:
        """Called by a signal's handler: finish what is nearly done, give the rest back, and return from `run`."""
        if self._stop_at is None:
            self._stop_at = time.monotonic() + GRACE
            if self._reading:
                self._decoder.abandon()
            if self._loading:
                raise SystemExit(0)  # there is nothing to finish, and TensorFlow takes seconds to import

    def run(self, *, drain: bool = False) -> None:
        """Work until `stop`; with `drain`, only until nothing is due."""
        rows = Analysis.objects.filter(state=State.RUNNING)
        heartbeat = Heartbeat(
            name=self.name, purpose=Purpose.ANALYSIS, rows=rows, lease=settings.LEASE, longest=LONGEST_ANALYSIS
        )
        with Decoder() as self._decoder, heartbeat as self._heartbeat, Bell() as bell:
            if self._stop_at is None:
                self._loading = True
                self._pipeline = self._load()
                self._loading = False
                retry.through_restarts(lambda: heartbeat.ready(self._pipeline.version), seconds=DATABASE_PATIENCE)
                log.info("Ready: models %s.", self._pipeline.version)
            wait = SHORTEST_WAIT
            while self._stop_at is None:
                # Those tried before come one at a time, and in turn with the fresh ones, so that neither starves.
                fresh, again = self._look(tried=False), self._look(tried=True)
                worked = fresh or again
                if drain and not worked:
                    return
                wait = SHORTEST_WAIT if worked else min(wait * 1.2, LONGEST_WAIT)
                if not worked:
                    bell.wait(wait)

    def _look(self, *, tried: bool) -> bool:
        """Take up what is due and work on it; False when there was nothing, or no database to ask."""
        if self._stop_at is not None:
            return False
        try:
            batch = services.claim(worker=self.name, limit=settings.WORKER_BATCH, tried=tried)
        except retry.DatabaseTrouble as error:
            log.warning("No work taken up: the database did not answer (%s).", type(error).__name__)
            connection.close()
            return False
        if not batch:
            return False
        self._claimed_at = time.monotonic()
        keys = [analysis.pk for analysis in batch]
        self._heartbeat.hold(keys)
        try:
            self.analyse(batch)
        except services.LeaseLost:
            log.warning("An analysis was taken up by another worker.")
        except retry.DatabaseTrouble as error:
            # Its lease runs out, and it is taken up again.
            log.error("Work left to another attempt: the database did not answer (%s).", type(error).__name__)
            connection.close()
        finally:
            self._heartbeat.let_go(keys)
        return True

    def analyse(self, batch: Sequence[Analysis]) -> None:
        """Work on claimed analyses: single pictures together, each series by itself (it fills batches alone)."""
        left: dict[UUID, Analysis] = {}
        for analysis in batch:
            if services.had_its_attempts(analysis):
                _unless_lost(partial(services.park, analysis))
            else:
                left[analysis.pk] = analysis
        files = _files_of(left.values())
        pictures = [each for each in left.values() if each.scan.kind == Kind.IMAGE]
        series = [each for each in left.values() if each.scan.kind != Kind.IMAGE]
        group: list[Job] = []
        held = 0
        for analysis in [*pictures, *series]:
            if self._stop_at is not None:
                break
            volume = self._read(analysis, files)
            if volume is None:
                del left[analysis.pk]
                continue
            alone = analysis.scan.kind != Kind.IMAGE
            if group and (alone or held + volume.voxels.size > MOST_VOXELS):
                self._run(group, left)
                group, held = [], 0
            group.append(Job(analysis, volume))
            held += volume.voxels.size
        self._run(group, left)
        for analysis in left.values():
            _unless_lost(partial(services.put_back, analysis))

    def _run(self, group: list[Job], left: dict[UUID, Analysis]) -> None:
        """Run the models on a group and record it; what has ended leaves `left`."""
        if not group or self._stop_at is not None:
            return
        with Ahead([(job.analysis.pk, job.volume) for job in group]) as ahead:
            try:
                found = self._pipeline(
                    [job.volume for job in group], progress=_Reporter(self, [job.analysis for job in group])
                )
            except Stopping:
                return
            except Exception:
                if len(group) == 1:
                    analysis = group[0].analysis
                    log.exception("Analysis %s broke.", analysis.pk)
                    _unless_lost(partial(services.give_back, analysis, TECHNICAL))
                    del left[analysis.pk]
                    return
            else:
                for job, findings in zip(group, found, strict=True):
                    self._record(job, findings, ahead)
                    del left[job.analysis.pk]
                return
        log.warning("A batch of %d broke: each is run by itself.", len(group))
        for job in group:
            self._run([job], left)

    def _record(self, job: Job, findings: Findings, ahead: Ahead) -> None:
        analysis, pipeline = job.analysis, self._pipeline
        model = services.Model(
            pipeline.version, dict(pipeline.files), dict(getattr(pipeline, "thresholds", None) or {})
        )
        heat = self._heat(job, findings)
        milliseconds = round(1000 * (time.monotonic() - self._claimed_at))

        def record() -> None:
            services.record(
                analysis, findings, volume=job.volume, model=model, milliseconds=milliseconds, ahead=ahead, heat=heat
            )

        try:
            retry.through_restarts(record, seconds=DATABASE_PATIENCE)
        except services.LeaseLost:
            log.warning("Analysis %s was taken up by another worker: this outcome is dropped.", analysis.pk)
        except retry.DatabaseTrouble:
            raise
        except Exception:
            log.exception("Analysis %s could not be drawn or recorded.", analysis.pk)
            _unless_lost(partial(services.give_back, analysis, TECHNICAL))

    def _heat(self, job: Job, findings: Findings) -> np.ndarray | None:
        """What the classifier looked at, where somebody asked for it; a result does not fail for want of it."""
        if self._explain is None or findings.tumour_probability is None:
            return None
        try:
            return self._explain(job.volume)
        except Exception:
            log.exception("The attribution map of analysis %s could not be made.", job.analysis.pk)
            return None

    def _read(self, analysis: Analysis, files: Mapping[UUID, Sequence[tuple[str, str]]]) -> Volume | None:
        """The pixels of an analysis' scan; None when it has ended or waits for another attempt."""
        scan = analysis.scan
        try:
            self._reading = True
            if not scan.is_fused:
                return _as_known(scan, self._decoded(files[scan.pk], as_series=scan.kind == Kind.SERIES))
            return fuse(
                self._part(scan.fused_pre_id, files),
                self._part(scan.fused_flair_id, files) or _nothing,
                self._part(scan.fused_post_id, files),
            )
        except UploadRefused as error:
            self._end_unreadable(analysis, error.sentence)
        except ImagingError as error:
            _unless_lost(partial(services.fail, analysis, error.sentence))
        except DecoderStopped as error:
            if self._stop_at is not None:
                _unless_lost(partial(services.put_back, analysis))
            else:
                log.warning("The decoder broke over analysis %s.", analysis.pk)
                _unless_lost(partial(services.give_back, analysis, str(error)))
        except OSError:
            log.exception("The original of analysis %s could not be read.", analysis.pk)
            _unless_lost(partial(services.give_back, analysis, STORAGE_AWAY))
        except retry.DatabaseTrouble:
            raise
        except Exception:
            log.exception("Analysis %s could not be prepared.", analysis.pk)
            _unless_lost(partial(services.give_back, analysis, TECHNICAL))
        finally:
            self._reading = False
        return None

    def _end_unreadable(self, analysis: Analysis, sentence: str) -> None:
        """Bytes that are those of the upload can never be read: a result. Others are the storage's failure."""
        try:
            end = services.refuse if self._are_as_uploaded(analysis.scan) else services.fail
        except OSError:
            log.exception("The original of analysis %s could not be read.", analysis.pk)
            end, sentence = services.give_back, STORAGE_AWAY
        _unless_lost(partial(end, analysis, sentence))

    def _part(
        self, scan_id: UUID | None, files: Mapping[UUID, Sequence[tuple[str, str]]]
    ) -> Callable[[], Volume] | None:
        """What reads one series of a fused scan, when it is called."""
        return None if scan_id is None else partial(self._decoded, files[scan_id], as_series=True)

    def _decoded(self, files: Sequence[tuple[str, str]], *, as_series: bool) -> Volume:
        paths = [storage.original_path(key) for key, _ in files]
        if not paths or not all(path.exists() for path in paths):
            raise FileNotFoundError
        return self._decoder.read(paths, names=[name for _, name in files], as_series=as_series)

    def _are_as_uploaded(self, scan: Scan) -> bool:
        """Whether the stored files of a scan, or of a fused scan's parts, have the hashes of their rows."""
        parts = (scan.pk, *scan.part_ids)
        rows = StoredFile.objects.filter(scan__in=[part for part in parts if part]).values_list("key", "sha256")
        return all(storage.sha256_of(storage.original_path(key)) == sha256 for key, sha256 in rows)

    def check_stop(self) -> None:
        """Raise Stopping once the grace is over."""
        if self._stop_at is not None and time.monotonic() > self._stop_at:
            raise Stopping

    def went_forward(self, analysis: Analysis) -> None:
        """Tell the heartbeat that this analysis does not hang."""
        self._heartbeat.touch([analysis.pk])


class _Reporter:
    """The models' progress, written to the rows: seldom, never backwards, and never a reason to fail."""

    def __init__(self, worker: AnalysisWorker, analyses: Sequence[Analysis]) -> None:
        self._worker = worker
        self._analyses = analyses
        self._written = [time.monotonic()] * len(analyses)
        self._progress = [0.0] * len(analyses)

    def __call__(self, index: int, fraction: float) -> None:
        self._worker.check_stop()
        now, progress = time.monotonic(), DECODED + (0.98 - DECODED) * fraction
        if now - self._written[index] < BETWEEN_REPORTS or progress <= self._progress[index]:
            return
        self._written[index], self._progress[index] = now, progress
        self._worker.went_forward(self._analyses[index])
        try:
            services.report_progress(self._analyses[index], progress)
        except retry.DatabaseTrouble:
            connection.close()


def _files_of(analyses: Iterable[Analysis]) -> dict[UUID, list[tuple[str, str]]]:
    """Key in storage and owner's name of each scan's files, those of fused scans' parts too, in one query."""
    files: dict[UUID, list[tuple[str, str]]] = {}
    for analysis in analyses:
        scan = analysis.scan
        parts = (scan.pk, *scan.part_ids)
        files |= {part: [] for part in parts if part is not None}
    for scan_id, key, name in (
        StoredFile.objects.filter(scan__in=files).order_by("position").values_list("scan_id", "key", "original_name")
    ):
        files[scan_id].append((key, name))
    return files


def _nothing() -> Volume:
    raise FileNotFoundError


def _as_known(scan: Scan, volume: Volume) -> Volume:
    """The volume with the sequence that a doctor gave it; where pixels contradict the tags, the row forgets them too."""
    if scan.sequence_by_doctor:
        notes = tuple(note for note in volume.notes if note != CONTRADICTED)
        return replace(volume, sequence=scan.sequence_by_doctor, notes=notes)
    if scan.sequence and CONTRADICTED in volume.notes:
        Scan.objects.filter(pk=scan.pk).update(sequence="")
    return volume


def _unless_lost(write: Callable[[], None]) -> None:
    """Write an end that is not a result; nothing happens if another worker has the analysis by now."""
    try:
        retry.through_restarts(write, seconds=DATABASE_PATIENCE)
    except services.LeaseLost:
        log.warning("An analysis was taken up by another worker.")
