"""Deliveries: when they go out, how often they are tried, and what is on the record."""

from __future__ import annotations

import io
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection import leases
from detection.models import AuditEntry, Delivery, User
from detection.models.delivery import DeliveryState, Recipient
from detection.sms import services
from detection.sms.senders import configured
from detection.sms.senders.console import ConsoleSender
from detection.sms.worker import TECHNICAL, DeliveryWorker
from tests import rows
from tests.cast import alice
from tests.sms.senders import BUSY, NO_MOBILE, PHONE, Recording, wanted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def doctor() -> User:
    return alice()


def drain(sender: Any) -> None:
    DeliveryWorker(sender).run(drain=True)


def row() -> Delivery:
    return Delivery.objects.get()


class TestWhen:
    def test_a_clinicians_goes_out_when_the_analysis_has_ended_and_not_before(self, doctor: User) -> None:
        delivery, sender = wanted(doctor), Recording()
        drain(sender)
        assert sender.messages == []
        rows.analysed(delivery.study, rows.Verdict.TUMOUR)
        drain(sender)
        drain(sender)
        assert len(sender.messages) == 1
        assert (row().state, row().receipt, row().sender, row().reason) == (
            DeliveryState.SENT,
            "receipt-1",
            "recording",
            "",
        )
        assert row().sent_at is not None

    def test_a_patients_waits_for_the_release(self, doctor: User) -> None:
        delivery, sender = wanted(doctor, Recipient.PATIENT), Recording()
        rows.analysed(delivery.study, rows.Verdict.NO_TUMOUR)
        drain(sender)
        assert sender.messages == []
        study = delivery.study
        study.released_at, study.released_by = timezone.now(), doctor
        study.save()
        drain(sender)
        assert len(sender.messages) == 1

    def test_the_trail_tells_of_it_without_the_number(self, doctor: User) -> None:
        rows.analysed(wanted(doctor).study, rows.Verdict.TUMOUR)
        drain(Recording())
        entry = AuditEntry.objects.get(action="message sent")
        assert PHONE not in str(entry.details)


class TestErrors:
    @pytest.fixture(autouse=True)
    def ready(self, doctor: User) -> None:
        rows.analysed(wanted(doctor).study, rows.Verdict.TUMOUR)

    def test_a_temporary_one_is_tried_again_later(self) -> None:
        sender = Recording(BUSY)
        drain(sender)
        assert (row().state, row().reason) == (DeliveryState.WAITING, BUSY.sentence)
        not_before = row().not_before
        assert not_before is not None
        assert timedelta(seconds=2) < not_before - leases.database_now() < timedelta(seconds=6)
        Delivery.objects.update(not_before=None)
        drain(sender)
        assert (row().state, row().attempts, row().reason) == (DeliveryState.SENT, 2, "")

    def test_after_the_last_attempt_it_is_parked_with_the_reason(self, settings: Any) -> None:
        settings.MAX_ATTEMPTS = 2
        sender = Recording(BUSY, BUSY, BUSY)
        for _ in range(4):
            drain(sender)
            Delivery.objects.update(not_before=None)
        assert (row().state, row().attempts, row().reason) == (DeliveryState.FAILED, 2, BUSY.sentence)

    def test_a_permanent_one_is_parked_at_once(self) -> None:
        drain(Recording(NO_MOBILE))
        assert (row().state, row().attempts, row().reason) == (DeliveryState.FAILED, 1, NO_MOBILE.sentence)

    def test_a_fault_of_ours_does_not_end_the_sender_and_shows_no_number(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        drain(Recording(RuntimeError(f"cannot send to {PHONE}")))
        assert (row().state, row().reason) == (DeliveryState.WAITING, TECHNICAL)
        assert PHONE not in caplog.text

    def test_a_sender_whose_lease_was_taken_over_writes_nothing(self) -> None:
        stale = services.claim(worker="first")
        assert stale is not None
        services.free_leases_of("first")
        taken = services.claim(worker="second")
        assert taken is not None
        with pytest.raises(services.LeaseLost):
            services.failed(stale, "Too late.", sender="recording")
        services.sent(taken, sender="recording", receipt="r")
        services.sent(taken, sender="recording", receipt="r")
        assert row().state == DeliveryState.SENT


class TestConsole:
    def test_it_is_the_sender_when_no_other_is_set(self) -> None:
        assert configured().name == "console"

    def test_it_prints_the_body_and_masks_the_number(self, doctor: User, caplog: pytest.LogCaptureFixture) -> None:
        out = io.StringIO()
        rows.analysed(wanted(doctor).study, rows.Verdict.TUMOUR)
        with caplog.at_level(logging.DEBUG):
            drain(ConsoleSender(out))
        assert "a result is ready" in out.getvalue()
        assert "123:" in out.getvalue()
        assert PHONE not in out.getvalue() + caplog.text
        assert row().receipt.startswith("console-")
