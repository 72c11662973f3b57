"""Opening untrusted files in a short-lived subprocess with limits of memory, time and files.

The parent checks count and length by `stat`, which no content can influence. Everything
that parses content runs in `sandbox_child`, one process for all files of one upload,
without the parent's environment. A decoder that crashes, hangs or swallows memory takes
only that process with it.

Importing the libraries takes longer than looking at a few files. `get_ready` starts the next
process ahead, while a person chooses files or sends them; no process ever sees two uploads.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers import check_bytes
from ml.imaging.headers.facts import FileFacts
from ml.imaging.limits import DEFAULT, Limits

_ROOT = Path(__file__).resolve().parents[2]
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from ml.imaging.sandbox_child import main; main()"
LONGEST = 180.0
"""Most wall-clock seconds for a whole examination of thousands of files."""
_TOO_SLOW = "The file takes too long to open. Export it smaller, or one series at a time."


def inspect(paths: Sequence[Path], limits: Limits = DEFAULT) -> list[FileFacts]:
    """Open every file of one upload, safely, and tell what it is.

    Args:
        paths: files in storage of our own; their names are never looked at.
        limits: what the files are held to.

    Returns:
        Facts of each file, in the order given.

    Raises:
        UploadRefused: at the first file that is not taken in: 400 (damaged or unusable),
            413 (too large, too many, too slow) or 415 (a kind that is not read), with
            `index` telling which.
    """
    check_amount(paths, limits)
    answer = ask(
        {"task": "inspect", "paths": [str(path.resolve()) for path in paths], "limits": asdict(limits)}, limits
    )
    try:
        found = [FileFacts(**facts) for facts in answer["facts"]]
    except (KeyError, TypeError):
        raise damaged() from None
    if len(found) != len(paths):
        raise damaged()
    return found


def check_amount(paths: Sequence[Path], limits: Limits) -> None:
    """Hold number and lengths of files against the limits, by `stat` alone.

    Raises:
        UploadRefused: 400 for none or a missing one, 413 for too many or too large.
    """
    if not paths:
        raise UploadRefused("No file was chosen. Choose at least one.")
    if len(paths) > limits.max_files:
        raise UploadRefused(
            f"More than {limits.max_files:,} files at once. Upload one series at a time, or pack it as zip.", 413
        )
    total = 0
    for index, path in enumerate(paths):
        try:
            total += check_bytes(path, limits)
        except UploadRefused as refusal:
            raise UploadRefused(refusal.sentence, refusal.status, index=index) from None
    if total > limits.max_total_bytes:
        raise UploadRefused(
            f"These files are larger than {limits.max_total_bytes // 2**20:,} MB together."
            " Upload one series at a time.",
            413,
        )


def ask(request: dict[str, Any], limits: Limits, *, seconds: float | None = None) -> dict[str, Any]:
    """Put one request to a fresh child and take its word only in the form agreed.

    Args:
        request: goes through a pipe: neither arguments nor environment show it.
        seconds: wall-clock time until the child is ended; by default `limits.seconds`.

    Raises:
        UploadRefused: as the child says, or because a file broke it.
    """
    child = _run_child(request, math.ceil(seconds or limits.seconds))
    try:
        answer = json.loads(child.stdout)
        if "refused" in answer:
            refused = answer["refused"]
            index = None if refused["index"] is None else int(refused["index"])
            raise UploadRefused(str(refused["sentence"])[:500], int(refused["status"]), index=index)
        if not isinstance(answer, dict):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        if child.returncode in _TIME_SIGNALS:
            raise UploadRefused(_TOO_SLOW, 413) from None
        raise damaged() from None
    return answer


def get_ready() -> None:
    """Start the process of the next upload, unless one waits already; it ends by itself if none comes."""
    with _lock:
        if not _waiting or _waiting[0].poll() is not None:
            _waiting[:] = [_start()]


def _run_child(request: dict[str, Any], seconds: int) -> subprocess.CompletedProcess[bytes]:
    with _lock:
        child = _waiting.pop() if _waiting else None
    if child is None or child.poll() is not None:
        child = _start()
    with child:
        try:
            out, _ = child.communicate(json.dumps(request).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            raise UploadRefused(_TOO_SLOW, 413) from None
        finally:
            child.kill()
    return subprocess.CompletedProcess(child.args, child.returncode, out)


def _start() -> subprocess.Popen[bytes]:
    environment = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    if "LD_LIBRARY_PATH" in os.environ:  # some Python builds do not start without it
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", _CHILD, str(_ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Decoders print what they find in a file, and that may be a patient's name.
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        start_new_session=True,
    )


_lock = threading.Lock()
_waiting: list[subprocess.Popen[bytes]] = []
"""The process that was started ahead, if there is one."""

# SIGXCPU, the SIGKILL that follows it, and SIGPROF of a single file's timer; the negative sign is subprocess's.
_TIME_SIGNALS = (-24, -9, -27)
