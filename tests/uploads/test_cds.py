"""A CD with its index (DICOMDIR): images are found by content, and what the index names in vain is told."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pydicom
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pydicom import Dataset
from pydicom.fileset import FileSet

from detection.models import Scan, Study
from ml.imaging import readers
from ml.imaging.headers import dicomdir
from ml.imaging.limits import DEFAULT
from tests import phantoms_cd, phantoms_dicom
from tests.uploads.test_clinical_uploads import FLAIR, T1, head, stored

URL = "/scans/new/"


def examination() -> list[Dataset]:
    """FLAIR of four slices and T1 of three."""
    return [
        *phantoms_dicom.series(head(4), SeriesNumber=2, **FLAIR),
        *phantoms_dicom.series(head(3, "t1"), SeriesNumber=7, **T1),
    ]


def zipped(folder: Path) -> SimpleUploadedFile:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return SimpleUploadedFile("cd.zip", target.getvalue())


def picked(folder: Path) -> dict[str, object]:
    """As the browser's folder picker sends them: names without folders, and the folder's number."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    folders = {parent: str(number) for number, parent in enumerate(dict.fromkeys(path.parent for path in paths))}
    return {
        "files": [SimpleUploadedFile(path.name, path.read_bytes()) for path in paths],
        "folders": ",".join(folders[path.parent] for path in paths),
    }


def told() -> list[str]:
    return [each["reason"] for each in Study.objects.get().set_aside if each["label"] == "The CD's index"]


def test_the_generated_index_is_one_that_pydicom_reads(tmp_path: Path) -> None:
    phantoms_cd.write_cd(tmp_path, examination())
    assert len(list(FileSet(pydicom.dcmread(tmp_path / "DICOMDIR")))) == 7


@pytest.mark.parametrize("way", ["zip", "folder"])
class TestAWholeCD:
    def test_its_series_are_scans_and_nothing_is_missing(self, alice: Client, tmp_path: Path, way: str) -> None:
        phantoms_cd.write_cd(tmp_path, examination())
        alice.post(URL, {"files": zipped(tmp_path)} if way == "zip" else picked(tmp_path))
        assert [(scan.sequence, scan.files.count()) for scan in Scan.objects.order_by("position")] == [
            ("FLAIR", 4),
            ("T1", 3),
        ]
        assert Study.objects.get().set_aside == []

    def test_images_that_only_the_index_names_are_told(self, alice: Client, tmp_path: Path, way: str) -> None:
        phantoms_cd.write_cd(tmp_path, examination(), left_out=[3, 5, 6])
        answer = alice.post(URL, {"files": zipped(tmp_path)} if way == "zip" else picked(tmp_path), follow=True)
        (sentence,) = told()
        assert sentence.startswith("It names 3 images that are not in this upload: 1 of series 2, 2 of series 7.")
        assert "names 3 images that are not in this upload" in answer.content.decode()

    def test_images_beside_the_index_are_found(self, alice: Client, tmp_path: Path, way: str) -> None:
        phantoms_cd.write_cd(tmp_path, examination()[:4])
        for place, each in enumerate(examination()[4:]):
            phantoms_dicom.write(tmp_path / f"EXTRA{place}", each)
        alice.post(URL, {"files": zipped(tmp_path)} if way == "zip" else picked(tmp_path))
        assert [scan.files.count() for scan in Scan.objects.order_by("position")] == [4, 3]


def test_an_image_without_a_number_has_that_of_the_index(alice: Client, tmp_path: Path) -> None:
    """No position, no number: the index is all there is that says in which order."""
    datasets = phantoms_dicom.series(head(4), SeriesNumber=2, **FLAIR)
    for each in datasets:
        del each.ImagePositionPatient, each.ImageOrientationPatient, each.InstanceNumber
    phantoms_cd.write_cd(tmp_path, datasets)
    order = (2, 0, 3, 1)
    for place, name in zip(order, "ABCD", strict=True):  # names that say something else
        (tmp_path / "DICOM/S0" / f"IM{place}").rename(tmp_path / "DICOM/S0" / name)
    alice.post(URL, {"files": zipped(tmp_path)})
    kept = [stored(file).SOPInstanceUID for file in Scan.objects.get().files.order_by("position")]
    assert kept == [each.SOPInstanceUID for each in datasets]


def test_an_icon_that_the_index_names_is_not_missing(alice: Client, tmp_path: Path) -> None:
    import numpy as np

    icon = phantoms_dicom.single(np.zeros((16, 16), np.uint8), SeriesNumber=9)
    phantoms_cd.write_cd(tmp_path, [*examination(), icon])
    alice.post(URL, {"files": zipped(tmp_path)})
    assert told() == []


def test_records_that_are_no_longer_in_use_do_not_count(alice: Client, tmp_path: Path) -> None:
    datasets = examination()
    phantoms_cd.write_cd(tmp_path, datasets, left_out=[0])
    names = [["X", str(place)] for place in range(len(datasets))]
    (tmp_path / "DICOMDIR").write_bytes(phantoms_cd.index(datasets, names, RecordInUseFlag=0))
    alice.post(URL, {"files": zipped(tmp_path)})
    assert told() == []


