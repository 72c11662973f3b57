"""`make run`: become `manage.py serve`, and see to it that stopping make stops the server.

A Ctrl-C in a terminal reaches make and the server alike, and make passes SIGTERM on. Two ways are left in which
GNU make would leave the server running: a SIGINT sent to make alone, which it takes as news that the terminal has
told everybody, waiting for ever for the server to end; and a SIGKILL. A small watcher beside the server sees both
and sends the server a SIGTERM. It ends with the server.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from pathlib import Path

LOOKS_A_SECOND = 5
SIGINT_BIT = 1 << (signal.SIGINT - 1)


def catches_interrupt(pid: int) -> bool | None:
    """Whether a process has a handler for SIGINT; None when it is gone.

    GNU make gives its handler up on the first SIGINT, so that a second one would end it.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & SIGINT_BIT)


def watch(make: int, server: int) -> None:
    """Send `server` a SIGTERM once `make` has been interrupted or is gone; return when the server has ended."""
    ended = select.poll()
    ended.register(os.pidfd_open(server), select.POLLIN)
    at_first = catches_interrupt(make)
    while not ended.poll(1000 / LOOKS_A_SECOND):
        now = catches_interrupt(make)
        if now is None or (at_first and not now):
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, signal.SIGTERM)
            return


def start_watcher() -> None:
    """Leave a watcher behind, a grandchild: the server has no child that it did not start itself."""
    make, server = os.getppid(), os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if os.fork() == 0:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        with contextlib.suppress(OSError):
            watch(make, server)
    os._exit(0)


if __name__ == "__main__":
    if Path("/proc/self/status").exists() and hasattr(os, "pidfd_open"):
        start_watcher()
    os.execv(sys.executable, [sys.executable, "manage.py", "serve", *sys.argv[1:]])  # noqa: S606  our own program
