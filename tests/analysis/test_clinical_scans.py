"""What the worker makes of clinical files: fused series, a doctor's word, and content that can never be read."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pydicom.uid import generate_uid

from detection import storage
from detection.analysis.worker import AnalysisWorker
from detection.models import Scan, StoredFile, User
from detection.models.analysis import State
from ml.imaging.volume import Volume
from tests import cast, hostile, phantoms, phantoms_dicom
from tests.analysis.stand_in import StandIn

# The heartbeat's thread has its own connection, so rows have to be really there.
pytestmark = pytest.mark.django_db(transaction=True)

FLAIR: dict[str, Any] = {"SeriesDescription": "FLAIR", "RepetitionTime": 9000, "EchoTime": 100, "InversionTime": 2500}
T1: dict[str, Any] = {"SeriesDescription": "T1 SE", "RepetitionTime": 500, "EchoTime": 12}


class Remembering(StandIn):
    """Keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Volume] = []

    def __call__(self, volumes, **more):
        self.seen += volumes
        return super().__call__(volumes, **more)


@pytest.fixture
def doctor() -> User:
    return cast.alice()


def upload(doctor: User, folder: Path, datasets: list) -> None:
    paths = phantoms_dicom.write_series(folder, datasets)
    files = [SimpleUploadedFile(path.name, path.read_bytes()) for path in paths]
    answer = cast.signed_in(doctor).post("/scans/new/", {"files": files})
    assert answer.status_code == 303


def drained() -> list[Volume]:
    pipeline = Remembering()
    AnalysisWorker(lambda: pipeline).run(drain=True)
    return pipeline.seen


def head(contrast: str, slices: int = 5) -> np.ndarray:
    return phantoms.volume(slices=slices, size=64, contrast=contrast)[0]


def test_a_fused_scan_has_pre_flair_and_post_for_channels(doctor: User, tmp_path: Path) -> None:
    frame = generate_uid()
    datasets = [
        each
        for contrast, tags in (("flair", FLAIR), ("t1", T1), ("t1c", {**T1, "ContrastBolusAgent": "Gadovist"}))
        for each in phantoms_dicom.series(head(contrast), FrameOfReferenceUID=frame, **tags)
    ]
    upload(doctor, tmp_path, datasets)
    (fused,) = (volume for volume in drained() if volume.channels == 3)
    for channel, contrast in enumerate(("t1", "flair", "t1c")):
        assert np.array_equal(fused.voxels[..., channel], head(contrast))
    assert fused.spacing is not None
    scan = Scan.objects.get(fused_flair__isnull=False)
    assert scan.current_analysis is not None
    assert scan.current_analysis.state == State.DONE
    page = cast.signed_in(doctor).get(f"/scans/{scan.pk}/").content.decode()
    assert "T1 + FLAIR + T1 with contrast" in page
    assert "15 original files with SHA-256" in page


def test_a_doctor_s_word_goes_before_the_tags(doctor: User, tmp_path: Path) -> None:
    upload(doctor, tmp_path, phantoms_dicom.series(head("flair"), **FLAIR))
    Scan.objects.update(sequence_by_doctor="T1c", sequence_corrected_by=doctor, sequence_corrected_at=timezone.now())
    assert [volume.sequence for volume in drained()] == ["T1c"]


def test_a_sequence_that_the_pixels_contradict_is_forgotten(doctor: User, tmp_path: Path) -> None:
    t2 = phantoms.volume(contrast="t2", tumour=False)[0]
    upload(doctor, tmp_path, phantoms_dicom.series(t2, **FLAIR))
    assert Scan.objects.get().sequence == "FLAIR"
    assert [volume.sequence for volume in drained()] == [None]
    assert Scan.objects.get().sequence == ""


def test_content_that_can_never_be_read_is_refused_with_the_reason(doctor: User) -> None:
    nothing = struct.pack("<f", float("nan")) * (64 * 64 * 8)
    content = bytearray(hostile.nifti((64, 64, 8), nothing, datatype=16))
    browser = cast.signed_in(doctor)
    address = browser.post("/scans/new/", {"files": SimpleUploadedFile("head.nii", bytes(content))})["Location"]
    drained()
    analysis = Scan.objects.get().current_analysis
    assert analysis is not None
    assert (analysis.state, analysis.verdict) == (State.REFUSED, "refused")
    assert "no numbers" in analysis.reason
    page = browser.get(address)
    assert page.status_code == 200
    assert "no numbers" in page.content.decode()
    assert browser.get(f"{address}status.json").json()["state"] == "refused"


def test_a_file_that_the_storage_broke_has_failed(doctor: User, tmp_path: Path) -> None:
    upload(doctor, tmp_path, phantoms_dicom.series(head("flair", 1), **FLAIR))
    with storage.original_path(StoredFile.objects.get().key).open("r+b") as file:
        file.truncate(900)
    drained()
    analysis = Scan.objects.get().current_analysis
    assert analysis is not None
    assert (analysis.state, analysis.verdict) == (State.FAILED, "")
