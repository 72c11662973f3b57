"""A worker's sign of life: its row, and the leases of what it holds."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models

from detection import leases, retry
from detection.models import Worker
from detection.models.worker import Purpose

log = logging.getLogger(__name__)

MOST_SECONDS_BETWEEN = 2.0
FORGOTTEN_AFTER = timedelta(days=1)
HUNG = 70
"""Exit code of a worker that ended itself because its work did not end."""


class Heartbeat(threading.Thread):
    """A thread that says "alive" and renews leases while the worker computes.

    It has its own database connection, and goes on through a database that is away for a while.

    Parameters
    ----------
    name : str
        The worker's unique name.
    purpose : Purpose
        What the worker does.
    rows : QuerySet
        The rows whose leases it renews.
    lease : timedelta
        How long a renewed lease holds.
    longest : float
        Seconds that one row may be held. A worker that hangs would keep its lease for ever:
        it is ended instead, and the row taken up by another.
    """

    def __init__(
        self, *, name: str, purpose: Purpose, rows: models.QuerySet[Any], lease: timedelta, longest: float
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.worker = name
        self._purpose = purpose
        self._rows = rows
        self._lease = lease
        self._longest = longest
        self._seconds = min(MOST_SECONDS_BETWEEN, lease.total_seconds() / 4)
        self._held: dict[UUID, float] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._ready = False
        self._model_version = ""

    def __enter__(self) -> Heartbeat:
        self.beat()
        forgotten = leases.database_now() - FORGOTTEN_AFTER
        Worker.objects.filter(heartbeat_at__lt=forgotten).delete()
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self.join(timeout=5)
        try:
            Worker.objects.filter(name=self.worker).delete()
        except retry.DatabaseTrouble as error:
            log.warning("The worker's row stays: the database did not answer (%s).", type(error).__name__)

    def ready(self, model_version: str = "") -> None:
        """Say that the worker can work: models loaded, or sender configured."""
        self._ready, self._model_version = True, model_version
        self.beat()

    def hold(self, keys: Iterable[UUID]) -> None:
        """Renew the leases of these rows from now on."""
        now = time.monotonic()
        with self._lock:
            self._held.update((key, now) for key in keys)

    def let_go(self, keys: Iterable[UUID]) -> None:
        """No longer renew the leases of these rows."""
        with self._lock:
            for key in keys:
                self._held.pop(key, None)

    def touch(self, keys: Iterable[UUID]) -> None:
        """Work on these rows goes forward: count the time that they may be held afresh."""
        now = time.monotonic()
        with self._lock:
            self._held.update((key, now) for key in keys if key in self._held)

    def beat(self) -> None:
        """Write the row and renew the leases, once."""
        said = {
            "purpose": self._purpose,
            "heartbeat_at": leases.database_now(),
            "ready": self._ready,
            "model_version": self._model_version,
        }
        if not Worker.objects.filter(name=self.worker).update(**said):
            Worker.objects.create(name=self.worker, **said)
        with self._lock:
            keys = list(self._held)
        if keys:
            leases.renew(self._rows, worker=self.worker, keys=keys, lease=self._lease)

    def run(self) -> None:
        """Beat until told to end."""
        wait = self._seconds
        while not self._ended.wait(wait):
            self._end_if_hung()
            try:
                self.beat()
                wait = self._seconds
            except retry.DatabaseTrouble as error:
                log.warning("No heartbeat: the database did not answer (%s).", type(error).__name__)
                connection.close()
                wait = min(self._seconds, 0.5)
        connection.close()

    def _end_if_hung(self) -> None:
        now = time.monotonic()
        with self._lock:
            hung = [key for key, since in self._held.items() if now - since > self._longest]
        if hung:
            log.error(
                "Work on %s has not gone forward for %d seconds: the worker ends itself.",
                ", ".join(map(str, hung)),
                self._longest,
            )
            os._exit(HUNG)
