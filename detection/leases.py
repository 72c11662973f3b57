"""Claiming rows: the rows are the queue, so that work and its record cannot disagree.

A claim takes a lease until some time; a heartbeat renews it; a lease that ran out makes the row due again.
Every time comes from the database, so that machines whose clocks disagree still agree about leases.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db import connection, models, transaction

from detection.models.leased import Leased

Row = TypeVar("Row", bound=Leased)


def worker_name(purpose: str) -> str:
    """A name that no other process has or will have, at most 64 characters."""
    return f"{worker_prefix(purpose, os.getpid())}{secrets.token_hex(4)}"


def worker_prefix(purpose: str, pid: int) -> str:
    """How the name begins of the worker that is this process of this machine."""
    return f"{purpose}-{socket.gethostname()[:32]}-{pid}-"


def database_now() -> datetime:
    """The time by the database's clock, aware, UTC."""
    with connection.cursor() as cursor:
        # SQLite's CURRENT_TIMESTAMP knows whole seconds only; a lease needs better.
        cursor.execute(
            "SELECT STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')"
            if connection.vendor == "sqlite"
            else "SELECT CURRENT_TIMESTAMP"
        )
        (value,) = cursor.fetchone()
    now: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def claim(
    rows: models.QuerySet[Row], *, worker: str, limit: int, state: str, lease: timedelta, now: datetime
) -> list[Row]:
    """Take up to `limit` due rows, in their order, so that no other worker has them.

    Parameters
    ----------
    rows : QuerySet
        Due rows (`due(now)`), ordered.
    worker : str
        The claimer's unique name.
    limit : int
        At most so many rows.
    state : str
        The state that a claimed row gets.
    lease : timedelta
        How long the claim holds without a heartbeat.
    now : datetime
        The database's time that `rows` was made with.

    Returns
    -------
    list
        The claimed rows, as they are after the claim; empty when there is nothing to do.
    """
    taken = {"state": state, "lease_owner": worker, "lease_until": now + lease}
    if connection.features.has_select_for_update_skip_locked:
        with transaction.atomic():
            keys = list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:limit])
            rows.model._default_manager.filter(pk__in=keys).update(attempts=models.F("attempts") + 1, **taken)
    else:
        keys = _compare_and_set(rows, limit, taken)
    claimed = {row.pk: row for row in rows.model._default_manager.filter(pk__in=keys, lease_owner=worker)}
    return [claimed[key] for key in keys if key in claimed]


def _compare_and_set(rows: models.QuerySet[Row], limit: int, taken: dict[str, object]) -> list[object]:
    """Claim without row locks: an update that matches only the row as it was read (SQLite)."""
    keys: list[object] = []
    for key, attempts in rows.values_list("pk", "attempts")[:limit]:
        if rows.filter(pk=key, attempts=attempts).order_by().update(attempts=attempts + 1, **taken):
            keys.append(key)
    return keys


def renew(rows: models.QuerySet[Row], *, worker: str, keys: Sequence[object], lease: timedelta) -> int:
    """Move the lease of rows that this worker still holds; returns how many it still holds."""
    return rows.filter(pk__in=keys, lease_owner=worker).update(lease_until=database_now() + lease)
