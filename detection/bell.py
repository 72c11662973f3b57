"""A bell between web and workers of one machine: work was queued, look now and not a quarter of a second later.

The rows are the queue. A bell that nobody hears loses nothing: workers look by themselves too, those of other
machines always.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from pathlib import Path

from django.conf import settings


def _path() -> Path:
    return Path(settings.HOME) / "work.bell"


def ring() -> None:
    """Wake the workers of this machine; call it once the rows are committed."""
    with contextlib.suppress(OSError):  # nobody listens, or the pipe is full of rings that nobody has heard yet
        bell = os.open(_path(), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(bell, b"!")
        finally:
            os.close(bell)


class Bell:
    """A worker's ear: a named pipe that only this installation's own user can open. Deaf where there are no such pipes."""

    def __init__(self) -> None:
        path = _path()
        self._pipe: int | None = None
        with contextlib.suppress(OSError):
            if not path.is_fifo():
                os.mkfifo(path, 0o600)
            # Open for writing too: a pipe whose last writer has left would be readable for ever.
            self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def __enter__(self) -> Bell:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pipe is not None:
            os.close(self._pipe)

    def wait(self, seconds: float) -> None:
        """Return when the bell rings, at the latest after so many seconds."""
        if self._pipe is None:
            time.sleep(seconds)
        elif select.select([self._pipe], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):  # another worker was quicker: both look
                os.read(self._pipe, 4096)
