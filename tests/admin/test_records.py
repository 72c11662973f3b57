"""Records in Django admin: what reviewers and administrators see, and that nothing can be changed there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from detection.analysis import services as analyses
from detection.models import Analysis, AuditEntry, Delivery, Measurement, Scan, StoredFile, Study, User, Worker
from detection.models.delivery import Recipient
from detection.models.worker import Purpose
from detection.uploads.services import SmsRequest
from ml.findings import Verdict
from tests import cast, rows

pytestmark = pytest.mark.django_db

CLINICAL = [Study, Scan, Analysis, StoredFile, Delivery, Measurement]
ALL = [*CLINICAL, AuditEntry, User, Worker]
PHONE = "+447700900123"


def url(row: type, page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:detection_{row.__name__.lower()}_{page}", args=args)


@pytest.fixture
def scans() -> list[Scan]:
    """Alice's upload of four pictures: one of each verdict, with a message to a patient."""
    study = rows.study(
        cast.alice(), pictures=4, reference="PX-7F3K-21", sms=SmsRequest(PHONE, Recipient.PATIENT, consent=True)
    )
    Worker.objects.create(
        name="analysis-host-1-abcd",
        purpose=Purpose.ANALYSIS,
        heartbeat_at=study.created_at,
        ready=True,
        model_version="2026.1-test",
    )
    made = rows.analysed(study, *Verdict)
    rows.ruler(made[0], [[1.0, 1.0], [4.0, 5.0]])
    return made


@pytest.fixture
def administrator() -> Client:
    return cast.signed_in(cast.ada())


@pytest.fixture
def reviewer() -> Client:
    return cast.signed_in(cast.rita())


def text(response) -> str:
    """The page without its tags, spaces made single."""
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


