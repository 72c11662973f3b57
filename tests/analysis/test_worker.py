"""The worker: everything that waits in one run of the models, and one bad scan is nobody else's trouble."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError
from PIL import Image

from detection import storage
from detection.analysis import pictures, services, worker
from detection.analysis.ahead import NoLongerWanted, draw
from detection.analysis.worker import AnalysisWorker
from detection.models import Analysis, StoredFile, User, Worker
from detection.models.analysis import State
from ml.imaging.volume import Volume
from tests.analysis.arrivals import arrived, picture
from tests.analysis.stand_in import BREAKS, NOTHING, PHOTOGRAPH, TUMOUR, StandIn
from tests.cast import alice

# The heartbeat's thread has its own connection, so rows have to be really there.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def doctor() -> User:
    return alice()


def drain(pipeline: StandIn) -> AnalysisWorker:
    analysis_worker = AnalysisWorker(lambda: pipeline)
    analysis_worker.run(drain=True)
    return analysis_worker


def states(analyses: list[Analysis]) -> list[str]:
    by_key = Analysis.objects.in_bulk([analysis.pk for analysis in analyses])
    return [by_key[analysis.pk].state for analysis in analyses]


class TestBatches:
    def test_waiting_pictures_go_through_the_models_together(self, doctor: User) -> None:
        analyses = arrived(doctor, picture(TUMOUR), picture(NOTHING), picture(PHOTOGRAPH))
        pipeline = StandIn()
        drain(pipeline)
        assert pipeline.runs == [3]
        assert states(analyses) == [State.DONE, State.DONE, State.REFUSED]

    def test_a_series_is_one_analysis_with_its_slices_in_order(self, doctor: User) -> None:
        (analysis,) = arrived(doctor, *[picture(TUMOUR)] * 11, as_series=True)
        drain(StandIn())
        analysis.refresh_from_db()
        assert analysis.findings is not None
        assert [each["source"] for each in analysis.findings["slices"]] == [f"slice_{index}.png" for index in range(11)]
        assert analysis.findings["kind"] == "series"

    def test_the_row_tells_which_models_and_how_long(self, doctor: User) -> None:
        (analysis,) = arrived(doctor, picture(TUMOUR))
        drain(StandIn())
        analysis.refresh_from_db()
        assert (analysis.model_version, analysis.weights) == (StandIn.version, StandIn.files)
        assert analysis.milliseconds is not None
        assert analysis.milliseconds > 0
        assert analysis.started_at is not None


class TestOneBadScan:
    def test_what_breaks_the_models_fails_alone(self, doctor: User, settings: Any) -> None:
        settings.MAX_ATTEMPTS = 1
        analyses = arrived(doctor, picture(TUMOUR), picture(BREAKS), picture(NOTHING))
        pipeline = StandIn()
        drain(pipeline)
        assert states(analyses) == [State.DONE, State.FAILED, State.DONE]
        assert pipeline.runs == [3, 1, 1, 1]
        analyses[1].refresh_from_db()
        assert analyses[1].reason == worker.TECHNICAL

    def test_a_damaged_original_fails_with_a_sentence_and_its_neighbours_do_not(self, doctor: User) -> None:
        analyses = arrived(doctor, picture(TUMOUR), picture(TUMOUR))
        key = StoredFile.objects.get(scan=analyses[0].scan).key
        with storage.original_path(key).open("r+b") as file:
            file.truncate(120)
        drain(StandIn())
        assert states(analyses) == [State.FAILED, State.DONE]
        analyses[0].refresh_from_db()
        assert "damaged" in analyses[0].reason

    def test_an_original_that_is_away_is_tried_again_later(self, doctor: User) -> None:
        (analysis,) = arrived(doctor, picture(TUMOUR))
        stored = StoredFile.objects.get(scan=analysis.scan)
        content = storage.original_path(stored.key).read_bytes()
        default_storage.delete(stored.key)
        drain(StandIn())
        analysis.refresh_from_db()
        assert (analysis.state, analysis.attempts) == (State.QUEUED, 1)
        assert analysis.not_before is not None

        storage.original_path(stored.key).write_bytes(content)
        Analysis.objects.update(not_before=None)
        drain(StandIn())
        analysis.refresh_from_db()
        assert analysis.state == State.DONE


class TestWorkerRow:
    def test_it_is_there_while_the_worker_works_and_gone_after(self, doctor: User) -> None:
        arrived(doctor, picture(TUMOUR))
        seen: list[Worker] = []

        class Looking(StandIn):
            def __call__(self, *args: Any, **kwargs: Any) -> Any:
                seen.extend(Worker.objects.all())
                return super().__call__(*args, **kwargs)

        done = drain(Looking())
        (row,) = seen
        assert (row.name, row.ready, row.model_version) == (done.name, True, StandIn.version)
        assert not Worker.objects.exists()

    def test_it_is_not_ready_before_the_models_are_loaded(self) -> None:
        seen: list[bool] = []

        def load() -> StandIn:
            seen.append(Worker.objects.get().ready)
            return StandIn()

        AnalysisWorker(load).run(drain=True)
        assert seen == [False]


class TestStopping:
    def test_what_was_not_begun_is_put_back(self, doctor: User) -> None:
        analyses = arrived(doctor, *[picture(TUMOUR)] * 3)
        analysis_worker = AnalysisWorker(StandIn)

        def stopped_by_signal(*args: Any, **kwargs: Any) -> Any:
            analysis_worker.stop()
            raise worker.Stopping

        with _replaced(StandIn, "__call__", stopped_by_signal):
            analysis_worker.run()
        assert states(analyses) == [State.QUEUED] * 3
        assert set(Analysis.objects.values_list("attempts", flat=True)) == {0}


class TestDatabaseAway:
    def test_a_result_waits_for_the_database_to_come_back(self, doctor: User) -> None:
        (analysis,) = arrived(doctor, picture(TUMOUR))
        record, failures = (
            services.record,
            iter([OperationalError("server closed the connection"), OperationalError("refused")]),
        )

        def record_after_restart(*args: Any, **kwargs: Any) -> None:
            for failure in failures:
                raise failure
            record(*args, **kwargs)

        with _replaced(services, "record", record_after_restart):
            drain(StandIn())
        analysis.refresh_from_db()
        assert analysis.state == State.DONE
        assert analysis.attempts == 1


@contextlib.contextmanager
def _replaced(where: Any, name: str, by: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, name, by)
        yield


class TestAttribution:
    def test_a_map_that_cannot_be_made_costs_no_result(self, doctor: User) -> None:
        def broken(volume: Volume) -> Any:
            raise MemoryError

        (analysis,) = arrived(doctor, picture(TUMOUR))
        AnalysisWorker(StandIn, explain=broken).run(drain=True)
        assert states([analysis]) == [State.DONE]

    def test_a_refused_picture_is_not_explained(self, doctor: User) -> None:
        asked: list[Volume] = []

        def explain(volume: Volume) -> Any:
            asked.append(volume)
            return np.zeros(volume.voxels.shape[:3], np.uint8)

        arrived(doctor, picture(TUMOUR), picture(PHOTOGRAPH))
        AnalysisWorker(StandIn, explain=explain).run(drain=True)
        assert [int(volume.voxels.max()) for volume in asked] == [TUMOUR]


class TestDrawingAhead:
    def test_pictures_that_cannot_be_written_are_tried_again_and_nothing_is_shown(
        self, doctor: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError("No space left on device")

        (analysis,) = arrived(doctor, picture(TUMOUR))
        with monkeypatch.context() as broken:
            broken.setattr(storage, "write_derived", full)
            drain(StandIn())
        assert states([analysis]) == [State.QUEUED]
        Analysis.objects.update(not_before=None)
        drain(StandIn())
        assert states([analysis]) == [State.DONE]

    @pytest.mark.parametrize("fault", [ValueError("no such slice"), MemoryError()])
    def test_a_fault_while_one_is_drawn_or_recorded_is_that_ones_alone(
        self, doctor: User, monkeypatch: pytest.MonkeyPatch, fault: Exception
    ) -> None:
        broken, whole = arrived(doctor, picture(TUMOUR), picture(NOTHING))
        real = services.record

        def record(analysis: Analysis, *args: Any, **kwargs: Any) -> None:
            if analysis.pk == broken.pk:
                raise fault
            real(analysis, *args, **kwargs)

        monkeypatch.setattr(services, "record", record)
        drain(StandIn())
        assert states([broken, whole]) == [State.QUEUED, State.DONE]

    def test_a_store_that_goes_away_while_a_damaged_original_is_looked_at_is_tried_again(
        self, doctor: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        damaged, whole = arrived(doctor, picture(TUMOUR), picture(NOTHING))
        with storage.original_path(StoredFile.objects.get(scan=damaged.scan).key).open("r+b") as file:
            file.truncate(120)

        def away(path: object) -> str:
            raise OSError("Stale file handle")

        monkeypatch.setattr(storage, "sha256_of", away)
        drain(StandIn())
        assert states([damaged, whole]) == [State.QUEUED, State.DONE]

    def test_a_fault_while_one_is_prepared_is_that_ones_alone(
        self, doctor: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken, whole = arrived(doctor, picture(TUMOUR), picture(NOTHING))
        real = worker._as_known

        def known(scan: Any, volume: Volume) -> Volume:
            if scan.pk == broken.scan_id:
                raise ValueError("shapes differ")
            return real(scan, volume)

        monkeypatch.setattr(worker, "_as_known", known)
        drain(StandIn())
        assert states([broken, whole]) == [State.QUEUED, State.DONE]

    def test_once_it_is_stopped_no_further_volume_is_prepared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        prepared: list[Volume] = []
        monkeypatch.setattr(pictures, "display", lambda volume, **_: prepared.append(volume))
        volume = Volume(np.zeros((3, 64, 64, 1), np.uint8), "series", ("a", "b", "c"))
        with pytest.raises(NoLongerWanted):
            draw(uuid4(), volume, stopped=lambda: True)
        assert prepared == []

    def test_a_refused_photograph_is_drawn_in_its_own_colours(self, doctor: User) -> None:
        colours = np.zeros((64, 64, 3), np.uint8)
        colours[16:48, 16:48] = (PHOTOGRAPH, 40, 90)
        target = io.BytesIO()
        Image.fromarray(colours).save(target, "PNG")
        (analysis,) = arrived(doctor, target.getvalue())
        drain(StandIn())
        assert states([analysis]) == [State.REFUSED]
        with storage.open_derived(analysis.pk, "0-image.png") as file:
            assert np.array_equal(np.asarray(Image.open(file)), colours)
