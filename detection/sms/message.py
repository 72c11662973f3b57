"""What a text message says: that something is ready, never what it is or whose."""

from __future__ import annotations

from dataclasses import dataclass

from detection.models import Analysis, Delivery
from detection.models.analysis import State
from detection.models.delivery import Recipient

CLINICIAN = "Brainscan: a result is ready. Sign in to read it."
CLINICIAN_FAILED = "Brainscan: an analysis could not be completed. Sign in to try it again."
PATIENT = "Your doctor has released a result for you. Please contact the practice to talk about it."


@dataclass(frozen=True)
class Message:
    """One text message: `to` in E.164 form, and a body that fits one part of GSM 7-bit text."""

    to: str
    body: str


def compose(delivery: Delivery) -> Message:
    """The message of a delivery, composed when it is sent. No name, no reference, no finding."""
    return Message(to=delivery.phone.as_e164, body=_body(delivery))


def _body(delivery: Delivery) -> str:
    if delivery.recipient == Recipient.PATIENT:
        return PATIENT
    # "Ready" would be untrue of a study of which nothing could be analysed.
    current = Analysis.objects.filter(pk__in=delivery.study.scans.values("current_analysis"))
    return CLINICIAN if current.exclude(state=State.FAILED).exists() else CLINICIAN_FAILED
