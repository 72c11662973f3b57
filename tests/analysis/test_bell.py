"""The bell: a worker that waits looks at once, and nothing depends on it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from detection import bell, storage
from detection.analysis import services
from detection.bell import Bell
from detection.sequences import services as sequences
from tests.analysis.arrivals import arrived, picture
from tests.cast import alice

LONG = 20.0


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> Path:
    settings.HOME = tmp_path
    return tmp_path


def waited(ear: Bell, seconds: float) -> float:
    began = time.monotonic()
    ear.wait(seconds)
    return time.monotonic() - began


def test_a_ring_ends_the_wait_and_only_one() -> None:
    with Bell() as ear:
        threading.Timer(0.05, bell.ring).start()
        assert waited(ear, LONG) < LONG / 2
        assert waited(ear, 0.2) >= 0.2


def test_a_ring_from_before_the_wait_is_heard() -> None:
    with Bell() as ear:
        bell.ring()
        bell.ring()
        assert waited(ear, LONG) < LONG / 2
        assert waited(ear, 0.2) >= 0.2


def test_two_workers_look_by_themselves_when_the_other_was_quicker() -> None:
    with Bell() as one, Bell() as other:
        bell.ring()
        assert waited(one, LONG) < LONG / 2
        assert waited(other, 0.2) < LONG / 2


def test_ringing_without_anybody_to_hear_it_is_nothing(home: Path) -> None:
    bell.ring()
    with Bell():
        pass
    bell.ring()
    assert [path.name for path in home.iterdir()] == ["work.bell"]


def test_more_rings_than_the_pipe_holds_do_not_block() -> None:
    with Bell() as ear:
        assert ear._pipe is not None
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(ear._pipe, bytes(4096))
        bell.ring()
        assert waited(ear, LONG) < LONG / 2


def test_a_home_without_pipes_only_waits(home: Path) -> None:
    (home / "work.bell").write_text("not a pipe")
    with Bell() as ear:
        bell.ring()
        assert waited(ear, 0.2) >= 0.2


@pytest.mark.django_db(transaction=True)
def test_an_upload_rings_and_so_does_analysing_again() -> None:
    doctor = alice()
    with Bell() as ear:
        (analysis,) = arrived(doctor, picture())
        assert waited(ear, LONG) < LONG / 2
        services.fail(services.claim(worker="w", limit=1)[0], "No.")
        services.request_again(scan=analysis.scan, actor=doctor)
        assert waited(ear, LONG) < LONG / 2


@pytest.mark.django_db(transaction=True)
def test_a_corrected_sequence_rings() -> None:
    doctor = alice()
    (analysis,) = arrived(doctor, picture())
    services.fail(services.claim(worker="w", limit=1)[0], "No.")
    with Bell() as ear:
        sequences.correct(scan=analysis.scan, actor=doctor, sequence="FLAIR")
        assert waited(ear, LONG) < LONG / 2


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_breaks_loses_no_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(bell, "ring", broken)
    (analysis,) = arrived(alice(), picture())
    (file,) = analysis.scan.files.all()
    assert storage.original_path(file.key).exists()
