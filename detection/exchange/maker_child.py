"""The inside of the maker: one order on stdin, the file into a descriptor, the answer on stdout. Started by `maker` only."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import Any

from detection.processes import die_with_parent

OPEN_FILES = 64
LARGEST_FILE = 1 << 30


def main() -> None:
    """Limit this process, make what is ordered, and end."""
    parent, memory, seconds, target = (int(argument) for argument in sys.argv[2:6])
    die_with_parent(parent, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries may print; the answer goes where they cannot
    answer = _answer(json.load(sys.stdin), target)
    json.dump(answer, answers)
    answers.flush()
    os._exit(0)  # nothing to tidy; saves the interpreter's farewell


def _answer(order: dict[str, Any], target: int) -> dict[str, Any]:
    """Whether it was made, or the sentence for who asked."""
    from ml.imaging.errors import ImagingError  # after the limits, so that they hold for the libraries too

    try:
        from detection.exchange import makers

        with os.fdopen(target, "wb") as out:
            makers.make(order, out)
    except ImagingError as error:
        return {"sentence": error.sentence}
    except FileNotFoundError:
        return {"sentence": "Files of this result are no longer in storage. Have the scan analysed again."}
    return {"made": True}
