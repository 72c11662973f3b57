"""Permission, and the clear answers where there is nothing to take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse

from detection.analysis import services as analysis_services
from detection.exchange import formats
from detection.models import Analysis, AuditEntry, Scan
from ml.findings import Verdict
from tests import cast, rows
from tests.exchange import scans
from tests.imaging.writers.geometry import SHAPE

pytestmark = pytest.mark.django_db


def address(scan: Scan, name: str = "masks.zip") -> str:
    return reverse("export", args=[scan.pk, name])


def answer_of(scan: Scan, name: str = "masks.zip"):
    return cast.signed_in(scan.owner).get(address(scan, name))


class TestPermission:
    def test_somebody_elses_scan_does_not_exist(self):
        (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
        assert cast.signed_in(cast.bob()).get(address(scan)).status_code == 404
        assert not AuditEntry.objects.filter(action="exported").exists()

    def test_a_reviewer_may_take_it_and_is_on_record(self):
        (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
        rita = cast.rita()
        assert cast.signed_in(rita).get(address(scan)).status_code == 200
        assert AuditEntry.objects.get(action="exported").actor == rita

    def test_nothing_is_taken_by_posting(self):
        (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
        assert cast.signed_in(scan.owner).post(address(scan)).status_code == 405


class TestNothingToTake:
    @pytest.mark.parametrize("name", formats.FORMATS)
    def test_a_waiting_analysis(self, name: str):
        answer = answer_of(rows.study(cast.alice()).scans.get(), name)
        assert (answer.status_code, formats.UNFINISHED in answer.content.decode()) == (409, True)

    @pytest.mark.parametrize("name", ["masks.zip", "report.pdf"])
    def test_a_refused_scan(self, name: str):
        (scan,) = rows.done(cast.alice(), Verdict.REFUSED)
        answer = answer_of(scan, name)
        assert (answer.status_code, formats.REFUSED in answer.content.decode()) == (409, True)

    def test_a_failed_analysis(self):
        scan = rows.study(cast.alice()).scans.get()
        (claimed,) = analysis_services.claim(worker=rows.WORKER, limit=1)
        analysis_services.fail(claimed, "The file is damaged.")
        answer = answer_of(scan)
        assert (answer.status_code, formats.FAILED in answer.content.decode()) == (409, True)

    def test_a_result_of_an_earlier_version(self):
        (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
        analysis = Analysis.objects.get(scan=scan)
        found = dict(analysis.findings or {})
        del found["stored_orientation"]  # versions before this one did not write it
        Analysis.objects.filter(pk=analysis.pk).update(findings=found)
        answer = answer_of(scan)
        assert (answer.status_code, formats.OLDER_RUN in answer.content.decode()) == (409, True)

    def test_no_answer_names_the_files(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path, masks=np.zeros(SHAPE, bool), verdict=Verdict.NO_TUMOUR)
        assert "DOE" not in answer_of(scan, "segmentation.dcm").content.decode()


class TestDownloadSection:
    def page(self, scan: Scan) -> str:
        return cast.signed_in(scan.owner).get(reverse("scan", args=[scan.pk])).content.decode()

    def offered(self, scan: Scan) -> set[str]:
        page = self.page(scan)
        return {name for name in formats.FORMATS if f'href="{address(scan, name)}"' in page}

    def test_a_dicom_series_offers_all(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        assert self.offered(scan) == set(formats.FORMATS)
        for each in formats.FORMATS.values():
            assert each.sentence in self.page(scan)

    def test_an_empty_finding_offers_the_report_and_says_why_no_segmentation(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path, masks=np.zeros(SHAPE, bool), verdict=Verdict.NO_TUMOUR)
        assert self.offered(scan) == set(formats.FORMATS) - {"segmentation.dcm", "rtstruct.dcm"}
        assert formats.NOTHING_OUTLINED in self.page(scan)

    def test_a_picture_offers_zip_and_report_and_says_why_nothing_else(self):
        (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
        assert self.offered(scan) == {"masks.zip", "report.pdf"}
        assert formats.NOT_DICOM in self.page(scan)

    @pytest.mark.parametrize("verdict", [Verdict.REFUSED, None])
    def test_without_a_result_there_is_no_section(self, verdict: Verdict | None):
        scan = rows.done(cast.alice(), verdict)[0] if verdict else rows.study(cast.alice()).scans.get()
        assert "Download</h2>" not in self.page(scan)
