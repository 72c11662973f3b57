"""Queueing an analysis: the row, and once it is committed the bell."""

from __future__ import annotations

from django.db import transaction

from detection import bell
from detection.models import Analysis, Scan


def analyse(scan: Scan) -> Analysis:
    """Queue an analysis of a scan as its current one; the earlier ones stay as they are. Within a transaction."""
    analysis = Analysis.objects.create(scan=scan)
    scan.current_analysis = analysis
    scan.opened_at = None
    scan.save(update_fields=["current_analysis", "opened_at"])
    # Whatever became of the bell, the row is committed: nobody may take that for a failure.
    transaction.on_commit(bell.ring, robust=True)
    return analysis
