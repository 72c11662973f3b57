"""The inside of the sandbox: reads a request on stdin, answers on stdout, and ends.

Started by `sandbox` only, perhaps before its files have come: while it waits it imports what they
will need. It limits itself before it opens anything.
"""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import select
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

OPEN_FILES = 32
ROOM_FOR_HEADERS = 1 << 20
"""A clean file may be a little longer than the one that came: its header says what was done."""

MOST_SECONDS = 170
"""Most processor time for a whole examination."""

PATIENCE = 900
"""Seconds that it waits for its request; a person who takes longer to choose files waits for another's start."""


def main() -> None:
    """Answer one request: `inspect` or `take_in`, each with limits, or {"refused": {...}}."""
    if not _asked(0):
        _warm_up()
        if not _asked(PATIENCE):
            os._exit(0)
    request = json.load(sys.stdin)
    writes = request["task"] == "take_in"
    _limit_self(request["limits"], writes=writes)
    # Decoders may print what they find in a hostile file; the answer goes where they cannot.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if writes:
        from ml.imaging.intake_child import take_in

        json.dump(take_in(request), out)
    else:
        json.dump(_inspect(request), out)
    out.flush()
    os._exit(0)  # nothing to tidy; saves the interpreter's farewell


def _asked(seconds: float) -> bool:
    """Whether the request has begun to come, or its pipe has ended, within so many seconds."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def _warm_up() -> None:
    """Import what pictures, NIfTI and DICOM need. No file has come yet, so none can do anything here."""
    import pydicom.pixels.utils  # noqa: F401

    from ml.imaging import grouping, intake_child  # noqa: F401
    from ml.imaging.deidentify import dicom, nifti, picture  # noqa: F401


def _limit_self(limits: dict[str, Any], *, writes: bool) -> None:
    seconds = math.ceil(limits["seconds"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    largest = limits["max_bytes"] + ROOM_FOR_HEADERS if writes else 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    # Taking in raises its soft limit once it knows how many files there are.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, MOST_SECONDS if writes else seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory_bytes"], limits["memory_bytes"]))


def _inspect(request: dict[str, Any]) -> dict[str, Any]:
    from ml.imaging import headers
    from ml.imaging.errors import UploadRefused
    from ml.imaging.limits import Limits

    limits = Limits(**request["limits"])
    found = []
    for index, path in enumerate(request["paths"]):
        try:
            found.append(asdict(headers.facts(Path(path), limits)))
        except UploadRefused as refusal:
            return _refused(refusal.sentence, refusal.status, index)
        except MemoryError:
            gc.collect()
            return _refused("The file needs too much memory to be opened. Export it smaller.", 413, index)
        except Exception:  # noqa: BLE001 - whatever else a file makes its reader raise, the file is at fault
            return _refused("The file is damaged and could not be read. Export it again.", 400, index)
    return {"facts": found}


def _refused(sentence: str, status: int, index: int) -> dict[str, Any]:
    return {"refused": {"sentence": sentence, "status": status, "index": index}}
