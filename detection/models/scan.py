"""Scan: what a doctor sees, one picture or one series."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from detection.models.user import User


class Kind(models.TextChoices):
    """One picture, or slices that belong together."""

    IMAGE = "image", "Picture"
    SERIES = "series", "Series"


class Sequence(models.TextChoices):
    """MR sequences that the networks know, as `ml.imaging` names them. Empty is unknown."""

    FLAIR = "FLAIR", "FLAIR"
    T1 = "T1", "T1 without contrast"
    T1C = "T1c", "T1 with contrast"
    T2 = "T2", "T2"


PARTS = ("fused_pre", "fused_flair", "fused_post")
"""A fused scan's channels, in their order."""


class ScanQuerySet(models.QuerySet["Scan"]):
    """Scans through the eyes of a person."""

    def visible_to(self, user: User) -> Self:
        """Own scans; all of them for reviewers and administrators."""
        return self.all() if user.sees_everything else self.filter(owner=user)

    def changeable_by(self, user: User) -> Self:
        """Scans that this person may analyse again: own ones; all for administrators."""
        return self.all() if user.is_superuser else self.filter(owner=user)

    def with_result(self) -> Self:
        """With study, owner, current analysis and, of a fused scan, its parts in one query."""
        return self.select_related("study", "owner", "current_analysis", *PARTS)


class Scan(models.Model):
    """One picture or one series of a Study.

    `owner` repeats the study's owner and `created_at` its time, so that the list pages by one index.
    A fused scan has no files of its own: its three channels are other scans of the study, `fused_pre`,
    `fused_flair` and `fused_post`; FLAIR stands where pre or post is missing, as in the networks' training data.
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
    series_uid = models.CharField(max_length=64, blank=True, default="", help_text="DICOM's SeriesInstanceUID.")
    sequence = models.CharField(
        max_length=8, choices=Sequence.choices, blank=True, default="", help_text="As recognised; empty is unknown."
    )
    sequence_by_doctor = models.CharField(
        max_length=8, choices=Sequence.choices, blank=True, default="", help_text="As a doctor corrected it."
    )
    sequence_corrected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    sequence_corrected_at = models.DateTimeField(null=True, blank=True)
    geometry: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="Where its slices lie (ml.imaging.grouping.Geometry); null is unknown.",
    )
    fused_pre = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    fused_flair = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    fused_post = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="+")

    objects = ScanQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(name="scan_list_of_owner", fields=["owner", "-created_at", "-id"]),
            models.Index(name="scan_list", fields=["-created_at", "-id"]),
        ]
        constraints = [
            models.UniqueConstraint(name="scan_place_in_study", fields=["study", "position"]),
            models.CheckConstraint(
                name="scan_sequence_corrected_by_somebody",
                condition=models.Q(sequence_by_doctor="")
                | models.Q(sequence_corrected_by__isnull=False, sequence_corrected_at__isnull=False),
            ),
            models.CheckConstraint(
                name="scan_fused_around_flair",
                condition=models.Q(fused_flair__isnull=False)
                | models.Q(fused_pre__isnull=True, fused_post__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"Scan {self.id}"

    @property
    def is_fused(self) -> bool:
        """Whether its channels are other scans of the study."""
        return self.fused_flair_id is not None

    @property
    def part_ids(self) -> tuple[UUID | None, UUID | None, UUID | None]:
        """Ids of a fused scan's channels in the order of `PARTS`; None for a channel that it has not."""
        return self.fused_pre_id, self.fused_flair_id, self.fused_post_id

    @property
    def is_superseded(self) -> bool:
        """Whether a doctor has since said that a fused scan's parts are not the sequences that it was fused as.

        Never a column: it follows from the parts' rows, so it cannot say something else than they do, and a
        correction that is taken back makes the scan current again.
        """
        if self.fused_flair is None:
            return False
        pre, post = self.fused_pre, self.fused_post
        return (
            self.fused_flair.known_sequence != Sequence.FLAIR
            or (pre is not None and pre.known_sequence != Sequence.T1)
            or (post is not None and post.known_sequence != Sequence.T1C)
        )

    @property
    def known_sequence(self) -> str:
        """The doctor's word before the program's; empty is unknown."""
        return self.sequence_by_doctor or self.sequence
