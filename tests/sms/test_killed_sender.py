"""kill -9 of the sender between handing over and the receipt: the message is sent by another. At least once, so here twice."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from detection.models import Delivery
from detection.models.delivery import DeliveryState
from tests import rows
from tests.cast import alice
from tests.processes import becomes_true, process
from tests.sms.senders import wanted

pytestmark = pytest.mark.django_db(transaction=True)

SENDER = "tests.sms.hanging_sender"


def test_another_sends_it(tmp_path: Path) -> None:
    rows.analysed(wanted(alice()).study, rows.Verdict.TUMOUR)
    gate, handed_over = tmp_path / "gate", tmp_path / "handed-over"
    gate.touch()
    with process(SENDER, str(gate), home=tmp_path, BRAINSCAN_LEASE_SECONDS="2") as first:
        # It is there before its line is.
        assert becomes_true(lambda: handed_over.exists() and handed_over.read_text(encoding="utf-8").endswith("\n"))
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert Delivery.objects.get().state == DeliveryState.SENDING
    gate.unlink()
    with process(SENDER, str(gate), home=tmp_path, BRAINSCAN_LEASE_SECONDS="2"):
        assert becomes_true(lambda: Delivery.objects.get().state == DeliveryState.SENT)
    assert (Delivery.objects.get().receipt, Delivery.objects.get().attempts) == ("taken", 2)
    assert len(handed_over.read_text(encoding="utf-8").splitlines()) == 2
