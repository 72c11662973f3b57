"""Twilio, through its own library."""

from __future__ import annotations

import logging
from typing import Any

from requests import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from detection.sms.message import Message
from detection.sms.senders.base import Receipt, SendError

TWILIO = "https://api.twilio.com"
SECONDS = 10.0

# twilio.com/docs/api/errors
SENTENCES = {
    20003: "Twilio did not accept this installation's credentials. Tell your administrator.",
    20404: "Twilio does not know this installation's account. Tell your administrator.",
    21211: "The phone number is not one that messages can be sent to. Check it.",
    21212: "The number that messages come from is not valid. Tell your administrator.",
    21408: "Messages to this country are not switched on at Twilio. Tell your administrator.",
    21606: "The number that messages come from cannot send messages. Tell your administrator.",
    21608: "Twilio's trial account sends to verified numbers only. Tell your administrator.",
    21610: "The recipient has asked for no more messages.",
    21612: "The phone number cannot be reached from this installation's number.",
    21614: "The phone number is not a mobile number.",
}
NOT_TAKEN = "Twilio did not take the message (error {code})."
BUSY = "Twilio is busy."
UNREACHABLE = "Twilio could not be reached."

TEMPORARY = frozenset({408, 425, 429})


class _Http(TwilioHttpClient):
    """Twilio's HTTP client, with a stand-in's address in the place of Twilio's, and silent."""

    def __init__(self, address: str) -> None:
        # The library logs whole requests at INFO, number and all: its records are thrown away.
        silent = logging.Logger("twilio-silent", logging.CRITICAL)  # noqa: LOG001  not a logger of the tree, so that nothing can switch it on
        super().__init__(timeout=SECONDS, logger=silent)
        self._address = address

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """One request."""
        return super().request(method, url.replace(TWILIO, self._address, 1), *args, **kwargs)


class TwilioSender:
    """Sends through Twilio's Messages resource.

    Parameters
    ----------
    account_sid, auth_token, from_number : str
        As Twilio's console shows them.
    api_url : str
        Address of a stand-in; empty for Twilio itself.
    """

    name = "twilio"

    def __init__(self, *, account_sid: str, auth_token: str, from_number: str, api_url: str = "") -> None:
        self._from = from_number
        self._client = Client(account_sid, auth_token, http_client=_Http(api_url or TWILIO))

    def send(self, message: Message) -> Receipt:
        """Hand one message to Twilio; the receipt is Twilio's message SID."""
        try:
            taken = self._client.messages.create(to=message.to, from_=self._from, body=message.body)
        except TwilioRestException as error:
            # The exception's own text quotes the number.
            if error.status in TEMPORARY or error.status >= 500:
                raise SendError(BUSY, permanent=False) from None
            sentence = SENTENCES.get(error.code) or NOT_TAKEN.format(code=error.code or error.status)
            raise SendError(sentence, permanent=True) from None
        except (RequestException, TwilioException, ValueError):
            # No answer, or one that is not Twilio's: it may have been taken all the same.
            raise SendError(UNREACHABLE, permanent=False) from None
        if not taken.sid:
            raise SendError(UNREACHABLE, permanent=False)
        return Receipt(taken.sid)
