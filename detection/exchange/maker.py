"""Having a file made by a process of its own: the web process reads no scan and stays small.

The process has limits of memory, time, file size and open files, and none of this one's environment
(no database address, no keys). What it makes goes into a file without a name, so that nothing is
left behind however it ends.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from detection.processes import bare_environment

log = logging.getLogger(__name__)

CHECKOUT = Path(__file__).resolve().parents[2]
CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from detection.exchange.maker_child import main; main()"

SECONDS, CPU_SECONDS = 300, 120
"""Most time for one file, on the clock and of the processor: a busy machine is no reason to give up."""

MEMORY_BYTES = 3 << 30
"""Address space of the process: the masks of the largest volume, numbered, and the libraries."""

AT_ONCE, WAITING = 2, 2
"""Files that are made at once, and people who wait for their turn: more would keep the pages waiting behind them."""

PATIENCE = 30.0
"""Seconds that a person waits."""

_door = threading.BoundedSemaphore(AT_ONCE + WAITING)
_places = threading.BoundedSemaphore(AT_ONCE)


class Busy(Exception):
    """So many files are being made already. `str(error)` is the sentence."""

    def __init__(self) -> None:
        super().__init__("Other results are being taken out at this moment. Try again in a minute.")


class NotMade(Exception):
    """This scan has no such file; `str(error)` is the reason."""


class Broke(Exception):
    """The process crashed, hung or ran out of memory. `str(error)` is the sentence."""

    def __init__(self) -> None:
        super().__init__(
            "The file could not be made within the limits of time and memory. Try again; if it fails again, tell your administrator."
        )


def make(order: Mapping[str, Any], *, seconds: int = SECONDS, memory_bytes: int = MEMORY_BYTES) -> IO[bytes]:
    """Have one file made.

    Parameters
    ----------
    order : mapping
        From `orders.order`.
    seconds, memory_bytes : int
        Limits of the process.

    Returns
    -------
    file
        Open at its beginning; it has no name and is gone when it is closed.

    Raises
    ------
    Busy, NotMade, Broke
        Each with a sentence for the person.
    """
    if not _door.acquire(blocking=False):
        raise Busy
    try:
        if not _places.acquire(timeout=PATIENCE):
            raise Busy
        try:
            return _made(order, seconds, memory_bytes)
        finally:
            _places.release()
    finally:
        _door.release()


def _made(order: Mapping[str, Any], seconds: int, memory_bytes: int) -> IO[bytes]:
    target = tempfile.TemporaryFile()  # noqa: SIM115  it goes to the caller
    try:
        numbers = map(str, (os.getpid(), memory_bytes, CPU_SECONDS, target.fileno()))
        child = subprocess.run(
            [sys.executable, "-I", "-B", "-c", CHILD, str(CHECKOUT), *numbers],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            # Libraries print what they find in a file, and that may be a patient's name.
            stderr=subprocess.DEVNULL,
            env=bare_environment(),
            cwd="/",
            pass_fds=[target.fileno()],
            start_new_session=True,
            timeout=seconds,
            check=False,
        )
        answer = json.loads(child.stdout)
        if "sentence" in answer:
            raise NotMade(str(answer["sentence"]))
        if not target.seek(0, os.SEEK_END):
            raise ValueError("it is empty")
        target.seek(0)
    except (OSError, ValueError, TypeError, subprocess.TimeoutExpired) as error:
        target.close()
        log.error("%s of analysis %s was not made.", order["format"], order["identity"]["analysis_id"])
        raise Broke from error
    except BaseException:
        target.close()
        raise
    return target
