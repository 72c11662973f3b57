"""What a sender is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from detection.sms.message import Message


@dataclass(frozen=True)
class Receipt:
    """The sender's own id of a message that it took, at most 64 characters."""

    id: str


class SendError(Exception):
    """A message was not taken.

    Attributes:
        permanent: whether sending it again would end the same way.
        sentence: why, for the person who asked for the message; without the number.
    """

    def __init__(self, sentence: str, *, permanent: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.permanent = permanent


class Sender(Protocol):
    """Hands messages over. Anything that it raises but SendError is a fault of ours."""

    name: str

    def send(self, message: Message) -> Receipt:
        """Hand one message over.

        Raises
        ------
        SendError
            When it was not taken, or nobody can tell.
        """
