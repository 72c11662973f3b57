"""Twilio's answers, from a small server in its place: which are temporary, which permanent, and what the record says."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from detection.sms.message import Message
from detection.sms.senders import configured
from detection.sms.senders import twilio as sending
from detection.sms.senders.base import SendError

SID = "AC" + "0" * 32
FROM, TO = "+15005550006", "+447700900123"
MESSAGE = Message(to=TO, body="Brainscan: a result is ready. Sign in to read it.")


class Server(ThreadingHTTPServer):
    """Answers every request with `answer` and keeps what it was asked."""

    answer: tuple[int, Any] = (201, {"sid": "SM" + "1" * 32, "status": "queued"})
    asked: list[dict[str, Any]]

    def sender(self) -> sending.TwilioSender:
        address = f"http://127.0.0.1:{self.server_address[1]}"
        return sending.TwilioSender(account_sid=SID, auth_token="token", from_number=FROM, api_url=address)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append({"path": self.path, "form": parse_qs(body), "login": self.headers["Authorization"]})
        status, content = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content.encode() if isinstance(content, str) else json.dumps(content).encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as instead:
        instead.asked = []
        thread = threading.Thread(target=instead.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield instead
        instead.shutdown()
        thread.join()


def refusal(status: int, code: int) -> tuple[int, Any]:
    return status, {"code": code, "message": f"The 'To' number {TO} is not valid.", "status": status}


def test_what_is_sent_and_the_receipt(server: Server) -> None:
    receipt = server.sender().send(MESSAGE)
    assert receipt.id == "SM" + "1" * 32
    (asked,) = server.asked
    assert asked["path"] == f"/2010-04-01/Accounts/{SID}/Messages.json"
    assert asked["form"] == {"To": [TO], "From": [FROM], "Body": [MESSAGE.body]}
    assert asked["login"] == "Basic " + base64.b64encode(f"{SID}:token".encode()).decode()


@pytest.mark.parametrize(
    ("answer", "permanent", "words"),
    [
        (refusal(429, 20429), False, "busy"),
        (refusal(500, 20500), False, "busy"),
        (refusal(503, 0), False, "busy"),
        ((502, "<html>Bad gateway</html>"), False, "busy"),
        ((201, "<html>not Twilio</html>"), False, "could not be reached"),
        (refusal(400, 21211), True, "not one that messages can be sent to"),
        (refusal(400, 21610), True, "asked for no more"),
        (refusal(400, 21614), True, "not a mobile"),
        (refusal(401, 20003), True, "credentials"),
        (refusal(400, 99999), True, "error 99999"),
    ],
)
def test_refusals(server: Server, answer: Any, permanent: bool, words: str) -> None:
    server.answer = answer
    with pytest.raises(SendError) as refused:
        server.sender().send(MESSAGE)
    assert refused.value.permanent is permanent
    assert words in refused.value.sentence
    assert TO not in refused.value.sentence


def test_no_answer_is_temporary(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = server.sender()
    server.shutdown()
    server.server_close()
    with pytest.raises(SendError) as refused:
        sender.send(MESSAGE)
    assert not refused.value.permanent


def test_the_library_logs_no_number(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("twilio.http_client").setLevel(logging.DEBUG)
        server.sender().send(MESSAGE)
    assert TO not in caplog.text
    assert TO[1:] not in caplog.text


def test_it_is_the_sender_when_its_variables_are_set(settings: Any) -> None:
    settings.TWILIO_ENABLED, settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = True, SID, "token"
    settings.TWILIO_FROM_NUMBER = FROM
    assert configured().name == "twilio"