class TestLists:
    @pytest.mark.parametrize("row", ALL)
    def test_open_for_an_administrator(self, scans: list[Scan], administrator: Client, row: type) -> None:
        assert "Brainscan records" in text(administrator.get(url(row)))

    @pytest.mark.parametrize("row", CLINICAL)
    def test_clinical_ones_open_for_a_reviewer(self, scans: list[Scan], reviewer: Client, row: type) -> None:
        assert reviewer.get(url(row)).status_code == 200

    @pytest.mark.parametrize("row", [AuditEntry, User, Worker])
    def test_the_others_stay_shut_for_a_reviewer(self, scans: list[Scan], reviewer: Client, row: type) -> None:
        assert reviewer.get(url(row)).status_code == 403

    def test_scans_show_verdict_probability_and_model(self, scans: list[Scan], administrator: Client) -> None:
        page = text(administrator.get(url(Scan)))
        for words in (
            "Suspicious for tumour",
            "93%",
            "Nothing above threshold",
            "4%",
            "Uncertain",
            "41%",
            "Refused",
            "2026.1-test",
            "PX-7F3K-21 / 1",
        ):
            assert words in page

    def test_a_scan_shows_the_picture_that_lists_show(self, scans: list[Scan], administrator: Client) -> None:
        page = administrator.get(url(Scan)).content.decode()
        assert f'src="/scans/{scans[0].pk}/thumbnail.png"' in page

    def test_an_earlier_run_does_not_show_the_picture_of_the_current_one(self, administrator: Client) -> None:
        (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
        analyses.request_again(scan=scan, actor=scan.owner)
        rows.analysed(scan.study, Verdict.NO_TUMOUR)
        page = administrator.get(url(Analysis), {"q": str(scan.pk)}).content.decode()
        assert page.count(f'src="/scans/{scan.pk}/thumbnail.png"') == 1

    @pytest.mark.parametrize(("probability", "said"), [(0.995, "over 99%"), (0.005, "under 1%")])
    def test_no_probability_is_a_certainty(self, administrator: Client, probability: float, said: str) -> None:
        study = rows.study(cast.alice())
        rows.analysed(study, Verdict.UNCERTAIN, probability=probability)
        assert said in text(administrator.get(url(Scan)))

    def test_times_are_those_of_the_pages(self, scans: list[Scan], administrator: Client) -> None:
        queued = scans[0].analyses.get().queued_at
        with timezone.override("Asia/Tokyo"):
            page = text(administrator.get(url(Scan, "change", scans[0].pk)))
        local = queued + timedelta(hours=9)
        assert f"{local.day} {local:%b %Y, %H:%M}" in page

    def test_a_file_is_found_by_what_it_was_and_by_what_it_became(
        self, scans: list[Scan], administrator: Client
    ) -> None:
        file = scans[1].files.get()
        StoredFile.objects.filter(pk=file.pk).update(sha256_received="f" * 64)
        for row, key in ((Scan, scans[1].pk), (StoredFile, file.pk)):
            for wanted in ("f" * 64, file.sha256):
                found = administrator.get(url(row), {"q": wanted}).context["cl"].result_list
                assert [each.pk for each in found] == [key]
        page = text(administrator.get(url(StoredFile, "change", file.pk)))
        assert "f" * 64 in page
        assert file.sha256 in page

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("q=px-7f3k", 4),
            ("q=alice", 4),
            ("q=nobody", 0),
            ("current_analysis__verdict__exact=tumour", 1),
            ("current_analysis__state__exact=refused", 1),
            ("kind__exact=series", 0),
            ("current_analysis__model_version=2026.1-test", 4),
        ],
    )
    def test_scans_are_searched_and_filtered(
        self, scans: list[Scan], administrator: Client, query: str, found: int
    ) -> None:
        assert administrator.get(f"{url(Scan)}?{query}").context["cl"].result_count == found

    @pytest.mark.parametrize("row", [Study, Scan, User])
    def test_searching_leaves_no_words_in_any_address(
        self, scans: list[Scan], administrator: Client, row: type
    ) -> None:
        words = "px-7f3k" if row is not User else "alice"
        found = administrator.post(f"{url(row)}?o=1", {"q": words}, follow=True)
        assert found.redirect_chain[0][1] == 303
        assert found.context["cl"].result_count == (1 if row is User else row.objects.count()) > 0
        page = found.content.decode()
        assert f'value="{words}"' in page
        addresses = [found.redirect_chain[0][0], *re.findall(r'(?:href|action)="([^"]*)"', page)]
        assert "o=1" in addresses[0]
        assert not any(f"={words}" in address or f"%3D{words}" in address for address in addresses)
        nothing = administrator.post(addresses[0], {"q": " "})
        assert "q=" not in nothing["Location"]

    def test_a_search_that_no_field_can_hold_is_told_so(self, scans: list[Scan], administrator: Client) -> None:
        response = administrator.get(f"{url(Scan)}?q=%00")
        assert response.status_code < 500

    def test_a_scan_is_found_by_its_id_and_by_a_files_digest(self, scans: list[Scan], administrator: Client) -> None:
        scan = scans[2]
        for wanted in (scan.pk, scan.files.get().sha256):
            assert [
                found.pk for found in administrator.get(url(Scan), {"q": str(wanted)}).context["cl"].result_list
            ] == [scan.pk]

    @pytest.mark.parametrize("row", [Study, Scan, Analysis, Delivery, AuditEntry])
    def test_lists_have_a_date_hierarchy(self, scans: list[Scan], administrator: Client, row: type) -> None:
        assert administrator.get(url(row)).context["cl"].date_hierarchy

    @pytest.mark.parametrize("row", [Study, Scan, Analysis, StoredFile, Delivery, AuditEntry, User])
    def test_cost_the_same_number_of_queries_for_more_rows(self, administrator: Client, row: type) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as counted:
                assert administrator.get(url(row)).status_code == 200
            return len(counted)

        alice, bob = cast.alice(), cast.bob()
        sms = SmsRequest(PHONE, Recipient.CLINICIAN, consent=False)
        rows.done(alice, Verdict.TUMOUR, sms=sms)
        rows.done(bob, Verdict.TUMOUR, sms=sms)
        few = queries()
        for owner in (alice, bob):
            rows.done(owner, Verdict.TUMOUR, Verdict.NO_TUMOUR, Verdict.UNCERTAIN, sms=sms)
        assert queries() == few


