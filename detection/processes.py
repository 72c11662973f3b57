"""Processes that start others: nothing that was started outlives its starter."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def bare_environment() -> dict[str, str]:
    """The environment of a child that opens people's files: no address of a database, no keys, one thread for numbers."""
    environment = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # Some Python builds do not start without the first; the second says where temporary files may lie.
    return environment | {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}


def die_with_parent(parent: int, number: signal.Signals) -> None:
    """Called in a child: let the kernel send it a signal when its parent dies, by SIGKILL too.

    Linux only; elsewhere a child notices through its closed pipe.

    Parameters
    ----------
    parent : int
        The parent's process id. A child whose parent is gone already ends at once.
    number : signal.Signals
        The signal that the child will get.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
