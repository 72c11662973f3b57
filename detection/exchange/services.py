"""The record of what left the application."""

from __future__ import annotations

from detection import audit, retry
from detection.models import Analysis, Scan, User


@retry.in_transaction
def record_export(*, scan: Scan, analysis: Analysis, actor: User, format: str, bytes: int) -> None:
    """Note who took which result out; written before the first byte goes."""
    audit.record(actor, "exported", scan, format=format, analysis=str(analysis.pk), bytes=bytes)
