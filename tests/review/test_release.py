"""Release: the owner's or an administrator's act, once, and only on what is finished."""

from __future__ import annotations

import pytest
from django.test import Client

from detection import leases
from detection.models import AuditEntry, Delivery, Study, User
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
