"""Pictures that a doctor sends become a study, with the bytes kept before anything is analysed."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from detection import storage
from detection.models import AuditEntry, Scan, StoredFile, Study
from detection.models.analysis import State
from detection.models.scan import Kind
from tests import phantoms
from tests.rows import head, png

URL = "/scans/new/"


def named(name: str, content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png() if content is None else content)


def test_one_picture_leads_to_its_result_page(alice: Client) -> None:
    answer = alice.post(URL, {"files": named("head.png"), "patient_reference": "PX-1"})
    scan = Scan.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/scans/{scan.id}/")
    assert (scan.kind, scan.study.patient_reference) == (Kind.IMAGE, "PX-1")
    assert scan.current_analysis is not None
    assert scan.current_analysis.state == State.QUEUED
    assert alice.get(answer["Location"]).status_code == 200


def test_the_original_is_kept_byte_for_byte_with_its_hash(alice: Client) -> None:
    content = png()
    alice.post(URL, {"files": named("head.png", content)})
    file = StoredFile.objects.get()
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    with storage.open_original(file.key) as kept:
        assert kept.read() == content
    assert "head" not in file.key
    assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "CMYK"])
def test_every_kind_of_picture_is_taken(alice: Client, kind: str, mode: str) -> None:
    if (kind, mode) not in {(k, m) for k in ("PNG", "TIFF") for m in ("L", "RGB", "I;16")} | {
        (k, m) for k in ("JPEG", "WEBP", "BMP") for m in ("L", "RGB")
    } | {("JPEG", "CMYK"), ("TIFF", "CMYK")}:
        pytest.skip("no such picture")
    image = Image.fromarray(head())
    image = Image.fromarray(head().astype("uint16") * 256) if mode == "I;16" else image.convert(mode)
    target = io.BytesIO()
    image.save(target, kind)
    assert alice.post(URL, {"files": named("picture", target.getvalue())}).status_code == 303
    assert StoredFile.objects.get().format == kind.lower()


def test_several_pictures_are_several_scans_of_one_study(alice: Client) -> None:
    answer = alice.post(URL, {"files": [named("a.png"), named("b.png", png(1))]})
    study = Study.objects.get()
    assert answer["Location"] == f"/studies/{study.id}/"
    assert [scan.kind for scan in study.scans.order_by("position")] == [Kind.IMAGE, Kind.IMAGE]
    assert alice.get(answer["Location"]).status_code == 200


def test_slices_of_a_series_are_one_scan_in_the_order_of_their_numbers(alice: Client) -> None:
    names = ["head_10.png", "head_9.png", "head_2.png"]
    alice.post(URL, {"files": [named(name, png(n)) for n, name in enumerate(names)], "as_series": "on"})
    scan = Scan.objects.get()
    assert scan.kind == Kind.SERIES
    assert [file.original_name for file in scan.files.all()] == ["head_2.png", "head_9.png", "head_10.png"]


def test_masks_in_a_picked_folder_are_left_out_and_told(alice: Client) -> None:
    files = [named("head_1.png"), named("head_1_mask.png"), named("head_2.png", png(1))]
    answer = alice.post(URL, {"files": files, "as_series": "on"}, follow=True)
    assert StoredFile.objects.count() == 2
    assert "1 file left out" in answer.content.decode()


def test_a_multi_page_tiff_is_a_series(alice: Client) -> None:
    pages = [Image.fromarray(head(n)) for n in range(3)]
    target = io.BytesIO()
    pages[0].save(target, "TIFF", save_all=True, append_images=pages[1:])
    alice.post(URL, {"files": named("head.tif", target.getvalue())})
    assert Scan.objects.get().kind == Kind.SERIES


def test_a_nifti_is_a_series(alice: Client, tmp_path: Path) -> None:
    path = tmp_path / "head.nii.gz"
    phantoms.write_nifti(path, phantoms.volume(slices=4, size=64)[0])
    alice.post(URL, {"files": named("head.nii.gz", path.read_bytes())})
    assert Scan.objects.get().kind == Kind.SERIES


def test_an_empty_reference_gets_a_pseudonym(alice: Client) -> None:
    alice.post(URL, {"files": named("head.png")})
    assert Study.objects.get().patient_reference.startswith("PX-")


def test_the_same_file_again_is_a_new_study_that_names_the_earlier_one(alice: Client) -> None:
    first = alice.post(URL, {"files": named("head.png")})["Location"]
    second = alice.post(URL, {"files": named("head.png")})["Location"]
    assert Study.objects.count() == 2
    page = alice.get(second).content.decode()
    assert "identical file was uploaded before" in page
    assert f'href="{first}"' in page
    assert "identical file" not in alice.get(first).content.decode()


def test_an_upload_is_in_the_audit_trail_without_patient_data(alice: Client) -> None:
    alice.post(URL, {"files": named("Jane Doe.png"), "patient_reference": "JD-77"})
    entry = AuditEntry.objects.get(action="uploaded")
    assert entry.details == {"scans": 1, "files": 1, "left_out": 0}


def test_a_script_hears_the_address_as_json(alice: Client) -> None:
    answer = alice.post(URL, {"files": named("head.png")}, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (201, {"location": f"/scans/{Scan.objects.get().id}/"})
