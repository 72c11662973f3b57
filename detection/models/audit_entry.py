"""AuditEntry: who did what to which row, when. Written, never changed."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """One act. `details` holds ids and counts, never patient data."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty for the system itself.",
    )
    action = models.CharField(max_length=40)
    row_kind = models.CharField(max_length=20)
    row_id = models.UUIDField(db_index=True)
    details: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.action} {self.row_kind} {self.row_id}"
