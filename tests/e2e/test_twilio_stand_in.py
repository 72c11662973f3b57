"""Twilio's own description of its API, served by Prism: a stand-in that checks every request against it.

It is not Twilio: it sends nothing, and takes any credentials.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from detection.sms.message import Message
from detection.sms.senders.base import SendError
from detection.sms.senders.twilio import TwilioSender
from tests.processes import becomes_true

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
PRISM = ROOT / "node_modules" / ".bin" / "prism"
DESCRIPTION = ROOT / "tests" / "sms" / "twilio_messages.json"
BODY = "Brainscan: a result is ready. Sign in to read it."


def answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def prism() -> Iterator[str]:
    if not PRISM.exists():
        pytest.skip("npm's parts are not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen(
        [PRISM, "mock", "--host", "127.0.0.1", "--port", str(port), "--errors", DESCRIPTION],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert becomes_true(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait()


def sender(address: str, account: str = "AC" + "0" * 32) -> TwilioSender:
    return TwilioSender(account_sid=account, auth_token="token", from_number="+15005550006", api_url=address)


def test_our_request_is_one_that_twilio_describes(prism: str) -> None:
    receipt = sender(prism).send(Message(to="+447700900123", body=BODY))
    assert receipt.id.startswith(("SM", "MM"))


def test_the_stand_in_does_refuse_what_twilio_does_not_describe(prism: str) -> None:
    with pytest.raises(SendError) as refused:
        sender(prism, account="no-account").send(Message(to="+447700900123", body=BODY))
    assert refused.value.permanent
