"""User: a person who signs in, with exactly one role."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models


class Role(models.TextChoices):
    """What a person may see and do."""

    DOCTOR = "doctor", "Doctor: uploads scans and reads own results"
    REVIEWER = "reviewer", "Reviewer: reads every result, changes nothing"
    ADMINISTRATOR = "administrator", "Administrator: everything, and Django admin"


class BrainscanUserManager(UserManager["User"]):
    """Makes accounts whose Django flags agree with their role."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra: Any
    ) -> User:
        """An administrator; `manage.py createsuperuser` ends here."""
        extra.setdefault("role", Role.ADMINISTRATOR)
        return super().create_superuser(username, email, password, **extra)


class User(AbstractUser):
    """A person with a role. `is_staff` and `is_superuser` follow the role and are not set by hand."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.DOCTOR)

    objects: ClassVar[BrainscanUserManager] = BrainscanUserManager()

    class Meta:
        ordering = ("username",)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep Django's flags in step with the role: administrators and reviewers may enter the admin."""
        self.is_superuser = self.role == Role.ADMINISTRATOR
        self.is_staff = self.role in (Role.ADMINISTRATOR, Role.REVIEWER)
        if (fields := kwargs.get("update_fields")) is not None and "role" in fields:
            kwargs["update_fields"] = {*fields, "is_superuser", "is_staff"}
        super().save(*args, **kwargs)

    @property
    def sees_everything(self) -> bool:
        """Whether every doctor's scans are visible to this person, not only own ones."""
        return self.role in (Role.REVIEWER, Role.ADMINISTRATOR)

    @property
    def may_upload(self) -> bool:
        """Whether this person may upload scans: doctors and administrators."""
        return self.role != Role.REVIEWER

    @property
    def display_name(self) -> str:
        """The full name, else the account's name."""
        return self.get_full_name() or self.username

    def has_module_perms(self, app_label: str) -> bool:
        """Reviewers see Brainscan's own rows in the admin, nothing else."""
        return super().has_module_perms(app_label) or (
            self.is_active and self.role == Role.REVIEWER and app_label == "detection"
        )

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Reviewers may view clinical rows in the admin and change none."""
        if self.is_active and self.role == Role.REVIEWER and perm in REVIEWER_PERMISSIONS:
            return True
        return super().has_perm(perm, obj)


REVIEWER_PERMISSIONS = frozenset(
    f"detection.view_{row}" for row in ("study", "scan", "storedfile", "analysis", "delivery", "measurement")
)
