"""Processes that start others: nothing that was started outlives its starter."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def dies_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What a child runs between fork and exec (`preexec_fn`) so that it gets a signal when its parent dies.

    The kernel sends it even if the parent was killed by SIGKILL (Linux; elsewhere a child notices
    through its closed pipe or its changed parent).

    Parameters
    ----------
    number : signal.Signals
        The signal that the child gets.
    """
    parent = os.getpid()
    # Loaded here, before the fork: a child of a process with threads must not take the loader's lock.
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
            if os.getppid() != parent:  # it died in between
                os._exit(0)

    return prepare
