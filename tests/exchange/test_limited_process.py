"""The process that makes files: limited, without secrets, never too many, and a crash is a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from detection.exchange import maker
from detection.models import AuditEntry
from ml.findings import Verdict
from tests import cast, rows

WRITES_ENVIRONMENT = """
import os, sys, json
order = json.load(sys.stdin)
os.write(int(sys.argv[5]), json.dumps(dict(os.environ)).encode())
print(json.dumps({"made": True}))
"""
ORDER = {"format": "masks.zip", "identity": {"analysis_id": "0"}}


def child(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(maker, "CHILD", code)


def test_it_has_none_of_the_web_processs_secrets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
    child(monkeypatch, WRITES_ENVIRONMENT)
    with maker.make(ORDER) as file:
        environment = json.load(file)
    assert set(environment) <= {
        "LANG",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "LD_LIBRARY_PATH",
        "TMPDIR",
        "LC_CTYPE",
    }


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.kill(os.getpid(), 11)",
        "import sys; sys.exit(1)",
        "print('not what was agreed')",
        "print('{\"made\": true}')",  # and nothing written
        "import time; time.sleep(60)",
    ],
    ids=["crash", "failure", "nonsense", "empty", "hangs"],
)
def test_whatever_goes_wrong_is_one_sentence(monkeypatch: pytest.MonkeyPatch, code: str):
    child(monkeypatch, code)
    with pytest.raises(maker.Broke, match="could not be made within the limits"):
        maker.make(ORDER, seconds=2)


@pytest.mark.django_db
def test_too_little_memory_is_a_sentence_on_a_page_and_nothing_is_on_record(monkeypatch: pytest.MonkeyPatch):
    (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
    monkeypatch.setattr(maker, "make", lambda order: maker._made(order, 20, 60 << 20))
    answer = cast.signed_in(scan.owner).get(reverse("export", args=[scan.pk, "masks.zip"]))
    assert answer.status_code == 500
    assert "could not be made within the limits" in answer.content.decode()
    assert not AuditEntry.objects.filter(action="exported").exists()


@pytest.mark.django_db
def test_lost_pictures_of_an_analysis_are_a_sentence(scan_folder: Path):
    (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
    (scan_folder / "analyses" / str(scan.current_analysis_id) / "0-mask.png").unlink()
    answer = cast.signed_in(scan.owner).get(reverse("export", args=[scan.pk, "masks.zip"]))
    assert answer.status_code == 409
    assert "Have the scan analysed again" in answer.content.decode()


@pytest.mark.django_db
def test_more_than_a_few_at_once_are_asked_to_come_again(monkeypatch: pytest.MonkeyPatch):
    (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
    monkeypatch.setattr(maker, "PATIENCE", 0.1)
    with all_taken(maker._places, maker.AT_ONCE):
        answer = cast.signed_in(scan.owner).get(reverse("export", args=[scan.pk, "masks.zip"]))
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "Try again in a minute" in answer.content.decode()
    assert cast.signed_in(scan.owner).get(reverse("export", args=[scan.pk, "masks.zip"])).status_code == 200


@pytest.mark.django_db
def test_nobody_queues_behind_those_who_wait_already():
    (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
    with all_taken(maker._door, maker.AT_ONCE + maker.WAITING):
        started = time.monotonic()
        answer = cast.signed_in(scan.owner).get(reverse("export", args=[scan.pk, "masks.zip"]))
    assert answer.status_code == 503
    assert time.monotonic() - started < maker.PATIENCE / 2


@contextmanager
def all_taken(places: threading.BoundedSemaphore, count: int) -> Iterator[None]:
    assert all(places.acquire(blocking=False) for _ in range(count))
    try:
        yield
    finally:
        for _ in range(count):
            places.release()


@pytest.mark.django_db
def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scan_folder: Path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
    before = files_in(scan_folder)
    answer = cast.signed_in(scan.owner).get(reverse("export", args=[scan.pk, "masks.zip"]))
    b"".join(answer.streaming_content)
    assert files_in(scan_folder) == before
    assert files_in(temporary) == set()


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_the_web_process_stays_small():
    """Its half of the feature imports no pixels, no DICOM and no PDF."""
    code = (
        "import django, sys; django.setup();"
        "import detection.exchange.views, detection.exchange.tags, detection.exchange.urls;"
        "print(sorted({'numpy', 'scipy', 'PIL', 'pydicom', 'highdicom', 'nibabel', 'weasyprint'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=settings.BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.strip() == "[]"
