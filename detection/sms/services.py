"""What happens to a Delivery row, from waiting to its receipt.

A message is handed over at least once: a sender killed between handing over and writing the receipt has
it handed over again by the next. Twilio takes no key that would make it once; twice is better than never.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from detection import audit, leases, retry
from detection.models import Delivery, User
from detection.models.delivery import WITHDRAWN, DeliveryState

FIRST_WAIT = timedelta(seconds=5)
"""After a temporary error; four times as long after each further one."""

STOPPED_ITS_SENDER = "Sending was broken off {attempts} times. Whether the message arrived is not known."


class LeaseLost(Exception):
    """Another sender has taken the message up."""


class NotWaiting(Exception):
    """The message is being sent, was sent, or will not be. `str(error)` is the sentence."""

    def __init__(self) -> None:
        super().__init__("Only a message that is still waiting can be withdrawn. Nothing has changed.")


class NotParked(Exception):
    """The message is waiting, being sent, sent or withdrawn. `str(error)` is the sentence."""

    def __init__(self) -> None:
        super().__init__("Only a message that was not sent can be sent again. Nothing has changed.")


def claim(*, worker: str) -> Delivery | None:
    """Take up the oldest message that may go out; one at a time, so that a crash concerns one message."""
    now = leases.database_now()
    due = Delivery.objects.due(now)
    claimed = leases.claim(due, worker=worker, limit=1, state=DeliveryState.SENDING, lease=settings.LEASE, now=now)
    return claimed[0] if claimed else None


def sent(delivery: Delivery, *, sender: str, receipt: str) -> None:
    """Write that a message was taken. Raises LeaseLost when another sender holds it."""
    _write(delivery, state=DeliveryState.SENT, sender=sender, receipt=receipt[:64], reason="", sent_at=Now())


def failed(delivery: Delivery, sentence: str, *, sender: str) -> None:
    """Park a message that will not go out, with the reason. Raises LeaseLost when another sender holds it."""
    _write(delivery, state=DeliveryState.FAILED, sender=sender, reason=sentence)


def try_later(delivery: Delivery, sentence: str, *, sender: str) -> None:
    """Let a message wait after a temporary error; parked after the last attempt. Raises LeaseLost."""
    if delivery.attempts >= settings.MAX_ATTEMPTS:
        failed(delivery, sentence, sender=sender)
        return
    wait = FIRST_WAIT * 4 ** (delivery.attempts - 1)
    later = leases.database_now() + wait
    _write(delivery, state=DeliveryState.WAITING, sender=sender, reason=sentence, not_before=later)


@retry.in_transaction
def send_again(*, delivery: Delivery, actor: User) -> None:
    """Let a parked message wait once more, with fresh attempts: what parked it (credentials, say) has been mended.

    Parameters
    ----------
    delivery : Delivery
        One of a study that `actor` may change.
    actor : User
        Who asks for it.

    Raises
    ------
    NotParked
        When it is in any other state, or was withdrawn; a double click makes one message.
    """
    parked = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.FAILED).exclude(reason=WITHDRAWN)
    if not parked.update(state=DeliveryState.WAITING, attempts=0, reason="", not_before=None, lease_owner=""):
        raise NotParked
    audit.record(actor, "message sent again", delivery)
    delivery.refresh_from_db()


@retry.in_transaction
def withdraw(*, delivery: Delivery, actor: User) -> None:
    """Take a message back that nobody has handed over yet: a mistyped number, a consent that is taken back.

    Parameters
    ----------
    delivery : Delivery
        One of a study that `actor` may change.
    actor : User
        Who takes it back.

    Raises
    ------
    NotWaiting
        When it is being sent or was sent, or will not be sent anyway.
    """
    waiting = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING)
    if not waiting.update(state=DeliveryState.FAILED, reason=WITHDRAWN, not_before=None, lease_owner=""):
        raise NotWaiting
    audit.record(actor, "message withdrawn", delivery)
    delivery.refresh_from_db()


def had_its_attempts(delivery: Delivery) -> bool:
    """Whether a claimed message used all its attempts up before this one."""
    return delivery.attempts > settings.MAX_ATTEMPTS


def free_leases_of(worker_prefix: str) -> int:
    """Make everything due at once that dead senders, whose names begin so, still hold; returns how many."""
    rows = Delivery.objects.filter(state=DeliveryState.SENDING, lease_owner__startswith=worker_prefix)
    return rows.update(lease_until=leases.database_now() - timedelta(seconds=1))


@retry.in_transaction
def _write(delivery: Delivery, **values: Any) -> None:
    held = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, lease_owner=delivery.lease_owner)
    if not held.update(lease_until=None, **{"not_before": None, **values}):
        known = Delivery.objects.filter(pk=delivery.pk, state=values["state"], lease_owner=delivery.lease_owner)
        if known.exclude(lease_owner="").exists():
            return  # written before; only the answer to that was lost
        raise LeaseLost
    if values["state"] != DeliveryState.WAITING:
        audit.record(None, f"message {values['state']}", delivery, attempts=delivery.attempts)
    delivery.refresh_from_db()
