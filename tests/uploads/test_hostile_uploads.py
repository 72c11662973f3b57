"""A bad upload gets 400, 413 or 415 with a sentence, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from detection.models import StoredFile, Study
from detection.uploads import names, services
from tests import cast, hostile
from tests.rows import png

URL = "/scans/new/"


@pytest.mark.parametrize("name", sorted(hostile.FILES))
def test_every_hostile_file(alice: Client, nothing_is_left: Callable[[], None], tmp_path: Path, name: str) -> None:
    make, expected = hostile.FILES[name]
    path = make(tmp_path / name)
    answer = alice.post(URL, {"files": SimpleUploadedFile(path.name, path.read_bytes())})
    if answer.status_code == 303:
        assert expected is None, "it had to be refused"
        return
    assert answer.status_code in (400, 413, 415)
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert answer.context["refusal"].sentence.endswith(".")
    nothing_is_left()


def test_one_bad_file_refuses_the_whole_upload_and_is_named(alice: Client, nothing_is_left: Callable[[], None]) -> None:
    files = [SimpleUploadedFile("good.png", png()), SimpleUploadedFile("bad.png", b"not a picture")]
    answer = alice.post(URL, {"files": files})
    assert answer.status_code == 415
    assert "bad.png: " in answer.context["refusal"].sentence
    nothing_is_left()


@pytest.mark.parametrize("folder", [True, False])
def test_a_folder_or_zip_without_images_says_so(
    alice: Client, nothing_is_left: Callable[[], None], tmp_path: Path, folder: bool
) -> None:
    """Not which of its files to remove: that would be all of them."""
    path = hostile.make("texts.zip", tmp_path)
    texts = [SimpleUploadedFile(f"{number}.txt", b"nothing to see") for number in range(3)]
    sent: dict[str, Any] = {"files": texts, "folders": "0,0,0"} if folder else {"files": path.open("rb")}
    answer = alice.post(URL, sent)
    assert answer.status_code == 415
    assert answer.context["refusal"].sentence.startswith("There is no image in it that is read here.")
    nothing_is_left()


def test_no_file(alice: Client, nothing_is_left: Callable[[], None]) -> None:
    assert alice.post(URL, {"patient_reference": "PX-1"}).status_code == 400
    nothing_is_left()


@pytest.mark.parametrize(
    ("limit", "value", "files"),
    [
        ("max_upload_files", 2, [b"", b"", b""]),
        ("max_upload_mb", 1, [b"\x89PNG" + bytes(1024 * 1024)]),
        ("max_study_mb", 1, [bytes(700 * 1024), bytes(700 * 1024)]),
    ],
)
def test_over_a_limit(
    alice: Client,
    nothing_is_left: Callable[[], None],
    settings: Any,
    limit: str,
    value: int,
    files: list[bytes],
) -> None:
    settings.CONFIG = settings.CONFIG.model_copy(update={limit: value})
    sent = [SimpleUploadedFile(f"{n}.png", content or png()) for n, content in enumerate(files)]
    answer = alice.post(URL, {"files": sent})
    assert answer.status_code == 413
    assert 'role="alert"' in answer.content.decode()
    nothing_is_left()


@pytest.mark.parametrize(
    "body",
    [
        b"--wrong\r\nnothing",
        b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + png()[:200],
        b"",
    ],
)
def test_a_broken_multipart_body(alice: Client, nothing_is_left: Callable[[], None], body: bytes) -> None:
    answer = alice.post(URL, data=body, content_type="multipart/form-data; boundary=edge")
    assert answer.status_code == 400
    nothing_is_left()


def test_a_body_without_a_boundary(alice: Client, nothing_is_left: Callable[[], None]) -> None:
    assert alice.post(URL, data=b"x", content_type="multipart/form-data").status_code == 400
    nothing_is_left()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\scans\\head.png", "head.png"),
        ("line\r\nbreak.png", "line break.png"),
        ("gnp.\u202etxet.png", "gnp.txet.png"),
        ("\x00\x07.png", ".png"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a" * 400 + ".png", "a" * 251 + ".png"),
    ],
)
def test_names_are_cleaned(sent: str, kept: str) -> None:
    assert names.cleaned(sent).replace(" ", "") == kept.replace(" ", "")
    assert len(names.cleaned(sent)) <= 255


def test_a_hostile_name_reaches_no_path(alice: Client, scan_folder: Path) -> None:
    alice.post(URL, {"files": SimpleUploadedFile("x." + "y" * 300, png())})
    assert len(StoredFile.objects.get().original_name) <= 255
    assert not [path for path in scan_folder.rglob("*") if "y" * 20 in path.name]


def test_pictures_of_two_sizes_are_no_series(alice: Client, nothing_is_left: Callable[[], None]) -> None:
    files = [SimpleUploadedFile("1.png", png()), SimpleUploadedFile("2.png", hostile.png_of(40, 40))]
    assert alice.post(URL, {"files": files, "as_series": "on"}).status_code == 400
    nothing_is_left()


def test_a_fault_while_recording_leaves_nothing(
    alice: Client, nothing_is_left: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(services.audit, "record", fails)
    with pytest.raises(OSError, match="disk full"):
        alice.post(URL, {"files": SimpleUploadedFile("a.png", png())})
    nothing_is_left()


def test_nothing_is_kept_of_an_anonymous_upload(db: None, nothing_is_left: Callable[[], None]) -> None:
    answer = Client().post(URL, {"files": SimpleUploadedFile("a.png", png())})
    assert answer.status_code == 302
    nothing_is_left()


def test_a_reviewer_uploads_nothing(db: None) -> None:
    assert cast.signed_in(cast.rita()).post(URL, {"files": SimpleUploadedFile("a.png", png())}).status_code == 403
    assert not Study.objects.exists()


def test_the_form_is_protected_against_other_sites(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(cast.alice(), backend=settings.AUTHENTICATION_BACKENDS[-1])
    assert browser.post(URL, {"files": SimpleUploadedFile("a.png", png())}).status_code == 403
    assert not Study.objects.exists()
