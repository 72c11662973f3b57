"""Measurement: what a person measured on a Scan's picture. Only its mark of removal ever changes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from detection.models.user import User


class Tool(models.TextChoices):
    """What was measured: a length, an area, an angle."""

    RULER = "ruler", "Ruler"
    AREA = "area", "Area"
    ANGLE = "angle", "Angle"


class Plane(models.TextChoices):
    """The plane that was measured in. `acquired`: the slices as stored, of a scan whose orientation is not known."""

    AXIAL = "axial", "Axial"
    CORONAL = "coronal", "Coronal"
    SAGITTAL = "sagittal", "Sagittal"
    ACQUIRED = "acquired", "As acquired"


class MeasurementQuerySet(models.QuerySet["Measurement"]):
    """Measurements as shown and as history."""

    def shown(self) -> Self:
        """Those that nobody has removed, oldest first."""
        return self.filter(removed_at__isnull=True)

    def changeable_by(self, user: User) -> Self:
        """A measurement is its author's: nobody else removes it or brings it back."""
        return self.filter(author=user)


class Measurement(models.Model):
    """One ruler, area or angle on one slice.

    `points` are [x, y] pairs in voxels of that slice as the viewer shows it: x grows to the right, y downwards,
    and the voxel in column c and row r covers x from c to c + 1 and y from r to r + 1. A moved measurement is a
    new row that `replaces` the old one, so that nothing measured is ever lost.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scan = models.ForeignKey("detection.Scan", on_delete=models.CASCADE, related_name="measurements")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="measurements")
    kind = models.CharField(max_length=5, choices=Tool.choices)
    plane = models.CharField(max_length=8, choices=Plane.choices)
    slice_index = models.PositiveIntegerField(help_text="The slice within the plane, from 0.")
    points: models.JSONField[list[list[float]], list[list[float]]] = models.JSONField(
        help_text="[x, y] pairs in voxels of the slice as shown."
    )
    replaces = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The measurement that was moved to become this one.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Not shown since then; the row stays.")

    objects = MeasurementQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")
        indexes = [models.Index(name="measurements_of_scan", fields=["scan", "removed_at", "created_at"])]
        constraints = [
            models.CheckConstraint(
                name="measurement_kind_is_known", condition=models.Q(kind__in=["ruler", "area", "angle"])
            ),
            models.CheckConstraint(
                name="measurement_plane_is_known",
                condition=models.Q(plane__in=["axial", "coronal", "sagittal", "acquired"]),
            ),
        ]

    def __str__(self) -> str:
        return f"Measurement {self.id}"
