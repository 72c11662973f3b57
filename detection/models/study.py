"""Study: what arrived in one upload, of one patient."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.functional import cached_property

from detection.models.analysis import State

if TYPE_CHECKING:
    from detection.models.user import User

REFERENCE_LENGTH = 64
no_control_characters = RegexValidator(
    r"^[^\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$", "Use letters, digits and ordinary punctuation only."
)


class StudyQuerySet(models.QuerySet["Study"]):
    """Studies through the eyes of a person."""

    def visible_to(self, user: User) -> Self:
        """Own studies; all of them for reviewers and administrators."""
        return self.all() if user.sees_everything else self.filter(owner=user)

    def changeable_by(self, user: User) -> Self:
        """Studies that this person may release or analyse again: own ones; all for administrators."""
        return self.all() if user.is_superuser else self.filter(owner=user)


class Study(models.Model):
    """One upload: its owner, the patient's pseudonym, and whether a doctor has released the result."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="studies")
    patient_reference = models.CharField(
        max_length=REFERENCE_LENGTH,
        validators=[no_control_characters],
        help_text="A pseudonym or study number, never a name.",
    )
    patient_pseudonym = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_index=True,
        editable=False,
        help_text="Keyed hash of the patient's number in the files: the same for each study of a patient. Empty where the files name none.",
    )
    acquired_on = models.DateField(
        null=True, blank=True, help_text="The day of the examination, as its DICOM files say."
    )
    set_aside: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(
        default=list,
        blank=True,
        help_text='Series of the upload that became no scan: [{"label": str, "files": int, "reason": sentence}].',
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = StudyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "studies"
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(
                name="study_released_by_somebody",
                condition=models.Q(released_at__isnull=True, released_by__isnull=True)
                | models.Q(released_at__isnull=False, released_by__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"Study {self.id}"

    @cached_property
    def is_outdated_release(self) -> bool:
        """Whether a scan was analysed again, or came about, after the release: nobody has released that result."""
        return (
            self.released_at is not None
            and self.scans.filter(current_analysis__queued_at__gt=self.released_at).exists()
        )

    @cached_property
    def has_an_answer(self) -> bool:
        """Whether any scan was answered: one that failed, was refused or is superseded says nothing about a patient."""
        answered = self.scans.filter(current_analysis__state=State.DONE).with_result()
        return any(not scan.is_superseded for scan in answered)

    @property
    def is_finished(self) -> bool:
        """Whether every scan has an ended analysis."""
        return not self.scans.filter(
            models.Q(current_analysis__isnull=True) | models.Q(current_analysis__state__in=State.unfinished())
        ).exists()
