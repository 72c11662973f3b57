"""Worker: a process that takes work up, as it last reported itself."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.db import models


class Purpose(models.TextChoices):
    """What the process does."""

    ANALYSIS = "analysis", "Analyses scans"
    SMS = "sms", "Sends messages"


class WorkerQuerySet(models.QuerySet["Worker"]):
    """Workers by their sign of life."""

    def alive(self, now: datetime, within: timedelta) -> Self:
        """Workers heard of within that time. `now` is the database's."""
        return self.filter(heartbeat_at__gte=now - within)


class Worker(models.Model):
    """One process: its unique name (the owner of leases), its last heartbeat, and whether its models are loaded."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    started_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField(db_index=True)
    ready = models.BooleanField(default=False, help_text="Models loaded and warmed, or sender configured.")
    model_version = models.CharField(max_length=64, blank=True, default="")

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ("-heartbeat_at",)

    def __str__(self) -> str:
        return self.name
