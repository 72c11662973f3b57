"""The record of who did what: part of the floor under the features."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from detection.models import AuditEntry, User


def record(actor: User | None, action: str, row: Model, **details: Any) -> AuditEntry:
    """Write one act into the audit trail, inside the caller's transaction.

    Parameters
    ----------
    actor : User or None
        The person, or None for the system.
    action : str
        Verb of the act, such as `uploaded`, `released`, `analysed again`.
    row : Model
        A row with a UUID key.
    details
        Ids and counts. Never a reference, a file name or a phone number.
    """
    return AuditEntry.objects.create(
        actor=actor, action=action, row_kind=row._meta.model_name or "", row_id=row.pk, details=details
    )
