"""Keeping processes running, and ending every one of them."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from detection.processes import die_with_parent

log = logging.getLogger(__name__)

SETTLED = 60.0
"""Seconds after which a process that ends is started again at once."""

LONGEST_WAIT = 30.0
PATIENCE = 8.0
"""Seconds that processes have to end by themselves before they are killed."""


class AlreadyServed(Exception):
    """Another `serve` works on this home."""


class HomeLock:
    """One `serve` for one BRAINSCAN_HOME. The kernel lets go of it however the process ends."""

    def __init__(self, home: Path) -> None:
        self._file = (home / "serve.lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise AlreadyServed from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let another `serve` have the home."""
        self._file.close()


class Child:
    """One process that is to run for as long as the supervisor does.

    Parameters
    ----------
    name : str
        For the log.
    command : sequence of str
        What to run.
    descriptors : sequence of int
        Open files that it inherits.
    on_end : callable
        Called with its process id when it has ended by itself, before it is started again.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        descriptors: Sequence[int] = (),
        on_end: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self.name = name
        self._command = list(command)
        self._descriptors = tuple(descriptors)
        self._on_end = on_end
        self._failures = 0
        self._start_at = 0.0
        self._started = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, in a process group of its own: a Ctrl-C in the terminal reaches the supervisor only."""
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            self._command,
            pass_fds=self._descriptors,
            process_group=0,
            # The supervisor has no threads, so running Python between fork and exec is safe.
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509
        )

    def look(self) -> None:
        """Start it again if it has ended, the later the more often that happened."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        pid, self.process = self.process.pid, None
        self._failures = 1 if now - self._started > SETTLED else self._failures + 1
        wait = 0.0 if self._failures == 1 else min(LONGEST_WAIT, 2.0 ** (self._failures - 2))
        self._start_at = now + wait
        log.error("%s ended with code %d; it is started again in %.0f s.", self.name, code, wait)
        self._on_end(pid)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self.process is None or self.process.poll() is not None


class Supervisor:
    """Runs children until it is told to stop."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self._stopping = False

    def stop(self) -> None:
        """Called by a signal's handler."""
        self._stopping = True

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping

    def add(self, child: Child) -> None:
        """Start a child and keep it running."""
        child.start()
        self.children.append(child)

    def run(self, each_time: Callable[[], None]) -> None:
        """Look after the children until `stop`; `each_time` is called between two looks."""
        while not self._stopping:
            for child in self.children:
                child.look()
            each_time()
            time.sleep(0.1)

    def end(self) -> None:
        """End every child: asked first, killed after `PATIENCE`."""
        for child in self.children:
            child.signal(signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not all(child.has_ended() for child in self.children):
            time.sleep(0.02)
        for child in self.children:
            if not child.has_ended():
                log.warning("%s did not end in time and is killed.", child.name)
                child.signal(signal.SIGKILL)
        for child in self.children:
            if child.process is not None:
                child.process.wait()
