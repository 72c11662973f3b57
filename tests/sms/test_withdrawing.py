"""A waiting message can be taken back: the number was mistyped, or the patient no longer agrees."""

from __future__ import annotations

import pytest
from django.urls import reverse

from detection import leases
from detection.models import AuditEntry, Delivery, User
from detection.models.delivery import DeliveryState, Recipient
from detection.review.services import release
from detection.sms import services
from tests import rows
from tests.cast import alice, rita, signed_in
from tests.sms.senders import wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor() -> User:
    return alice()


@pytest.fixture
def waiting(doctor: User) -> Delivery:
    delivery = wanted(doctor, Recipient.PATIENT)
    rows.analysed(delivery.study, rows.Verdict.NO_TUMOUR)
    return delivery


def withdraw(user: User, delivery: Delivery) -> int:
    return signed_in(user).post(reverse("withdraw_message", args=[delivery.pk])).status_code


def test_it_never_goes_out_whatever_is_released_or_asked_for_afterwards(doctor: User, waiting: Delivery) -> None:
    assert withdraw(doctor, waiting) == 303
    release(study=waiting.study, actor=doctor)
    with pytest.raises(services.NotParked):
        services.send_again(delivery=waiting, actor=doctor)
    assert not Delivery.objects.due(leases.database_now()).exists()
    assert AuditEntry.objects.get(action="message withdrawn").actor == doctor


def test_the_page_offers_it_while_it_waits_and_nothing_more_afterwards(doctor: User, waiting: Delivery) -> None:
    browser = signed_in(doctor)
    address = reverse("scan", args=[waiting.study.scans.get().pk])
    assert reverse("withdraw_message", args=[waiting.pk]) in browser.get(address).content.decode()
    withdraw(doctor, waiting)
    page = browser.get(address).content.decode()
    assert "Withdrawn before it was sent." in page
    assert '<span class="st none">Withdrawn</span>' in page
    assert "Not sent" not in page
    assert reverse("withdraw_message", args=[waiting.pk]) not in page
    assert reverse("send_again", args=[waiting.pk]) not in page


def test_the_list_calls_it_withdrawn_and_asks_for_no_attention(doctor: User, waiting: Delivery) -> None:
    withdraw(doctor, waiting)
    browser = signed_in(doctor)
    (row,) = browser.get("/scans/").context["rows"]
    assert row.message is not None
    assert (row.message.word, row.message.kind) == ("Withdrawn", "none")
    assert not browser.get("/scans/?tab=attention").context["rows"]
    failed = wanted(doctor, Recipient.CLINICIAN)
    Delivery.objects.filter(pk=failed.pk).update(
        state="failed", reason="The number does not exist.", study=waiting.study
    )
    (row,) = browser.get("/scans/?tab=attention").context["rows"]
    assert row.message is not None
    assert row.message.word == "Not sent"


def test_a_message_that_is_on_its_way_is_not_withdrawn(doctor: User, waiting: Delivery) -> None:
    release(study=waiting.study, actor=doctor)
    taken = services.claim(worker="a-sender")
    assert taken is not None
    assert withdraw(doctor, waiting) == 303
    services.sent(taken, sender="recording", receipt="r")
    assert Delivery.objects.get().state == DeliveryState.SENT
    assert not AuditEntry.objects.filter(action="message withdrawn").exists()


def test_a_reviewer_withdraws_nothing(waiting: Delivery) -> None:
    assert withdraw(rita(), waiting) == 403
    assert Delivery.objects.get().state == DeliveryState.WAITING


def test_a_last_reason_promises_no_further_attempt(doctor: User, waiting: Delivery) -> None:
    address = reverse("scan", args=[waiting.study.scans.get().pk])
    for state, promised in ((DeliveryState.WAITING, True), (DeliveryState.FAILED, False)):
        Delivery.objects.update(state=state, reason="Twilio is busy.")
        page = signed_in(doctor).get(address).content.decode()
        assert ("It is tried again." in page) is promised
