"""Senders of the tests, and studies that want a message."""

from __future__ import annotations

from detection.models import Delivery, User
from detection.models.delivery import Recipient
from detection.sms.message import Message
from detection.sms.senders.base import Receipt, SendError
from detection.uploads.services import SmsRequest
from tests import rows

PHONE = "+447700900123"


class Recording:
    """Keeps what it is given; raises what it is told to, first."""

    name = "recording"

    def __init__(self, *errors: Exception) -> None:
        self.messages: list[Message] = []
        self._errors = list(errors)

    def send(self, message: Message) -> Receipt:
        if self._errors:
            raise self._errors.pop(0)
        self.messages.append(message)
        return Receipt(f"receipt-{len(self.messages)}")


BUSY = SendError("Twilio is busy.", permanent=False)
NO_MOBILE = SendError("The phone number is not a mobile number.", permanent=True)


def wanted(owner: User, recipient: Recipient = Recipient.CLINICIAN) -> Delivery:
    """An upload that asks for a message."""
    study = rows.study(owner, sms=SmsRequest(phone=PHONE, recipient=recipient, consent=True), reference="Mrs Smith")
    return Delivery.objects.get(study=study)
