"""What has to work so that a scan uploaded now is analysed."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from detection import leases, retry
from detection.models import Worker
from detection.models.worker import Purpose

OK = "ok"
HEARD_WITHIN = timedelta(seconds=15)
"""A worker writes every two seconds at most; one that was killed counts as gone after this."""


def parts() -> dict[str, str]:
    """`database`, `storage` and `worker`, each "ok" or a sentence."""
    database = _database()
    return {"database": database, "storage": _storage(), "worker": _worker() if database == OK else "Not known."}


def _database() -> str:
    try:
        Worker.objects.exists()
    except retry.DatabaseTrouble:
        return "The database does not answer."
    return OK


def _storage() -> str:
    """Written and removed again: a full or read-only disk shows only so."""
    try:
        key = default_storage.save(f"readiness/{os.getpid()}-{secrets.token_hex(4)}", ContentFile(b"ready?"))
        default_storage.delete(key)
    except OSError:
        return "Scans cannot be written."
    return OK


def _worker() -> str:
    try:
        alive = Worker.objects.alive(leases.database_now(), HEARD_WITHIN).filter(purpose=Purpose.ANALYSIS)
        loaded = list(alive.values_list("ready", flat=True))
    except retry.DatabaseTrouble:
        return "Not known."
    if any(loaded):
        return OK
    return "The worker is still loading its models." if loaded else "No worker is running."
