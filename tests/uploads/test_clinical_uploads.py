"""A hospital's own export goes in: DICOM files, folders, zips and CDs become the scans of one study, without names."""

from __future__ import annotations

import datetime
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pydicom import Dataset
from pydicom.uid import generate_uid

from detection import storage
from detection.models import AuditEntry, Scan, StoredFile, Study
from detection.models.scan import Kind
from tests import cast, phantoms, phantoms_dicom
from tests.rows import png

URL = "/scans/new/"
FLAIR: dict[str, Any] = {
    "SeriesDescription": "t2_tirm_tra_dark-fluid",
    "RepetitionTime": 9000,
    "EchoTime": 100,
    "InversionTime": 2500,
}
T1: dict[str, Any] = {"SeriesDescription": "T1 SE ax", "RepetitionTime": 500, "EchoTime": 12}
T1C: dict[str, Any] = {
    "SeriesDescription": "T1 SE ax",
    "RepetitionTime": 500,
    "EchoTime": 12,
    "ContrastBolusAgent": "Gadovist",
}


def content(dataset: Dataset) -> bytes:
    target = io.BytesIO()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def sent(datasets: Iterable[Dataset], stem: str = "IM") -> list[SimpleUploadedFile]:
    """Named as scanners name them: no ending, numbers that say nothing."""
    return [SimpleUploadedFile(f"{stem}{number:06d}", content(each)) for number, each in enumerate(datasets)]