def test_the_index_alone_is_refused(alice: Client, tmp_path: Path) -> None:
    phantoms_cd.write_cd(tmp_path, examination())
    answer = alice.post(URL, {"files": SimpleUploadedFile("DICOMDIR", (tmp_path / "DICOMDIR").read_bytes())})
    assert answer.status_code == 415
    assert answer.context["refusal"].sentence == dicomdir.ONLY_THE_LIST


def test_nothing_of_the_index_is_stored(alice: Client, tmp_path: Path, scan_folder: Path) -> None:
    phantoms_cd.write_cd(tmp_path, examination())
    alice.post(URL, {"files": zipped(tmp_path)})
    kept = b"".join(path.read_bytes() for path in scan_folder.rglob("*") if path.is_file())
    assert b"Zabrinska" not in kept
    assert b"DICOMDIR" not in kept


def test_the_command_line_tells_it_too(tmp_path: Path) -> None:
    phantoms_cd.write_cd(tmp_path, examination(), left_out=[1])
    volume = readers.read([tmp_path])
    assert len(volume) == 3
    assert any("index names 1 image that is not in this upload" in note for note in volume.notes)


# ---------------------------------------------------------------------- hostile


def _endless(index: bytes) -> bytes:
    """Every offset in every record points at the first record."""
    first = struct.pack("<I", index.index(b"\xfe\xff\x00\xe0"))
    changed = bytearray(index)
    for tag in (b"\x04\0\x00\x14UL\x04\0", b"\x04\0\x20\x14UL\x04\0"):
        at = changed.find(tag)
        while at >= 0:
            changed[at + 8 : at + 12] = first
            at = changed.find(tag, at + 1)
    return bytes(changed)


def _nested(index: bytes) -> bytes:
    """Ten thousand sequences within the first record."""
    at = index.index(b"\xfe\xff\x00\xe0")
    opening = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    return index[:at] + b"\xfe\xff\0\xe0\xff\xff\xff\xff" + opening * 10_000 + index[at:]


def _a_million_records(index: bytes) -> bytes:
    at = index.index(b"\xfe\xff\x00\xe0")
    whole = bytearray(index[:at] + b"\xfe\xff\0\xe0\0\0\0\0" * 950_000)
    whole[at - 4 : at] = struct.pack("<I", len(whole) - at)
    return bytes(whole)


def index_of(datasets: list[Dataset], name: list[str]) -> bytes:
    return phantoms_cd.index(datasets, [name] * len(datasets))


HOSTILE = {
    "upwards": lambda datasets: index_of(datasets, ["..", "..", "..", "etc", "passwd"]),
    "absolute": lambda datasets: index_of(datasets, ["/etc/passwd"]),
    "eight levels": lambda datasets: index_of(datasets, list("ABCDEFGH")),
    "a loop": lambda datasets: _endless(index_of(datasets, ["IM"])),
}
BROKEN = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "noise": lambda whole: whole[:400] + bytes(range(256)) * 40,
    "too large": lambda whole: whole + bytes(dicomdir.MOST_BYTES),
    "nested": _nested,
    "a million records": _a_million_records,
    "a picture of nothing": lambda whole: b"nothing",
    "empty": lambda whole: b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_path_that_leads_outside_leads_nowhere(alice: Client, tmp_path: Path, name: str) -> None:
    datasets = examination()
    phantoms_cd.write_cd(tmp_path, datasets, left_out=[0])
    (tmp_path / "DICOMDIR").write_bytes(HOSTILE[name](datasets))
    assert alice.post(URL, {"files": zipped(tmp_path)}).status_code == 303
    assert [scan.files.count() for scan in Scan.objects.order_by("position")] == [3, 3]
    (sentence,) = told()
    assert sentence.startswith("It names 1 image that is not in this upload")
    assert "passwd" not in sentence


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_index_stops_no_upload(alice: Client, tmp_path: Path, name: str) -> None:
    phantoms_cd.write_cd(tmp_path, examination())
    whole = (tmp_path / "DICOMDIR").read_bytes()
    (tmp_path / "DICOMDIR").write_bytes(BROKEN[name](whole))
    assert alice.post(URL, {"files": zipped(tmp_path)}).status_code == 303
    assert [scan.files.count() for scan in Scan.objects.order_by("position")] == [4, 3]
    (sentence,) = told()
    assert sentence.startswith("It is damaged")


def test_what_an_index_names_is_read_without_one_path(tmp_path: Path) -> None:
    datasets = examination()
    (tmp_path / "index").write_bytes(index_of(datasets, ["..", "X"]))
    found = dicomdir.entries(tmp_path / "index", DEFAULT)
    assert {entry.instance for entry in found} == {each.SOPInstanceUID for each in datasets}
    assert {(entry.series, entry.series_number) for entry in found} == {
        (each.SeriesInstanceUID, each.SeriesNumber) for each in datasets
    }
