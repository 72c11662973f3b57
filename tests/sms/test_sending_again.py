"""Sending again: a message that was parked goes out once its cause has been mended, asked for by who may."""

from __future__ import annotations

import pytest
from django.urls import reverse

from detection.models import AuditEntry, Delivery, User
from detection.models.delivery import DeliveryState, Recipient
from detection.sms.senders.base import SendError
from detection.sms.worker import DeliveryWorker
from tests import rows
from tests.cast import alice, bob, rita, signed_in
from tests.sms.senders import Recording, wanted

pytestmark = pytest.mark.django_db(transaction=True)

CREDENTIALS = SendError(
    "Twilio did not accept this installation's credentials. Tell your administrator.", permanent=True
)


@pytest.fixture
def doctor() -> User:
    return alice()


@pytest.fixture
def parked(doctor: User) -> Delivery:
    delivery = wanted(doctor)
    rows.analysed(delivery.study, rows.Verdict.TUMOUR)
    DeliveryWorker(Recording(CREDENTIALS)).run(drain=True)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.FAILED
    return delivery


def ask(user: User, delivery: Delivery) -> int:
    return signed_in(user).post(reverse("send_again", args=[delivery.pk])).status_code


def test_its_page_offers_it_to_who_may(doctor: User, parked: Delivery) -> None:
    page = reverse("scan", args=[parked.study.scans.get().pk])
    button = reverse("send_again", args=[parked.pk])
    assert button in signed_in(doctor).get(page).content.decode()
    assert button not in signed_in(rita()).get(page).content.decode()


def test_it_goes_out_with_fresh_attempts(doctor: User, parked: Delivery) -> None:
    assert ask(doctor, parked) == 303
    mended = Recording()
    DeliveryWorker(mended).run(drain=True)
    parked.refresh_from_db()
    assert (parked.state, parked.attempts, parked.reason) == (DeliveryState.SENT, 1, "")
    assert len(mended.messages) == 1
    assert AuditEntry.objects.get(action="message sent again").actor == doctor


def test_a_double_click_sends_one(doctor: User, parked: Delivery) -> None:
    mended = Recording()
    assert [ask(doctor, parked), ask(doctor, parked)] == [303, 303]
    DeliveryWorker(mended).run(drain=True)
    assert ask(doctor, parked) == 303
    DeliveryWorker(mended).run(drain=True)
    assert len(mended.messages) == 1


def test_a_patients_still_waits_for_the_release(doctor: User) -> None:
    delivery = wanted(doctor, Recipient.PATIENT)
    rows.analysed(delivery.study, rows.Verdict.TUMOUR)
    Delivery.objects.update(state=DeliveryState.FAILED, reason="Parked.")
    assert ask(doctor, delivery) == 303
    sender = Recording()
    DeliveryWorker(sender).run(drain=True)
    assert sender.messages == []


def test_nobody_elses(parked: Delivery) -> None:
    assert (ask(bob(), parked), ask(rita(), parked)) == (404, 403)
    parked.refresh_from_db()
    assert parked.state == DeliveryState.FAILED