def zipped(entries: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in entries.items():
            archive.writestr(name, each)
    return target.getvalue()


def head(slices: int = 4, contrast: str = "flair") -> np.ndarray:
    return phantoms.volume(slices=slices, size=64, contrast=contrast)[0]


def examination(**both: Any) -> list[Dataset]:
    """FLAIR, T1 and contrast T1 of one patient that lie on each other."""
    frame = generate_uid()
    made: list[Dataset] = []
    for number, (contrast, tags) in enumerate((("flair", FLAIR), ("t1", T1), ("t1c", T1C)), start=1):
        tags = {**tags, "SeriesNumber": number, "FrameOfReferenceUID": frame, **both}
        made += phantoms_dicom.series(head(contrast=contrast), **tags)
    return made


def stored(file: StoredFile) -> Dataset:
    return pydicom.dcmread(storage.original_path(file.key))


class TestOneSeries:
    def test_its_files_are_one_scan_in_order_of_position(self, alice: Client) -> None:
        datasets = phantoms_dicom.series(head(), **FLAIR)
        answer = alice.post(URL, {"files": sent([datasets[2], datasets[0], datasets[3], datasets[1]])})
        scan = Scan.objects.get()
        assert (answer.status_code, answer["Location"]) == (303, f"/scans/{scan.id}/")
        assert (scan.kind, scan.sequence, scan.series_uid) == (Kind.SERIES, "FLAIR", datasets[0].SeriesInstanceUID)
        kept = [stored(file).SOPInstanceUID for file in scan.files.all()]
        assert kept == [each.SOPInstanceUID for each in datasets]
        assert alice.get(answer["Location"]).status_code == 200

    def test_its_files_are_named_by_their_place_and_nothing_else(self, alice: Client) -> None:
        files = sent(phantoms_dicom.series(head(2)), stem="ZABRINSKA_W_")
        alice.post(URL, {"files": files})
        assert [file.original_name for file in StoredFile.objects.all()] == ["slice 001.dcm", "slice 002.dcm"]

    def test_both_hashes_are_recorded(self, alice: Client) -> None:
        whole = content(phantoms_dicom.with_names(phantoms_dicom.series(head(1))[0]))
        alice.post(URL, {"files": SimpleUploadedFile("a.dcm", whole)})
        file = StoredFile.objects.get()
        kept = storage.original_path(file.key).read_bytes()
        assert file.sha256_received == hashlib.sha256(whole).hexdigest()
        assert file.sha256 == hashlib.sha256(kept).hexdigest() != file.sha256_received

    def test_no_name_is_left_in_any_file_or_row(self, alice: Client, scan_folder: Path) -> None:
        datasets = [phantoms_dicom.with_names(each) for each in phantoms_dicom.series(head(2))]
        alice.post(URL, {"files": sent(datasets, stem="Zabrinska")})
        kept = b"".join(path.read_bytes() for path in scan_folder.rglob("*") if path.is_file())
        rows = repr([list(rows.objects.values()) for rows in (Study, Scan, StoredFile, AuditEntry)])
        for name in phantoms_dicom.NAMES:
            assert name.encode() not in kept
            assert name not in rows

    def test_a_multi_frame_file_is_a_series(self, alice: Client) -> None:
        alice.post(URL, {"files": sent([phantoms_dicom.multiframe(head())])})
        assert Scan.objects.get().kind == Kind.SERIES

    def test_one_slice_is_a_picture(self, alice: Client) -> None:
        alice.post(URL, {"files": sent(phantoms_dicom.series(head(1)))})
        assert Scan.objects.get().kind == Kind.IMAGE

    def test_the_same_series_again_is_a_second_study(self, alice: Client) -> None:
        datasets = phantoms_dicom.series(head(2))
        first = alice.post(URL, {"files": sent(datasets)})["Location"]
        second = alice.post(URL, {"files": sent(datasets)})["Location"]
        assert Study.objects.count() == 2
        assert f'href="{first}"' in alice.get(second).content.decode()

    def test_the_same_file_twice_in_one_upload_is_kept_once(self, alice: Client) -> None:
        datasets = phantoms_dicom.series(head(2))
        alice.post(URL, {"files": sent([*datasets, datasets[0]])})
        assert StoredFile.objects.count() == 2
        assert Study.objects.get().set_aside[0]["files"] == 1


class TestTheStudy:
    def test_its_day_is_that_of_the_examination(self, alice: Client) -> None:
        alice.post(URL, {"files": sent(phantoms_dicom.series(head(1), StudyDate="20240131"))})
        assert Study.objects.get().acquired_on == datetime.date(2024, 1, 31)

    def test_an_impossible_day_is_unknown(self, alice: Client) -> None:
        alice.post(URL, {"files": sent(phantoms_dicom.series(head(1), StudyDate="20249931"))})
        assert Study.objects.get().acquired_on is None

    def test_two_studies_of_one_patient_share_pseudonym_and_reference(self, alice: Client) -> None:
        for day in ("20240131", "20240501"):
            alice.post(URL, {"files": sent(phantoms_dicom.series(head(1), PatientID="A-1", StudyDate=day))})
        alice.post(URL, {"files": sent(phantoms_dicom.series(head(1), PatientID="A-2"))})
        later, earlier = Study.objects.exclude(acquired_on=None)
        other = Study.objects.get(acquired_on=None)
        assert later.patient_pseudonym == earlier.patient_pseudonym != other.patient_pseudonym
        assert later.patient_reference == earlier.patient_reference != other.patient_reference
        assert "A-1" not in later.patient_pseudonym

    def test_another_doctors_reference_is_not_taken_over(self, alice: Client) -> None:
        alice.post(URL, {"files": sent(phantoms_dicom.series(head(1))), "patient_reference": "ALICES-7"})
        cast.signed_in(cast.bob()).post(URL, {"files": sent(phantoms_dicom.series(head(1)))})
        first, second = Study.objects.order_by("created_at")
        assert first.patient_pseudonym == second.patient_pseudonym
        assert second.patient_reference != "ALICES-7"

    def test_a_file_without_a_patient_number_has_no_pseudonym(self, alice: Client) -> None:
        alice.post(URL, {"files": sent(phantoms_dicom.series(head(1), PatientID=""))})
        assert Study.objects.get().patient_pseudonym == ""

    @pytest.mark.parametrize("both", ["PatientID", "IssuerOfPatientID"])
    def test_two_patients_stop_the_upload(self, alice: Client, nothing_is_left: Callable[[], None], both: str) -> None:
        tags: list[dict[str, Any]] = [{both: "A"}, {both: "B"}]
        one, other = (phantoms_dicom.series(head(1), **each) for each in tags)
        answer = alice.post(URL, {"files": sent([*one, *other])})
        assert answer.status_code == 400
        assert answer.context["refusal"].sentence.startswith("The files belong to more than one patient.")
        nothing_is_left()


class TestSeveralSeries:
    def test_they_become_scans_in_the_order_of_their_numbers(self, alice: Client) -> None:
        second = phantoms_dicom.series(head(3), SeriesNumber=7, **T1)
        first = phantoms_dicom.series(head(4), SeriesNumber=2, **FLAIR)
        answer = alice.post(URL, {"files": sent([*second, *first])})
        study = Study.objects.get()
        assert answer["Location"] == f"/studies/{study.id}/"
        scans = list(study.scans.order_by("position"))
        assert [(scan.sequence, scan.files.count()) for scan in scans] == [("FLAIR", 4), ("T1", 3)]
        assert alice.get(answer["Location"]).status_code == 200

    def test_a_planning_picture_is_set_aside_and_told(self, alice: Client) -> None:
        scout = phantoms_dicom.series(head(3), SeriesNumber=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
        answer = alice.post(URL, {"files": sent([*scout, *phantoms_dicom.series(head(4), **FLAIR)])}, follow=True)
        assert Scan.objects.get().files.count() == 4
        (aside,) = Study.objects.get().set_aside
        assert (aside["label"], aside["files"]) == ("Series 1", 3)
        assert "localiser" in answer.content.decode()

    @pytest.mark.parametrize(
        ("tags", "word"),
        [
            ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, "map"),
            ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "mosaic"),
            ({"SeriesDescription": "ep2d_diff_3scan_trace_p2"}, "Diffusion"),
            ({"Modality": "CT"}, "Not MR"),
        ],
    )
    def test_what_is_not_read_is_set_aside(self, alice: Client, tags: dict[str, Any], word: str) -> None:
        other = phantoms_dicom.series(head(3), SeriesNumber=9, **tags)
        alice.post(URL, {"files": sent([*other, *phantoms_dicom.series(head(4), **FLAIR)])})
        assert Scan.objects.get().sequence == "FLAIR"
        assert word in Study.objects.get().set_aside[0]["reason"]

    def test_a_series_that_mixes_sizes_becomes_two_scans_and_is_told(self, alice: Client) -> None:
        uid = generate_uid()
        small = phantoms_dicom.series(head(3), SeriesInstanceUID=uid)
        large = phantoms_dicom.series(phantoms.volume(slices=3, size=96)[0], SeriesInstanceUID=uid)
        alice.post(URL, {"files": sent([*small, *large])})
        assert Scan.objects.count() == 2
        assert "differ in size" in Study.objects.get().set_aside[0]["reason"]

    def test_two_echoes_of_one_series_become_two_scans(self, alice: Client) -> None:
        uid = generate_uid()
        echoes = [
            each
            for echo in (12, 100)
            for each in phantoms_dicom.series(head(3), SeriesInstanceUID=uid, EchoTime=echo, RepetitionTime=3000)
        ]
        alice.post(URL, {"files": sent(echoes)})
        assert sorted(scan.files.count() for scan in Scan.objects.all()) == [3, 3]

    def test_a_report_among_images_is_set_aside(self, alice: Client) -> None:
        report = phantoms_dicom.single(head(1)[0], Modality="SR")
        alice.post(URL, {"files": sent([report, *phantoms_dicom.series(head(2))])})
        assert Scan.objects.get().files.count() == 2
        assert "no slices" in Study.objects.get().set_aside[0]["reason"]


