"""The real sender's process; its sender takes a message, then hangs while GATE exists: `python -m tests.sms.hanging_sender GATE`."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import django


def main() -> None:
    django.setup()
    from detection.sms.message import Message
    from detection.sms.senders.base import Receipt
    from detection.sms.worker import DeliveryWorker

    gate = Path(sys.argv[1])

    class Hanging:
        name = "hanging"

        def send(self, message: Message) -> Receipt:
            with (gate.parent / "handed-over").open("a", encoding="utf-8") as file:
                file.write(message.body + "\n")
            while gate.exists():
                time.sleep(0.02)
            return Receipt("taken")

    worker = DeliveryWorker(Hanging())
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
