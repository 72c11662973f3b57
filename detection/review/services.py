"""Releasing a study: from then on its patient may hear of it."""

from __future__ import annotations

from django.utils import timezone

from detection import audit, retry
from detection.models import Study, User

STILL_RUNNING = "A scan of this study is still being analysed, so nothing was released. Wait for its result."
NO_ANSWER = "No scan of this study has a result, so nothing was released."


class CannotRelease(Exception):
    """There is nothing to release, or not yet. `str(error)` is the sentence."""


@retry.in_transaction
def release(*, study: Study, actor: User) -> bool:
    """Release what a study's scans show now; releasing it again changes nothing and keeps the person and time.

    Results that came after a release are released by another one; the trail keeps both, each with its analyses.

    Parameters
    ----------
    study : Study
        One that `actor` may change.
    actor : User
        Who releases it.

    Returns
    -------
    bool
        Whether this call released it.

    Raises
    ------
    CannotRelease
        While an analysis runs, and where no scan was answered.
    """
    # The row's lock lets two people, or a double click, make one release and one audit entry.
    locked = Study.objects.select_for_update().get(pk=study.pk)
    if locked.released_at is not None and not locked.is_outdated_release:
        return False
    if not locked.is_finished:
        raise CannotRelease(STILL_RUNNING)
    if not locked.has_an_answer:
        raise CannotRelease(NO_ANSWER)
    analyses = locked.scans.order_by("position").values_list("current_analysis", flat=True)
    locked.released_at, locked.released_by = timezone.now(), actor
    locked.save(update_fields=["released_at", "released_by"])
    audit.record(
        actor, "released", locked, deliveries=locked.deliveries.count(), analyses=[str(each) for each in analyses]
    )
    return True
