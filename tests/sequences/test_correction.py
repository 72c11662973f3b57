"""A doctor says which sequence a scan is: it is kept with name and time, and what depends on it is analysed again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pydicom.uid import generate_uid

from detection.analysis import services
from detection.models import Analysis, AuditEntry, Scan
from detection.models.analysis import State
from ml.findings import Verdict
from ml.imaging.volume import Volume
from tests import cast, phantoms_dicom, rows
from tests.uploads.test_clinical_uploads import FLAIR, T1, content, head, sent


@pytest.fixture
def alice(db: None) -> Client:
    return cast.signed_in(cast.alice())


def ended() -> None:
    """As if every waiting analysis had ended."""
    from django.utils import timezone

    Analysis.objects.filter(state__in=State.unfinished()).update(
        state=State.FAILED, reason="Of the test.", finished_at=timezone.now()
    )


def flair_and(alice: Client, **tags: Any) -> tuple[Scan, Scan]:
    """A FLAIR and another series that lies on it."""
    frame = generate_uid()
    datasets = phantoms_dicom.series(head(), FrameOfReferenceUID=frame, SeriesNumber=1, **FLAIR)
    datasets += phantoms_dicom.series(head(contrast="t1"), FrameOfReferenceUID=frame, SeriesNumber=2, **tags)
    alice.post("/scans/new/", {"files": sent(datasets)})
    ended()
    one, other = Scan.objects.order_by("position")
    return one, other


def fused_pair(alice: Client) -> tuple[Scan, Scan, Scan]:
    """FLAIR and T1 that lie on each other, and the scan fused of them, which is suspicious for tumour."""
    frame = generate_uid()
    datasets = phantoms_dicom.series(head(), FrameOfReferenceUID=frame, SeriesNumber=1, **FLAIR)
    datasets += phantoms_dicom.series(head(contrast="t1"), FrameOfReferenceUID=frame, SeriesNumber=2, **T1)
    alice.post("/scans/new/", {"files": sent(datasets)})
    flair, t1, fused = Scan.objects.order_by("position")
    (analysis,) = (each for each in services.claim(worker=rows.WORKER, limit=9) if each.scan_id == fused.pk)
    volume = Volume(head()[..., np.newaxis], "series", ("a",) * len(head()))
    found = rows.findings(volume, Verdict.TUMOUR)
    services.record(analysis, found, volume=volume, model=rows.MODEL, milliseconds=1)
    ended()
    fused.refresh_from_db()
    return flair, t1, fused


def test_the_correction_is_kept_and_the_scan_analysed_again(alice: Client) -> None:
    alice.post(
        "/scans/new/", {"files": SimpleUploadedFile("a.dcm", content(phantoms_dicom.series(head(1), **FLAIR)[0]))}
    )
    ended()
    scan = Scan.objects.get()
    answer = alice.post(f"/scans/{scan.pk}/sequence/", {"sequence": "T1c"})
    assert (answer.status_code, answer["Location"]) == (303, f"/scans/{scan.pk}/")
    scan.refresh_from_db()
    assert (scan.sequence, scan.sequence_by_doctor, scan.known_sequence) == ("FLAIR", "T1c", "T1c")
    assert scan.sequence_corrected_by.username == "alice"
    assert scan.sequence_corrected_at is not None
    assert scan.analyses.count() == 2
    assert scan.current_analysis.state == State.QUEUED
    assert AuditEntry.objects.get(action="sequence corrected").details == {"was": "FLAIR", "now": "T1c"}


def test_it_can_be_taken_back(alice: Client) -> None:
    (scan,) = rows.analysed(rows.study(cast.User.objects.get(), pictures=1), Verdict.NO_TUMOUR)
    alice.post(f"/scans/{scan.pk}/sequence/", {"sequence": "FLAIR"})
    ended()
    alice.post(f"/scans/{scan.pk}/sequence/", {"sequence": ""})
    scan.refresh_from_db()
    assert (scan.sequence_by_doctor, scan.sequence_corrected_by) == ("", None)
    assert scan.analyses.count() == 3


def test_the_same_again_changes_nothing(alice: Client) -> None:
    (scan,) = rows.analysed(rows.study(cast.User.objects.get(), pictures=1), Verdict.NO_TUMOUR)
    alice.post(f"/scans/{scan.pk}/sequence/", {"sequence": ""})
    assert scan.analyses.count() == 1


def test_while_it_is_analysed_it_has_to_wait(alice: Client) -> None:
    scan = rows.study(cast.User.objects.get(), pictures=1).scans.get()
    answer = alice.post(f"/scans/{scan.pk}/sequence/", {"sequence": "T2"}, follow=True)
    assert "Wait for its result" in answer.content.decode()
    scan.refresh_from_db()
    assert scan.sequence_by_doctor == ""


def test_no_such_sequence(alice: Client) -> None:
    scan = rows.study(cast.User.objects.get(), pictures=1).scans.get()
    assert alice.post(f"/scans/{scan.pk}/sequence/", {"sequence": "PET"}).status_code == 400


def test_series_that_now_belong_together_are_fused(alice: Client) -> None:
    flair, other = flair_and(alice, SeriesDescription="axial")
    alice.post(f"/scans/{other.pk}/sequence/", {"sequence": "T1"})
    fused = Scan.objects.get(fused_flair__isnull=False)
    assert (fused.fused_pre, fused.fused_flair, fused.fused_post) == (other, flair, None)
    assert (fused.position, fused.owner) == (2, flair.owner)
    assert fused.current_analysis.state == State.QUEUED


def test_a_fused_scan_follows_the_correction(alice: Client) -> None:
    frame = generate_uid()
    datasets = phantoms_dicom.series(head(), FrameOfReferenceUID=frame, SeriesNumber=1, **FLAIR)
    datasets += phantoms_dicom.series(head(contrast="t1"), FrameOfReferenceUID=frame, SeriesNumber=2, **T1)
    alice.post("/scans/new/", {"files": sent(datasets)})
    ended()
    flair, t1, fused = Scan.objects.order_by("position")
    alice.post(f"/scans/{t1.pk}/sequence/", {"sequence": "T1c"})
    fused.refresh_from_db()
    assert (fused.fused_pre, fused.fused_flair, fused.fused_post) == (None, flair, t1)
    assert fused.analyses.count() == 2


class TestACorrectionThatEndsAFusion:
    """FLAIR and T1 were read together; then a doctor says that the T1 is a T2."""

    @pytest.fixture
    def scans(self, alice: Client) -> tuple[Scan, Scan, Scan]:
        flair, t1, fused = fused_pair(alice)
        page = alice.post(f"/scans/{t1.pk}/sequence/", {"sequence": "T2"}, follow=True).content.decode()
        assert "Scan 3 was fused with this series and is no longer current. Its result stays on record." in page
        ended()
        return flair, t1, fused

    def test_the_fused_scan_stays_with_its_result_and_says_that_it_is_not_current(
        self, alice: Client, scans: tuple[Scan, Scan, Scan]
    ) -> None:
        *_, fused = scans
        was = fused.current_analysis_id
        fused = Scan.objects.with_result().get(pk=fused.pk)
        assert fused.is_superseded
        assert (fused.current_analysis_id, fused.analyses.count()) == (was, 1)
        page = alice.get(f"/scans/{fused.pk}/").content.decode()
        assert "No longer current" in page
        assert "Suspicious for tumour" not in page
        assert "T1, scan 2</a>, now T2" in page
        assert '<h2 id="downloads">' not in page
        assert f"/studies/{fused.study_id}/release/" not in page
        assert f'<a class="btn small" href="/studies/{fused.study_id}/">Open the upload’s other scans</a>' in page

    def test_neither_list_nor_study_nor_a_script_takes_it_for_current(
        self, alice: Client, scans: tuple[Scan, Scan, Scan]
    ) -> None:
        *_, fused = scans
        for address in ("/", f"/studies/{fused.study_id}/"):
            page = alice.get(address, follow=True).content.decode()
            assert page.count("No longer current") == 1
            assert "93%" not in page
        administrator = cast.signed_in(cast.ada())
        for address in ("scan/", f"scan/{fused.pk}/change/", f"study/{fused.study_id}/change/"):
            assert "No longer current (was: " in administrator.get(f"/admin/detection/{address}").content.decode()
        assert alice.get(f"/scans/{fused.pk}/status.json").json()["superseded"] is True
        assert alice.get(f"/scans/{fused.pk}/result.json").json()["superseded"] is True
        assert alice.get(f"/scans/{fused.pk}/exports/report.pdf").status_code == 409

    def test_taken_back_it_is_current_again_without_another_analysis(
        self, alice: Client, scans: tuple[Scan, Scan, Scan]
    ) -> None:
        _, t1, fused = scans
        page = alice.post(f"/scans/{t1.pk}/sequence/", {"sequence": ""}, follow=True).content.decode()
        assert "Scan 3, fused with this series, is current." in page
        fused = Scan.objects.with_result().get(pk=fused.pk)
        assert not fused.is_superseded
        assert fused.analyses.count() == 1
        assert "No longer current" not in alice.get(f"/scans/{fused.pk}/").content.decode()

    def test_another_series_that_fits_takes_its_place(self, alice: Client, scans: tuple[Scan, Scan, Scan]) -> None:
        flair, t1, fused = scans
        alice.post(f"/scans/{t1.pk}/sequence/", {"sequence": "T1c"})
        fused = Scan.objects.with_result().get(pk=fused.pk)
        assert (fused.fused_pre, fused.fused_flair, fused.fused_post) == (None, flair, t1)
        assert not fused.is_superseded
        assert fused.analyses.count() == 2


def test_while_series_are_analysed_together_none_of_them_is_corrected(alice: Client) -> None:
    _, t1, fused = fused_pair(alice)
    alice.post(f"/scans/{fused.pk}/analyses/")
    page = alice.post(f"/scans/{t1.pk}/sequence/", {"sequence": "T2"}, follow=True).content.decode()
    assert "being analysed together" in page
    assert not Scan.objects.with_result().get(pk=fused.pk).is_superseded
    t1.refresh_from_db()
    assert t1.sequence_by_doctor == ""


def test_a_fused_scan_itself_is_not_corrected(alice: Client) -> None:
    _, other = flair_and(alice, SeriesDescription="axial")
    alice.post(f"/scans/{other.pk}/sequence/", {"sequence": "T1"})
    ended()
    fused = Scan.objects.get(fused_flair__isnull=False)
    page = alice.post(f"/scans/{fused.pk}/sequence/", {"sequence": "T2"}, follow=True)
    assert "made of others" in page.content.decode()