class TestFusion:
    def test_series_that_lie_on_each_other_are_fused_as_a_further_scan(self, alice: Client) -> None:
        alice.post(URL, {"files": sent(examination())})
        flair, pre, post, fused = Scan.objects.order_by("position")
        assert fused.is_fused
        assert (fused.fused_pre, fused.fused_flair, fused.fused_post) == (pre, flair, post)
        assert (fused.kind, fused.files.count()) == (Kind.SERIES, 0)
        assert fused.current_analysis is not None
        assert alice.get(f"/scans/{fused.id}/").status_code == 200

    def test_flair_stands_in_for_what_is_missing(self, alice: Client) -> None:
        alice.post(URL, {"files": sent(examination()[:8])})
        fused = Scan.objects.get(fused_flair__isnull=False)
        assert (fused.fused_pre is not None, fused.fused_post) == (True, None)

    def test_other_places_are_not_fused(self, alice: Client) -> None:
        datasets = examination()
        for each in datasets[4:]:
            each.ImagePositionPatient = [float(value) + 3.0 for value in each.ImagePositionPatient]
        alice.post(URL, {"files": sent(datasets)})
        assert not Scan.objects.filter(fused_flair__isnull=False).exists()

    def test_without_a_common_frame_of_reference_nothing_is_fused(self, alice: Client) -> None:
        alice.post(URL, {"files": sent(examination(FrameOfReferenceUID=""))})
        assert Scan.objects.count() == 3

    def test_nifti_files_named_for_their_sequences_are_fused(self, alice: Client, tmp_path: Path) -> None:
        files = []
        for contrast, name in (("flair", "case_flair.nii.gz"), ("t1", "case_t1.nii.gz"), ("t1c", "case_t1ce.nii.gz")):
            path = phantoms.write_nifti(tmp_path / name, head(contrast=contrast))
            files.append(SimpleUploadedFile(name, path.read_bytes()))
        alice.post(URL, {"files": files})
        assert [scan.sequence for scan in Scan.objects.order_by("position")] == ["FLAIR", "T1", "T1c", ""]