class TestOneRecord:
    @pytest.mark.parametrize("row", ALL)
    def test_opens(self, scans: list[Scan], administrator: Client, row: type) -> None:
        assert administrator.get(url(row, "change", row.objects.first().pk)).status_code == 200

    def test_an_analysis_shows_model_version_weights_and_findings(self, scans: list[Scan], reviewer: Client) -> None:
        page = text(reviewer.get(url(Analysis, "change", scans[0].current_analysis_id)))
        for words in ("2026.1-test", "classifier.weights.h5", "a" * 64, "flair_abnormality", "0.93"):
            assert words in page
        assert "&quot;outline_px_interval&quot;:" in page
        assert "&quot;outline&quot;:" not in page

    def test_a_scan_shows_every_run(self, scans: list[Scan], reviewer: Client) -> None:
        from detection.analysis.services import request_again

        request_again(scan=scans[0], actor=scans[0].owner)
        page = text(reviewer.get(url(Scan, "change", scans[0].pk)))
        assert "Suspicious for tumour" in page
        assert "Queued" in page

    @pytest.mark.parametrize("row", [Delivery, Study])
    def test_a_phone_number_shows_its_last_three_digits_only(
        self, scans: list[Scan], administrator: Client, row: type
    ) -> None:
        pages = [administrator.get(url(row)), administrator.get(url(row, "change", row.objects.get().pk))]
        assert any("\u2022123" in text(page) for page in pages)
        for page in pages:
            assert "900123" not in page.content.decode()
            assert "7700" not in page.content.decode()


class TestNothingCanBeChanged:
    @pytest.mark.parametrize("row", [*CLINICAL, AuditEntry, Worker])
    def test_not_even_by_an_administrator(self, scans: list[Scan], administrator: Client, row: type) -> None:
        one = row.objects.first()
        before = dict(row.objects.filter(pk=one.pk).values().get().items())
        assert administrator.get(url(row, "add")).status_code == 403
        assert administrator.post(url(row, "add"), {}).status_code == 403
        assert (
            administrator.post(
                url(row, "change", one.pk), {"state": "queued", "reason": "x", "_save": "Save"}
            ).status_code
            == 403
        )
        assert administrator.post(url(row, "delete", one.pk), {"post": "yes"}).status_code == 403
        administrator.post(url(row), {"action": "delete_selected", "_selected_action": [str(one.pk)], "post": "yes"})
        assert row.objects.filter(pk=one.pk).values().get() == before

    @pytest.mark.parametrize("row", CLINICAL)
    def test_nor_by_a_reviewer(self, scans: list[Scan], reviewer: Client, row: type) -> None:
        one = row.objects.first()
        assert reviewer.get(url(row, "change", one.pk)).status_code == 200
        assert reviewer.post(url(row, "change", one.pk), {"_save": "Save"}).status_code == 403
        assert reviewer.post(url(row, "delete", one.pk), {"post": "yes"}).status_code == 403


def test_pages_have_nothing_inline(scans: list[Scan], administrator: Client) -> None:
    for row in ALL:
        for page in (url(row), url(row, "change", row.objects.first().pk)):
            html = administrator.get(page).content.decode()
            assert not re.search(r"<style|<script(?![^>]*\bsrc=)(?![^>]*application/json)|\sstyle=|\son\w+=", html), (
                page
            )


def test_times_are_written_as_on_the_pages_and_say_whose_they_are(settings) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    scan = rows.done(cast.alice(), Verdict.TUMOUR)[0]
    Analysis.objects.filter(scan=scan).update(queued_at=datetime(2026, 11, 30, 16, 5, 9, tzinfo=UTC))
    Scan.objects.filter(pk=scan.pk).update(created_at=datetime(2026, 11, 30, 16, 5, 9, tzinfo=UTC))
    administrator = cast.signed_in(cast.ada())
    for row in (Scan, Analysis):
        page = administrator.get(url(row)).content.decode()
        assert "1 Dec 2026, 01:05" in page
        assert "Times are those of Asia/Tokyo." in page
