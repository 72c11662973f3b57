"""Analysis: one run of the models over a Scan. It never changes once it has ended."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Self

from django.db import models

from detection.models.leased import Leased


class State(models.TextChoices):
    """Where a run is. Refused and failed are results, each with a reason."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"

    @classmethod
    def unfinished(cls) -> tuple[State, ...]:
        """States that a worker still has to end."""
        return (cls.QUEUED, cls.RUNNING)


class Verdict(models.TextChoices):
    """The answer about a scan (contracts.md, `verdict`)."""

    TUMOUR = "tumour", "Suspicious for tumour"
    NO_TUMOUR = "no_tumour", "Nothing above threshold"
    UNCERTAIN = "uncertain", "Uncertain"
    REFUSED = "refused", "Refused"


class AnalysisQuerySet(models.QuerySet["Analysis"]):
    """Analyses as work and as history."""

    def due(self, now: datetime) -> Self:
        """Runs that nobody is working on: queued ones, and those whose lease ran out. `now` is the database's."""
        waiting = models.Q(state=State.QUEUED) & (models.Q(not_before__isnull=True) | models.Q(not_before__lte=now))
        abandoned = models.Q(state=State.RUNNING, lease_until__lt=now)
        return self.filter(waiting | abandoned).order_by("queued_at", "id")

    def held_by(self, worker: str) -> Self:
        """Runs that this worker holds."""
        return self.filter(state=State.RUNNING, lease_owner=worker)


class Analysis(Leased):
    """One run: state, progress, model version, and the findings as the contract's scan object."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scan = models.ForeignKey("detection.Scan", on_delete=models.CASCADE, related_name="analyses")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    progress = models.FloatField(default=0.0)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True, help_text="From claim to record.")
    model_version = models.CharField(max_length=64, blank=True, default="")
    weights: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        default=dict, blank=True, help_text="File name to SHA-256 of every weight file used."
    )
    verdict = models.CharField(max_length=10, choices=Verdict.choices, blank=True, default="")
    tumour_probability = models.FloatField(null=True, blank=True)
    reason = models.TextField(blank=True, default="", help_text="Why refused, uncertain or failed: a sentence.")
    findings: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(
        null=True, blank=True, help_text="The contract's scan object."
    )

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "analyses"
        ordering = ("-queued_at", "-id")
        indexes = [
            models.Index(name="analysis_queue", fields=["state", "queued_at"]),
            models.Index(name="analysis_verdict", fields=["verdict"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="analysis_progress_is_a_share", condition=models.Q(progress__gte=0.0, progress__lte=1.0)
            ),
            models.CheckConstraint(
                name="analysis_probability_is_a_share",
                condition=models.Q(tumour_probability__isnull=True)
                | models.Q(tumour_probability__gte=0.0, tumour_probability__lte=1.0),
            ),
            models.CheckConstraint(
                name="analysis_ended_has_an_end",
                condition=models.Q(state__in=["queued", "running"]) | models.Q(finished_at__isnull=False),
            ),
            models.CheckConstraint(
                name="analysis_failed_says_why",
                condition=~models.Q(state__in=["failed", "refused"]) | ~models.Q(reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Analysis {self.id}"

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended, in whatever way."""
        return self.state not in State.unfinished()

    @property
    def slice_count(self) -> int:
        """Slices that were read; 0 before."""
        return len(self.findings["slices"]) if self.findings else 0
