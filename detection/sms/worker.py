"""The sender's process: claim a message, compose it, hand it over, write the receipt."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.db import connection

from detection import leases, retry
from detection.heartbeat import Heartbeat
from detection.models import Delivery
from detection.models.delivery import DeliveryState
from detection.models.worker import Purpose
from detection.sms import message, services
from detection.sms.senders import Sender, SendError

log = logging.getLogger(__name__)

BETWEEN_LOOKS = 1.0
"""Seconds between two looks for messages while there are none."""

LONGEST_SEND = 300.0
DATABASE_PATIENCE = 300.0
TECHNICAL = "The message could not be sent for a technical reason."


class DeliveryWorker:
    """Sends messages until it is told to stop."""

    def __init__(self, sender: Sender) -> None:
        self.name = leases.worker_name("sms")
        self._sender = sender
        self._stop = threading.Event()

    def stop(self) -> None:
        """Finish the message in hand and return from `run`."""
        self._stop.set()

    def run(self, *, drain: bool = False) -> None:
        """Work until `stop`; with `drain`, only until nothing is due."""
        rows = Delivery.objects.filter(state=DeliveryState.SENDING)
        beat = Heartbeat(name=self.name, purpose=Purpose.SMS, rows=rows, lease=settings.LEASE, longest=LONGEST_SEND)
        with beat as heartbeat:
            retry.through_restarts(heartbeat.ready, seconds=DATABASE_PATIENCE)
            while not self._stop.is_set():
                if self._look(heartbeat):
                    continue
                if drain:
                    return
                self._stop.wait(BETWEEN_LOOKS)

    def _look(self, heartbeat: Heartbeat) -> bool:
        """Send one message; False when there was none, or no database to ask."""
        try:
            delivery = services.claim(worker=self.name)
            if delivery is None:
                return False
            heartbeat.hold([delivery.pk])
            try:
                self._send(delivery)
            finally:
                heartbeat.let_go([delivery.pk])
        except retry.DatabaseTrouble as error:
            log.warning("No message sent: the database did not answer (%s).", type(error).__name__)
            connection.close()
            return False
        return True

    def _send(self, delivery: Delivery) -> None:
        name = self._sender.name
        outcome: Callable[[], None]
        if services.had_its_attempts(delivery):
            sentence = services.STOPPED_ITS_SENDER.format(attempts=settings.MAX_ATTEMPTS)
            outcome = partial(services.failed, delivery, sentence, sender=name)
        else:
            try:
                receipt = self._sender.send(message.compose(delivery))
                outcome = partial(services.sent, delivery, sender=name, receipt=receipt.id)
            except SendError as error:
                step = services.failed if error.permanent else services.try_later
                outcome = partial(step, delivery, error.sentence, sender=name)
            except retry.DatabaseTrouble:
                raise
            except Exception as error:  # noqa: BLE001  a fault of ours must not end the sender of everybody's messages
                # Its text and its traceback's values may hold the number.
                log.error("Message %s: %s.", delivery.pk, type(error).__name__)
                outcome = partial(services.try_later, delivery, TECHNICAL, sender=name)
        try:
            retry.through_restarts(outcome, seconds=DATABASE_PATIENCE)
        except services.LeaseLost:
            log.warning("Message %s was taken up by another sender.", delivery.pk)
