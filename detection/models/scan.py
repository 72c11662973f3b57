"""Scan: what a doctor sees, one picture or one series."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from detection.models.user import User


class Kind(models.TextChoices):
    """One picture, or slices that belong together."""

    IMAGE = "image", "Picture"
    SERIES = "series", "Series"


class ScanQuerySet(models.QuerySet["Scan"]):
    """Scans through the eyes of a person."""

    def visible_to(self, user: User) -> Self:
        """Own scans; all of them for reviewers and administrators."""
        return self.all() if user.sees_everything else self.filter(owner=user)

    def changeable_by(self, user: User) -> Self:
        """Scans that this person may analyse again: own ones; all for administrators."""
        return self.all() if user.is_superuser else self.filter(owner=user)

    def with_result(self) -> Self:
        """With study, owner and current analysis in one query."""
        return self.select_related("study", "owner", "current_analysis")


class Scan(models.Model):
    """One picture or one series of a Study.

    `owner` repeats the study's owner and `created_at` its time, so that the list pages by one index.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey("detection.Study", on_delete=models.CASCADE, related_name="scans")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="scans")
    position = models.PositiveIntegerField(default=0, help_text="Place within the study, from 0.")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    current_analysis = models.ForeignKey(
        "detection.Analysis",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The latest run.",
    )
    opened_at = models.DateTimeField(null=True, blank=True, help_text="When its owner first opened the ended result.")

    objects = ScanQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(name="scan_list_of_owner", fields=["owner", "-created_at", "-id"]),
            models.Index(name="scan_list", fields=["-created_at", "-id"]),
        ]
        constraints = [models.UniqueConstraint(name="scan_place_in_study", fields=["study", "position"])]

    def __str__(self) -> str:
        return f"Scan {self.id}"
