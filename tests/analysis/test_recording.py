"""Recording: pictures first, the row after; once, by the holder of the lease, and safe to repeat."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from detection import storage
from detection.analysis import services
from detection.models import Analysis, AuditEntry, User
from detection.models.analysis import State
from tests.analysis.arrivals import arrived, picture
from tests.analysis.stand_in import NOTHING, PHOTOGRAPH, TUMOUR, answer, volume_of
from tests.cast import alice

pytestmark = pytest.mark.django_db

MODEL = services.Model("1.2.3", {"unet.weights.h5": "ab" * 32}, {"nothing_below": 0.2, "tumour_from": 0.8})


@pytest.fixture
def doctor() -> User:
    return alice()


def claimed(doctor: User, level: int, worker: str = "worker-1") -> Analysis:
    arrived(doctor, picture(level))
    (analysis,) = services.claim(worker=worker, limit=1)
    return analysis


def record(analysis: Analysis, level: int, milliseconds: int | None = None) -> None:
    volume = volume_of(level)
    services.record(analysis, answer(volume, level), volume=volume, model=MODEL, milliseconds=milliseconds)


def png(analysis: Analysis, name: str) -> np.ndarray:
    with storage.open_derived(analysis.pk, name) as file:
        return np.asarray(Image.open(io.BytesIO(file.read())))


class TestWhatIsRecorded:
    def test_a_tumour_with_everything_about_it(self, doctor: User) -> None:
        analysis = claimed(doctor, TUMOUR)
        record(analysis, TUMOUR, milliseconds=321)
        analysis = Analysis.objects.get(pk=analysis.pk)
        assert (analysis.state, analysis.verdict, analysis.tumour_probability) == (State.DONE, "tumour", 0.97)
        assert (analysis.progress, analysis.milliseconds, analysis.reason) == (1.0, 321, "")
        assert (analysis.model_version, analysis.weights) == ("1.2.3", {"unet.weights.h5": "ab" * 32})
        assert analysis.finished_at is not None
        assert analysis.lease_until is None

    def test_the_findings_are_the_contracts_scan_object(self, doctor: User) -> None:
        analysis = claimed(doctor, TUMOUR)
        record(analysis, TUMOUR)
        found = analysis.findings
        assert found is not None
        keys = {
            "input",
            "kind",
            "verdict",
            "reason",
            "tumour_probability",
            "compartment",
            "tumour_volume_ml",
            "lesions",
        }
        assert keys <= set(found)
        assert found["input"] == str(analysis.scan_id)
        assert found["thresholds"] == {"nothing_below": 0.2, "tumour_from": 0.8}
        (only,) = found["slices"]
        assert only["area_px"] == found["lesions"][0]["area_px"] > 0
        assert only["mask"] is None
        assert only["area_mm2"] is None

    def test_the_outline_runs_round_the_mask(self, doctor: User) -> None:
        analysis = claimed(doctor, TUMOUR)
        record(analysis, TUMOUR)
        assert analysis.findings is not None
        (polygon,) = analysis.findings["slices"][0]["outline"]
        rows, columns = np.nonzero(png(analysis, "0-mask.png"))
        x, y = np.array(polygon).T
        assert (x.min(), x.max()) == (columns.min(), columns.max() + 1)
        assert (y.min(), y.max()) == (rows.min(), rows.max() + 1)

    def test_refused_is_a_result_with_its_reason(self, doctor: User) -> None:
        analysis = claimed(doctor, PHOTOGRAPH)
        record(analysis, PHOTOGRAPH)
        analysis = Analysis.objects.get(pk=analysis.pk)
        assert (analysis.state, analysis.verdict, analysis.tumour_probability) == (State.REFUSED, "refused", None)
        assert "not recognised" in analysis.reason

    def test_the_trail_tells_of_the_end(self, doctor: User) -> None:
        analysis = claimed(doctor, NOTHING)
        record(analysis, NOTHING)
        entry = AuditEntry.objects.get(action="analysis ended")
        assert (entry.actor, entry.row_id, entry.details["state"]) == (None, analysis.pk, "done")


class TestPictures:
    def test_slice_mask_and_thumbnails(self, doctor: User) -> None:
        analysis = claimed(doctor, TUMOUR)
        record(analysis, TUMOUR)
        assert png(analysis, "0-image.png").shape == (64, 64)
        assert set(np.unique(png(analysis, "0-mask.png"))) == {0, 255}
        assert max(png(analysis, "0-thumbnail.png").shape) <= 96
        assert max(png(analysis, "thumbnail.png").shape) <= 160

    def test_a_scan_without_outline_has_an_empty_mask(self, doctor: User) -> None:
        analysis = claimed(doctor, NOTHING)
        record(analysis, NOTHING)
        assert not png(analysis, "0-mask.png").any()

    def test_a_dark_scan_is_shown_bright(self, doctor: User) -> None:
        analysis = claimed(doctor, NOTHING)
        record(analysis, NOTHING)
        assert png(analysis, "0-image.png").max() == 255


class TestWhoMayRecord:
    def test_recording_again_changes_nothing(self, doctor: User) -> None:
        analysis = claimed(doctor, TUMOUR)
        record(analysis, TUMOUR, milliseconds=100)
        first = Analysis.objects.get(pk=analysis.pk)
        record(analysis, TUMOUR, milliseconds=999)
        again = Analysis.objects.get(pk=analysis.pk)
        assert (again.milliseconds, again.finished_at) == (100, first.finished_at)
        assert AuditEntry.objects.filter(action="analysis ended").count() == 1

    def test_a_worker_whose_lease_was_taken_over_may_not(self, doctor: User) -> None:
        stale = claimed(doctor, TUMOUR)
        services.free_leases_of("worker-1")
        (taken,) = services.claim(worker="worker-2", limit=1, tried=True)
        with pytest.raises(services.LeaseLost):
            record(stale, TUMOUR)
        assert Analysis.objects.get(pk=stale.pk).state == State.RUNNING
        with pytest.raises(FileNotFoundError):
            storage.open_derived(stale.pk, "0-image.png")
        record(taken, NOTHING)
        assert Analysis.objects.get(pk=stale.pk).verdict == "no_tumour"

    def test_after_another_has_recorded_it_stays_so(self, doctor: User) -> None:
        stale = claimed(doctor, TUMOUR)
        services.free_leases_of("worker-1")
        (taken,) = services.claim(worker="worker-2", limit=1, tried=True)
        record(taken, NOTHING)
        for late in (
            lambda: record(stale, TUMOUR),
            lambda: services.fail(stale, "Too late."),
            lambda: services.put_back(stale),
        ):
            with pytest.raises(services.LeaseLost):
                late()
        assert Analysis.objects.get(pk=stale.pk).verdict == "no_tumour"

    def test_nobody_records_what_nobody_claimed(self, doctor: User) -> None:
        (queued,) = arrived(doctor, picture(TUMOUR))
        with pytest.raises(services.LeaseLost):
            record(queued, TUMOUR)
