"""What fails at the worst moment: a scan is never lost, and nobody's bytes are left lying."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import InterfaceError, OperationalError, connection
from django.http import UnreadablePostError
from django.test import Client, RequestFactory

from detection import retry, storage
from detection.models import Analysis, Scan, StoredFile, Study, User
from detection.operations import incoming
from detection.uploads import services
from tests import cast
from tests.rows import png, streamed


def arriving() -> Path:
    return Path(settings.FILE_UPLOAD_TEMP_DIR)


class Killed(BaseException):
    """As far as a process sees of a SIGKILL: nothing of ours runs any more."""


class Vanishing(io.RawIOBase):
    """A connection that is reset after these bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        content = self._content.read(size)
        if not content:
            raise ConnectionResetError
        return content


@pytest.mark.django_db(transaction=True)
class TestTheAnswerToCommitIsLost:
    @pytest.fixture
    def owner(self) -> User:
        return cast.alice()

    @pytest.fixture
    def commit(self, owner: User, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
        """Lets commits reach the database and their answers be this error."""
        connection.ensure_connection()
        real = connection._commit

        def lose(error: Exception) -> None:
            def committed() -> None:
                real()
                raise error

            monkeypatch.setattr(connection, "_commit", committed)

        return lose

    @pytest.mark.parametrize("error", [OperationalError, InterfaceError])
    def test_what_was_recorded_stays_stored_and_is_the_answer(
        self, owner: User, commit: Callable[[Exception], None], error: type[Exception]
    ) -> None:
        file = streamed("a.png", png())
        commit(error("server closed the connection unexpectedly"))
        study = services.receive(owner=owner, files=[file])
        stored = StoredFile.objects.get(scan__study=study)
        assert storage.original_path(stored.key).exists()
        assert Analysis.objects.filter(scan=stored.scan, state="queued").count() == 1
        file.close()
        assert not list(arriving().iterdir())

    def test_where_nobody_can_tell_the_bytes_stay_until_the_next_start_has_asked(
        self, owner: User, commit: Callable[[Exception], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*args: object, **kwargs: object) -> bool:
            raise OperationalError("the database is away")

        file = streamed("a.png", png())
        commit(OperationalError("server closed the connection unexpectedly"))
        monkeypatch.setattr(retry, "through_restarts", away)
        with pytest.raises(OperationalError):
            services.receive(owner=owner, files=[file])
        file.close()
        incoming.clear(arriving())
        assert storage.original_path(StoredFile.objects.get().key).exists()
        assert not list(arriving().iterdir())


def test_a_kill_between_storing_and_recording_leaves_nothing_after_the_next_start(
    db: None, nothing_is_left: Callable[[], None], scan_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, kept = cast.alice(), streamed("kept.png", png(1))
    before = services.receive(owner=owner, files=[kept])
    kept.close()

    def killed(*args: object, **kwargs: object) -> None:
        raise Killed

    file = streamed("a.png", png())
    with monkeypatch.context() as kill:
        kill.setattr(services, "_record", killed)
        kill.setattr(services, "_undo", lambda *args: None)
        with pytest.raises(Killed):
            services.receive(owner=owner, files=[file])
    assert len([path for path in scan_folder.rglob("*") if path.is_file()]) == 2
    incoming.clear(arriving())
    recorded = StoredFile.objects.get(scan__study=before)
    assert [path for path in scan_folder.rglob("*") if path.is_file()] == [storage.original_path(recorded.key)]
    storage.discard([recorded.key])
    before.delete()
    nothing_is_left()


def test_originals_that_no_upload_was_storing_stay_whatever_the_database_knows(db: None, scan_folder: Path) -> None:
    """Another DATABASE_URL by mistake, or an older backup of the database, knows none of them."""
    file = streamed("a.png", png())
    study = services.receive(owner=cast.alice(), files=[file])
    file.close()
    path = storage.original_path(StoredFile.objects.get().key)
    study.delete()
    incoming.clear(arriving())
    assert path.exists()
    assert not Scan.objects.exists()


def test_a_client_that_vanishes_within_a_file_leaves_nothing(db: None, nothing_is_left: Callable[[], None]) -> None:
    def part(name: str, content: bytes) -> bytes:
        head = (
            f'--edge\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: image/png\r\n'
        )
        return head.encode() + b"\r\n" + content + b"\r\n"

    body = part("1.png", png()) + part("2.png", bytes(300_000))[:-100_000]
    request = WSGIRequest(
        RequestFactory().post("/scans/new/").environ
        | {
            "CONTENT_TYPE": "multipart/form-data; boundary=edge",
            "CONTENT_LENGTH": "1000000",
            "wsgi.input": Vanishing(body),
        }
    )
    request.user = cast.alice()
    with pytest.raises(UnreadablePostError):
        request.POST  # noqa: B018  reading it is what parses
    request.close()  # as Django does once it has answered
    nothing_is_left()


def test_a_long_body_of_somebody_who_is_not_signed_in_is_not_read_to_its_end(
    db: None, nothing_is_left: Callable[[], None]
) -> None:
    head = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    body = io.BytesIO(head + bytes(8 * 1024 * 1024))
    answer = Client().generic(
        "POST", "/scans/new/", content_type="multipart/form-data; boundary=edge", **_streamed(body)
    )
    assert answer.status_code == 302
    assert body.tell() < 1024 * 1024
    nothing_is_left()


def _streamed(body: io.BytesIO) -> dict[str, Any]:
    return {"wsgi.input": body, "CONTENT_LENGTH": str(len(body.getvalue()))}


def test_files_are_on_the_disk_before_their_rows(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        assert not Study.objects.exists()
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(storage, "SYNCS_AT_ONCE", 1)
    monkeypatch.setattr(os, "fsync", fsync)
    file = streamed("a.png", png())
    services.receive(owner=cast.alice(), files=[file])
    file.close()
    stored = storage.original_path(StoredFile.objects.get().key)
    assert {str(stored), str(stored.parent), str(stored.parent.parent)} <= set(synced)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the embedded database's own setting")
def test_a_commit_of_the_embedded_database_outlives_a_power_cut(db: None) -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