class TestFoldersAndZips:
    def test_a_cd_is_unpacked_and_what_is_no_image_is_left_out(self, alice: Client) -> None:
        entries = {f"DICOM/ST000/SE00{n % 2}/IM{n:03d}": content(each) for n, each in enumerate(examination()[:8])}
        entries |= {
            "DICOMDIR": content(phantoms_dicom.single(head(1)[0], Modality="PR")),
            "AUTORUN.INF": b"[autorun]\nopen=viewer.exe\n",
            "VIEWER/viewer.exe": b"MZ" + bytes(200),
            "__MACOSX/._IM000": b"\0\x05\x16\x07",
            "README.HTM": b"<html>Patient Zabrinska</html>",
        }
        answer = alice.post(URL, {"files": SimpleUploadedFile("cd.zip", zipped(entries))}, follow=True)
        assert [scan.sequence for scan in Scan.objects.order_by("position")] == ["FLAIR", "T1", ""]
        assert "3 files left out" in answer.content.decode()
        assert not StoredFile.objects.filter(original_name__contains="viewer").exists()

    def test_a_zip_of_numbered_pictures_is_a_series(self, alice: Client) -> None:
        entries = {f"export/head_{number}.png": png(number) for number in (1, 2, 10, 9)}
        entries["export/head_1_mask.png"] = png(1)
        alice.post(URL, {"files": SimpleUploadedFile("head.zip", zipped(entries))})
        scan = Scan.objects.get()
        assert scan.kind == Kind.SERIES
        names = [file.original_name for file in scan.files.all()]
        assert names == ["head_1.png", "head_2.png", "head_9.png", "head_10.png"]

    def test_each_folder_of_pictures_is_a_series(self, alice: Client) -> None:
        files = [SimpleUploadedFile(f"{n}.png", png(n % 3)) for n in (1, 2, 3, 1, 2)]
        alice.post(URL, {"files": files, "as_series": "on", "folders": "0,0,0,1,1"})
        assert [scan.files.count() for scan in Scan.objects.order_by("position")] == [3, 2]

    def test_a_folder_may_hold_other_things(self, alice: Client) -> None:
        files = [SimpleUploadedFile("notes.txt", b"see attached"), *sent(phantoms_dicom.series(head(2)))]
        assert alice.post(URL, {"files": files, "folders": "0,0,0"}).status_code == 303
        assert Scan.objects.get().files.count() == 2

    def test_an_icon_on_a_cd_is_set_aside(self, alice: Client) -> None:
        icon = phantoms_dicom.single(np.zeros((16, 16), np.uint8))
        entries = {f"IM{n}": content(each) for n, each in enumerate([icon, *phantoms_dicom.series(head(2))])}
        alice.post(URL, {"files": SimpleUploadedFile("cd.zip", zipped(entries))})
        assert Scan.objects.get().files.count() == 2
        assert "icons" in Study.objects.get().set_aside[0]["reason"]

    def test_files_chosen_one_by_one_must_all_be_images(
        self, alice: Client, nothing_is_left: Callable[[], None]
    ) -> None:
        files = [SimpleUploadedFile("notes.txt", b"see attached"), *sent(phantoms_dicom.series(head(2)))]
        answer = alice.post(URL, {"files": files})
        assert answer.status_code == 415
        assert "notes.txt: " in answer.context["refusal"].sentence
        nothing_is_left()

    def test_nifti_pictures_and_dicom_in_one_upload_are_scans_of_their_own(self, alice: Client, tmp_path: Path) -> None:
        nifti = phantoms.write_nifti(tmp_path / "head.nii.gz", head()).read_bytes()
        files = [
            SimpleUploadedFile("a.png", png()),
            SimpleUploadedFile("head.nii.gz", nifti),
            *sent(phantoms_dicom.series(head(2))),
        ]
        alice.post(URL, {"files": files})
        formats = [scan.files.all()[0].format for scan in Scan.objects.order_by("position")]
        assert formats == ["dicom", "nifti", "png"]

    def test_a_damaged_slice_in_a_folder_stops_it(self, alice: Client, nothing_is_left: Callable[[], None]) -> None:
        files = sent(phantoms_dicom.series(head(3)))
        whole = content(phantoms_dicom.series(head(1))[0])
        files.append(SimpleUploadedFile("IM9", whole[: len(whole) // 2]))
        assert alice.post(URL, {"files": files, "folders": "0,0,0,0"}).status_code == 400
        nothing_is_left()

    @pytest.mark.parametrize("folders", ["0,1,x", "99999", "0" * 40_000])
    def test_what_is_no_list_of_folders_is_refused(
        self, alice: Client, nothing_is_left: Callable[[], None], folders: str
    ) -> None:
        assert alice.post(URL, {"files": SimpleUploadedFile("a.png", png()), "folders": folders}).status_code == 400
        nothing_is_left()
