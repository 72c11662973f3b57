"""Release: the owner's or an administrator's act, once, and only on what is finished."""

from __future__ import annotations

import pytest
from django.test import Client

from detection import leases
from detection.analysis import services as analyses
from detection.models import AuditEntry, Delivery, Scan, Study, User
from detection.models.delivery import Recipient
from detection.uploads.services import SmsRequest
from ml.findings import Verdict
from tests import cast, rows


@pytest.fixture
def owner(db: None) -> User:
    return cast.alice()


def release(browser: Client, study: Study) -> int:
    return browser.post(f"/studies/{study.id}/release/").status_code


def test_the_owner_releases_and_it_is_on_the_record(owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    browser = cast.signed_in(owner)
    assert release(browser, scan.study) == 303
    study = Study.objects.get()
    assert (study.released_by, study.released_at is not None) == (owner, True)
    assert AuditEntry.objects.filter(action="released", actor=owner, row_id=study.id).count() == 1
    assert "Released by alice" in browser.get(f"/scans/{scan.id}/").content.decode()


def test_the_button_wants_a_tick_that_the_whole_scan_was_looked_at(owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    page = cast.signed_in(owner).get(f"/scans/{scan.id}/").content.decode()
    assert '<input type="checkbox" name="read" required />' in page
    assert "I have looked at the whole scan myself" in page
    assert "This is AI output. No doctor has confirmed it." in page


def test_where_nothing_was_answered_nothing_is_called_the_ais_output(owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.REFUSED)
    browser = cast.signed_in(owner)
    page = browser.get(f"/scans/{scan.id}/").content.decode()
    assert "Research use only. Assists a clinician, does not diagnose." in page
    assert "There is no result to release." in page
    assert "This is AI output" not in page
    assert "Read, not released" not in browser.get("/scans/").content.decode()


def test_a_second_release_changes_nothing(owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    release(cast.signed_in(owner), scan.study)
    first = Study.objects.get()
    assert release(cast.signed_in(cast.ada()), scan.study) == 303
    again = Study.objects.get()
    assert (again.released_at, again.released_by) == (first.released_at, owner)
    assert AuditEntry.objects.filter(action="released").count() == 1


def test_an_unfinished_study_is_not_released(owner: User) -> None:
    study = rows.study(owner)
    assert release(cast.signed_in(owner), study) == 409
    assert Study.objects.get().released_at is None


@pytest.mark.parametrize(("who", "status"), [(cast.bob, 404), (cast.rita, 403), (cast.ada, 303)])
def test_who_may(owner: User, who: object, status: int) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    assert release(cast.signed_in(who()), scan.study) == status  # type: ignore[operator]
    assert (Study.objects.get().released_at is not None) is (status == 303)


def test_a_link_cannot_release(owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    assert cast.signed_in(owner).get(f"/studies/{scan.study_id}/release/").status_code == 405


def test_the_patients_message_is_due_only_afterwards(owner: User) -> None:
    sms = SmsRequest(phone="+48600123456", recipient=Recipient.PATIENT, consent=True)
    study = rows.study(owner, sms=sms)
    rows.analysed(study, Verdict.NO_TUMOUR)
    assert not Delivery.objects.due(leases.database_now()).exists()
    release(cast.signed_in(owner), study)
    assert Delivery.objects.due(leases.database_now()).exists()


def test_whoever_releases_reads_first_which_number_gets_the_text(owner: User) -> None:
    sms = SmsRequest(phone="+48600123456", recipient=Recipient.PATIENT, consent=True)
    study = rows.study(owner, sms=sms)
    (scan,) = rows.analysed(study, Verdict.NO_TUMOUR)
    browser = cast.signed_in(owner)
    said = "It sends the text message to the patient, number ends 456."
    page = browser.get(f"/scans/{scan.id}/").content.decode()
    assert said in page
    assert "600123" not in page
    release(browser, study)
    assert said not in browser.get(f"/scans/{scan.id}/").content.decode()


def test_a_study_without_any_answer_is_not_released_and_nobody_is_told(owner: User) -> None:
    sms = SmsRequest(phone="+48600123456", recipient=Recipient.PATIENT, consent=True)
    study = rows.study(owner, sms=sms)
    (claimed,) = analyses.claim(worker=rows.WORKER, limit=1)
    analyses.fail(claimed, "The file could not be read.")
    browser = cast.signed_in(owner)
    page = browser.get(f"/scans/{claimed.scan_id}/").content.decode()
    assert "There is no result to release." in page
    assert f"/studies/{study.id}/release/" not in page
    assert release(browser, study) == 409
    assert Study.objects.get().released_at is None
    assert not Delivery.objects.due(leases.database_now()).exists()


def test_a_refused_scan_is_no_answer_and_one_beside_an_answered_one_is_no_obstacle(owner: User) -> None:
    (alone,) = rows.done(owner, Verdict.REFUSED)
    assert release(cast.signed_in(owner), alone.study) == 409
    _, answered = rows.done(owner, Verdict.REFUSED, Verdict.TUMOUR)
    assert release(cast.signed_in(owner), answered.study) == 303


class TestAnalysedAgainAfterTheRelease:
    """A release is of the results that there were: nobody has read the one that comes after it."""

    @pytest.fixture
    def scan(self, owner: User) -> Scan:
        sms = SmsRequest(phone="+48600123456", recipient=Recipient.PATIENT, consent=True)
        study = rows.study(owner, sms=sms)
        (scan,) = rows.analysed(study, Verdict.NO_TUMOUR)
        release(cast.signed_in(owner), study)
        cast.signed_in(owner).post(f"/scans/{scan.id}/analyses/")
        (scan,) = rows.analysed(study, Verdict.TUMOUR)
        return scan

    def test_no_page_calls_the_new_result_released(self, owner: User, scan: Scan) -> None:
        browser = cast.signed_in(owner)
        row = browser.get("/scans/").content.decode()
        assert "Unread" in row
        assert '<small class="outdated">Released before this analysis</small>' in row
        assert str(scan.id) not in browser.get("/scans/?tab=released").content.decode()
        for address in (f"/scans/{scan.id}/", f"/studies/{scan.study_id}/"):
            page = browser.get(address).content.decode()
            assert "Released by alice" not in page
            assert "alice released an earlier analysis" in page
            assert "<b>This result is not released.</b>" in page
            assert "signedby" not in page, "the green of a released result"
            assert "Release result" in page

    def test_a_waiting_patient_is_told_only_after_its_own_release(self, owner: User, scan: Scan) -> None:
        assert not Delivery.objects.due(leases.database_now()).exists()
        assert "Goes out after release" in cast.signed_in(owner).get(f"/scans/{scan.id}/").content.decode()
        assert release(cast.signed_in(owner), scan.study) == 303
        assert Delivery.objects.due(leases.database_now()).exists()
        assert "Released by alice" in cast.signed_in(owner).get(f"/scans/{scan.id}/").content.decode()

    def test_the_trail_tells_which_analyses_each_release_was_of(self, owner: User, scan: Scan) -> None:
        release(cast.signed_in(owner), scan.study)
        entries = AuditEntry.objects.filter(action="released").order_by("at")
        runs = scan.analyses.order_by("queued_at").values_list("id", flat=True)
        assert [entry.details["analyses"] for entry in entries] == [[str(run)] for run in runs]
