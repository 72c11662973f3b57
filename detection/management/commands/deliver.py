"""`manage.py deliver`: the sender of text messages."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from detection import retry


class Command(BaseCommand):
    help = "Sends text messages: takes up whatever may go out, until SIGTERM or SIGINT."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--drain", action="store_true", help="End when nothing is waiting.")

    def handle(self, *args: Any, drain: bool, **options: Any) -> None:
        retry.use_read_committed()
        from detection.sms.senders import configured
        from detection.sms.worker import DeliveryWorker

        worker = DeliveryWorker(configured())

        def stop(number: int, frame: object) -> None:
            worker.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        worker.run(drain=drain)
