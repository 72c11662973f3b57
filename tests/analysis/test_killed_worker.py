"""kill -9 of the worker in mid-analysis: another takes it up within its lease, nothing is lost, it is recorded once."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from detection.models import Analysis, AuditEntry, Worker
from detection.models.analysis import State
from tests.analysis.arrivals import arrived, picture
from tests.analysis.stand_in import KILLS, NOTHING, WAITS
from tests.cast import alice
from tests.processes import becomes_true, process

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = "tests.analysis.stand_in_worker"
LEASE = 2


def ended(analyses: list[Analysis]) -> bool:
    return not Analysis.objects.filter(pk__in=[each.pk for each in analyses], finished_at=None).exists()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """While this file exists, the stand-in models compute."""
    path = tmp_path / "gate"
    path.touch()
    return path


def test_killed_in_mid_analysis_another_takes_it_up(tmp_path: Path, gate: Path) -> None:
    analyses = arrived(alice(), picture(WAITS), picture(NOTHING))
    with process(WORKER, str(gate), home=tmp_path, BRAINSCAN_LEASE_SECONDS=str(LEASE)) as first:
        assert becomes_true((tmp_path / "computing").exists)
        (name,) = set(Analysis.objects.values_list("lease_owner", flat=True))
        first.send_signal(signal.SIGKILL)
        first.wait()
    killed_at = time.monotonic()
    assert list(Analysis.objects.values_list("state", flat=True)) == [State.RUNNING] * 2
    gate.unlink()
    with process(WORKER, str(gate), home=tmp_path, BRAINSCAN_LEASE_SECONDS=str(LEASE)):
        assert becomes_true(lambda: ended(analyses))
    # Its lease, the second worker's start, and one look for each of the two.
    assert time.monotonic() - killed_at < LEASE + 15
    rows = list(Analysis.objects.all())
    assert {row.state for row in rows} == {State.DONE}
    assert {row.attempts for row in rows} == {2}
    assert name not in {row.lease_owner for row in rows}
    assert AuditEntry.objects.filter(action="analysis ended").count() == 2


def test_while_a_worker_lives_its_lease_is_renewed(tmp_path: Path, gate: Path) -> None:
    analyses = arrived(alice(), picture(WAITS))
    settings = {"BRAINSCAN_LEASE_SECONDS": str(LEASE)}
    with process(WORKER, str(gate), home=tmp_path, **settings), process(WORKER, str(gate), home=tmp_path, **settings):
        assert becomes_true((tmp_path / "computing").exists)
        assert becomes_true(lambda: Worker.objects.filter(ready=True).count() == 2)
        time.sleep(2 * LEASE)
        gate.unlink()
        assert becomes_true(lambda: ended(analyses))
    assert [row.attempts for row in Analysis.objects.all()] == [1]


def test_a_stopped_worker_puts_its_work_back_and_leaves_in_order(tmp_path: Path, gate: Path) -> None:
    arrived(alice(), picture(WAITS))
    with process(WORKER, str(gate), home=tmp_path) as worker:
        assert becomes_true((tmp_path / "computing").exists)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    (row,) = Analysis.objects.all()
    assert (row.state, row.attempts, row.lease_owner) == (State.QUEUED, 0, "")
    assert not Worker.objects.exists()


def test_a_scan_that_kills_its_workers_is_parked_and_its_neighbour_is_not(tmp_path: Path, gate: Path) -> None:
    killer, neighbour = arrived(alice(), picture(KILLS), picture(NOTHING))
    settings = {"BRAINSCAN_LEASE_SECONDS": str(LEASE), "BRAINSCAN_MAX_ATTEMPTS": "2"}
    for _ in range(4):
        with process(WORKER, str(gate), home=tmp_path, **settings) as worker:
            assert becomes_true(lambda: worker.poll() is not None or ended([killer, neighbour]))
        if ended([killer, neighbour]):
            break
    killer.refresh_from_db()
    neighbour.refresh_from_db()
    assert (killer.state, neighbour.state) == (State.FAILED, State.DONE)
    assert "broken off 2 times" in killer.reason
