"""Leased: a row that is work to do. The rows are the queue; `detection.leases` claims them."""

from __future__ import annotations

from django.db import models


class Leased(models.Model):
    """Who works on the row, until when, and how often it was tried.

    A claim sets `lease_owner` and `lease_until` and counts an attempt; a heartbeat moves `lease_until`;
    a row whose lease has run out is due again.
    """

    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    lease_owner = models.CharField(max_length=64, blank=True, default="", editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    not_before = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Waits until then, after a temporary error."
    )

    class Meta:
        abstract = True
