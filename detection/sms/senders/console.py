"""The embedded default: the message appears where `make run` was started, with the number masked."""

from __future__ import annotations

import secrets
import sys
from typing import TextIO

from detection.sms.message import Message
from detection.sms.senders.base import Receipt
from detection.words import masked


class ConsoleSender:
    """Prints messages. A terminal's output ends up in logs, so the number is masked there as well."""

    name = "console"

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def send(self, message: Message) -> Receipt:
        """Print one message; the receipt is made up, and unique."""
        print(f"SMS to {masked(message.to)}: {message.body}", file=self._out or sys.stdout, flush=True)
        return Receipt(f"console-{secrets.token_hex(8)}")
