"""healthz: the process is up. readyz: a scan uploaded now would be analysed; each part's state, 200 or 503."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from detection import leases
from detection.models import Worker
from detection.models.worker import Purpose

pytestmark = pytest.mark.django_db


def worker(*, ready: bool = True, ago: float = 1, purpose: Purpose = Purpose.ANALYSIS) -> None:
    heard = leases.database_now() - timedelta(seconds=ago)
    Worker.objects.create(name=f"w{Worker.objects.count()}", purpose=purpose, heartbeat_at=heard, ready=ready)


def parts() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def test_healthz_asks_nobody_in_and_needs_no_worker() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_with_a_worker_whose_models_are_loaded(scan_folder: Path) -> None:
    worker()
    assert parts() == (200, {"status": "ready", "database": "ok", "storage": "ok", "worker": "ok"})
    assert not [path for path in scan_folder.rglob("*") if path.is_file()]


def test_not_ready_without_a_worker() -> None:
    assert parts() == (
        503,
        {"status": "not ready", "database": "ok", "storage": "ok", "worker": "No worker is running."},
    )


def test_not_ready_while_models_load() -> None:
    worker(ready=False)
    status, said = parts()
    assert (status, said["worker"]) == (503, "The worker is still loading its models.")


def test_a_worker_that_was_killed_does_not_count_for_long() -> None:
    worker(ago=16)
    assert parts()[0] == 503


def test_the_sender_of_messages_is_no_worker() -> None:
    worker(purpose=Purpose.SMS)
    assert parts()[0] == 503


def test_not_ready_when_nothing_can_be_stored(scan_folder: Path) -> None:
    worker()
    scan_folder.write_text("a file where the folder should be", encoding="utf-8")
    status, said = parts()
    assert (status, said["storage"]) == (503, "Scans cannot be written.")


def test_others_than_readers_are_turned_away() -> None:
    assert Client().post("/readyz").status_code == 405
