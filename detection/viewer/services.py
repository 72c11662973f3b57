"""Keeping measurements: drawn, moved, removed, brought back. Nothing is ever deleted."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from detection import audit, retry
from detection.models import Measurement, Scan, User
from detection.viewer.drawings import Drawing, DrawingRefused

MOST_SHOWN = 200
"""Measurements of one scan that are shown at once."""

MOST_KEPT = 5000
"""Rows of one scan, removed ones included."""


def steps(scan: Scan, author: User) -> list[tuple[UUID, UUID | None]]:
    """What a person's undo goes back through, oldest first: each measurement, and the one that it replaced.

    Those that are shown, and what they were before they were moved; what was removed has no way back here.
    """
    rows = {
        key: (replaced, removed_at)
        for key, replaced, removed_at in scan.measurements.filter(author=author)
        .order_by("created_at", "pk")
        .values_list("pk", "replaces_id", "removed_at")
    }
    living: set[UUID] = set()
    for key, (_, removed_at) in rows.items():
        step = key if removed_at is None else None
        while step in rows and step not in living:
            living.add(step)
            step = rows[step][0]
    return [(key, replaced) for key, (replaced, _) in rows.items() if key in living]


@retry.in_transaction
def draw(drawing: Drawing, *, scan: Scan, author: User) -> Measurement:
    """Keep a drawing; where it replaces a measurement of the same author, that one is removed in the same step.

    Raises
    ------
    DrawingRefused
        When the scan holds as many as it may, or what it replaces is not there to be replaced.
    """
    # The scan's lock keeps two windows of one person from passing the limit together.
    scan = Scan.objects.select_for_update(of=("self",)).get(pk=scan.pk)
    replaced = None
    if drawing.replaces is not None:
        replaced = scan.measurements.shown().changeable_by(author).filter(pk=drawing.replaces).first()
        if replaced is None:
            raise DrawingRefused("The measurement that was moved is not there any more. Load the page again.")
    elif scan.measurements.shown().count() >= MOST_SHOWN:
        raise DrawingRefused(f"A scan holds {MOST_SHOWN} measurements. Remove one first.")
    if scan.measurements.count() >= MOST_KEPT:
        raise DrawingRefused("This scan's measurements were changed too often to keep any more.")
    if replaced is not None:
        replaced.removed_at = timezone.now()
        replaced.save(update_fields=["removed_at"])
    made = Measurement.objects.create(
        scan=scan,
        author=author,
        kind=drawing.kind,
        plane=drawing.plane,
        slice_index=drawing.slice_index,
        points=drawing.points,
        replaces=replaced,
    )
    details = {"scan": str(scan.pk), "kind": made.kind}
    audit.record(author, "measured" if replaced is None else "moved", made, **details)
    return made


@retry.in_transaction
def remove(measurement: Measurement, *, actor: User) -> Measurement:
    """Mark a measurement as removed; doing it again changes nothing."""
    locked = Measurement.objects.select_for_update().get(pk=measurement.pk)
    if locked.removed_at is None:
        locked.removed_at = timezone.now()
        locked.save(update_fields=["removed_at"])
        audit.record(actor, "removed", locked, scan=str(locked.scan_id))
    return locked


@retry.in_transaction
def bring_back(measurement: Measurement, *, actor: User) -> Measurement:
    """Take the mark of removal away; doing it again changes nothing.

    Raises
    ------
    DrawingRefused
        When the scan shows as many as it may.
    """
    scan = Scan.objects.select_for_update(of=("self",)).get(pk=measurement.scan_id)
    locked = Measurement.objects.select_for_update().get(pk=measurement.pk)
    if locked.removed_at is not None:
        if scan.measurements.shown().count() >= MOST_SHOWN:
            raise DrawingRefused(f"A scan holds {MOST_SHOWN} measurements. Remove one first.")
        locked.removed_at = None
        locked.save(update_fields=["removed_at"])
        audit.record(actor, "brought back", locked, scan=str(locked.scan_id))
    return locked
