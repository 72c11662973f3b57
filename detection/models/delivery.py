"""Delivery: one text message that is to reach somebody, from request to receipt."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from phonenumber_field.modelfields import PhoneNumberField

from detection.models.analysis import State
from detection.models.leased import Leased
from detection.models.scan import Scan

WITHDRAWN = "Withdrawn before it was sent."
"""The reason of a message that somebody took back: it is never sent, not even again."""


class Recipient(models.TextChoices):
    """Who gets the message; a patient only after a doctor has released the result."""

    CLINICIAN = "clinician", "Clinician"
    PATIENT = "patient", "Patient"


class DeliveryState(models.TextChoices):
    """Where a message is."""

    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Not sent"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries as work."""

    def due(self, now: datetime) -> Self:
        """Messages that may go out and that nobody is sending. `now` is the database's.

        A clinician's once every scan of the study has an ended analysis; a patient's once a doctor
        has released those very results as well; a message whose sender's lease ran out again.
        """
        unfinished = models.Exists(
            Scan.objects.filter(study=models.OuterRef("study"), current_analysis__state__in=State.unfinished())
        )
        newer = models.Exists(
            Scan.objects.filter(
                study=models.OuterRef("study"),
                current_analysis__queued_at__gt=models.OuterRef("study__released_at"),
            )
        )
        released = models.Q(study__released_at__isnull=False) & ~models.Q(newer)
        may_go = models.Q(recipient=Recipient.CLINICIAN) | released
        waiting = models.Q(state=DeliveryState.WAITING) & (
            models.Q(not_before__isnull=True) | models.Q(not_before__lte=now)
        )
        abandoned = models.Q(state=DeliveryState.SENDING, lease_until__lt=now)
        return self.filter(may_go, waiting | abandoned).filter(~unfinished).order_by("created_at", "id")


class Delivery(Leased):
    """One message: to whom, with whose consent, and what became of it. The body is composed when it is sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey("detection.Study", on_delete=models.CASCADE, related_name="deliveries")
    recipient = models.CharField(max_length=10, choices=Recipient.choices, default=Recipient.CLINICIAN)
    phone = PhoneNumberField()
    consented_at = models.DateTimeField(
        null=True, blank=True, help_text="When the uploader recorded the recipient's consent."
    )
    consent_recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    reason = models.TextField(blank=True, default="", help_text="Why it is not sent (yet): a sentence.")
    sender = models.CharField(max_length=20, blank=True, default="", help_text="console or twilio")
    receipt = models.CharField(max_length=64, blank=True, default="", help_text="The sender's own id of the message.")
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ("-created_at", "-id")
        indexes = [models.Index(name="delivery_queue", fields=["state", "created_at"])]
        constraints = [
            models.CheckConstraint(
                name="delivery_patient_consented",
                condition=~models.Q(recipient="patient") | models.Q(consented_at__isnull=False),
            ),
            models.CheckConstraint(
                name="delivery_failed_says_why", condition=~models.Q(state="failed") | ~models.Q(reason="")
            ),
        ]

    @property
    def is_withdrawn(self) -> bool:
        """Whether somebody took it back while it waited."""
        return self.state == DeliveryState.FAILED and self.reason == WITHDRAWN

    def __str__(self) -> str:
        return f"Delivery {self.id}"
