"""Ways to send a message. Another one is a class like `base.Sender` and a line here."""

from __future__ import annotations

from django.conf import settings

from detection.sms.senders.base import Receipt, Sender, SendError
from detection.sms.senders.console import ConsoleSender

__all__ = ["Receipt", "SendError", "Sender", "configured"]


def configured() -> Sender:
    """The sender of this installation: Twilio when its variables are set, the console otherwise."""
    if not settings.TWILIO_ENABLED:
        return ConsoleSender()
    from detection.sms.senders.twilio import TwilioSender

    return TwilioSender(
        account_sid=settings.TWILIO_ACCOUNT_SID,
        auth_token=settings.TWILIO_AUTH_TOKEN,
        from_number=settings.TWILIO_FROM_NUMBER,
        api_url=settings.TWILIO_API_URL,
    )
