"""Releasing a study: from then on its patient may hear of it."""

from __future__ import annotations

from django.utils import timezone

from detection import audit, retry
from detection.models import Study, User


class NotFinished(Exception):
    """A scan of the study has no ended analysis yet. `str(error)` is the sentence."""

    def __init__(self) -> None:
        super().__init__("A scan of this study is still being analysed, so nothing was released. Wait for its result.")


@retry.in_transaction
def release(*, study: Study, actor: User) -> bool:
    """Release a study; releasing it again changes nothing and keeps the first person and time.

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
    NotFinished
        While an analysis runs.
    """
    # The row's lock lets two people, or a double click, make one release and one audit entry.
    locked = Study.objects.select_for_update().get(pk=study.pk)
    if locked.released_at is not None:
        return False
    if not locked.is_finished:
        raise NotFinished
    locked.released_at, locked.released_by = timezone.now(), actor
    locked.save(update_fields=["released_at", "released_by"])
    audit.record(actor, "released", locked, deliveries=locked.deliveries.count())
    return True
