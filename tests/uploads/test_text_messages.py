"""A message is asked for with the upload: the number is checked, consent is recorded, nothing goes out yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from detection.models import Delivery
from detection.models.delivery import DeliveryState, Recipient
from tests.rows import png

URL = "/scans/new/"


def send(browser: Client, **fields: str) -> int:
    return browser.post(URL, {"files": SimpleUploadedFile("a.png", png()), **fields}).status_code


def test_a_clinicians_message_waits(alice: Client) -> None:
    assert send(alice, phone="+447700900123") == 303
    delivery = Delivery.objects.get()
    assert (delivery.recipient, delivery.state, delivery.consented_at) == (
        Recipient.CLINICIAN,
        DeliveryState.WAITING,
        None,
    )


def test_a_patients_consent_is_recorded_with_time_and_person(alice: Client) -> None:
    assert send(alice, phone="+48600123456", recipient="patient", consent="on") == 303
    delivery = Delivery.objects.get()
    assert delivery.consented_at is not None
    assert delivery.consent_recorded_by is not None
    assert delivery.consent_recorded_by.username == "alice"


@pytest.mark.parametrize(
    "fields",
    [
        {"phone": "+48600123456", "recipient": "patient"},
        {"recipient": "patient", "consent": "on"},
        {"phone": "12345"},
        {"phone": "hello"},
        {"phone": "+999123456789"},
        {"phone": "+48600123456", "recipient": "neighbour"},
        {"patient_reference": "x" * 65},
        {"patient_reference": "a\u202eb"},
    ],
)
def test_what_is_wrong_is_said(alice: Client, nothing_is_left: Callable[[], None], fields: dict[str, str]) -> None:
    assert send(alice, **fields) == 400
    nothing_is_left()


def test_without_a_number_there_is_no_message(alice: Client) -> None:
    assert send(alice) == 303
    assert not Delivery.objects.exists()
