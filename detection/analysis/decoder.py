"""Decoding of originals in a process of its own: the worker never opens a hostile file itself.

The child is kept warm, so that a picture costs milliseconds. It has limits of memory, time, file size
and open files, none of the worker's environment (no database address, no keys), and answers with plain
numbers and text, never with pickles. A decoder that crashes, hangs or swallows memory takes only itself along.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from detection.processes import bare_environment
from ml.imaging.errors import ImagingError, UploadRefused
from ml.imaging.limits import DEFAULT, Limits
from ml.imaging.volume import Orientation, Placement, References, Spacing, Volume

CHECKOUT = Path(__file__).resolve().parents[2]
CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from detection.analysis.decoder_child import main; main()"

SECONDS = 120.0
"""Most time for one scan."""

MEMORY_BYTES = 4 << 30
"""Address space of the child: the largest volume allowed, as 4-byte numbers, three times over."""

LONGEST_HEADER = 4 << 20
BLOCK = 1 << 20


class DecoderStopped(Exception):
    """The decoder crashed, hung or ran out of memory over these files. `str(error)` is a sentence for the doctor."""

    def __init__(self) -> None:
        super().__init__(
            "The file could not be opened within the limits of time and memory. Export it again, or smaller."
        )


class Decoder:
    """A child process that turns stored files into Volumes. Start it early: it warms up while the models load."""

    def __init__(self, *, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._child: subprocess.Popen[bytes] | None = None
        self._start()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def read(self, paths: Sequence[Path], *, names: Sequence[str], as_series: bool, limits: Limits = DEFAULT) -> Volume:
        """Decode one scan.

        Parameters
        ----------
        paths : sequence of Path
            Its stored files.
        names : sequence of str
            What their owner calls them; the order of slices follows them.
        as_series : bool
            Whether a lone picture counts as a series.
        limits : Limits
            Checked before pixels are decoded.

        Raises
        ------
        ImagingError
            When the files cannot be read; they never will be.
        DecoderStopped
            When the child broke or took too long. The next call has a fresh one.
        """
        if self._child is None or self._child.poll() is not None:
            self._start()
        request = {
            "paths": [str(path) for path in paths],
            "names": list(names),
            "as_series": as_series,
            "limits": asdict(limits),
        }
        try:
            return self._ask(request)
        except (OSError, EOFError, TimeoutError, ValueError, KeyError, TypeError):
            # Its answer is not what was agreed: whatever the reason, nothing more is taken from it.
            self.close()
            raise DecoderStopped from None

    def abandon(self) -> None:
        """End what the child is doing; may be called from a signal handler. `read` raises DecoderStopped."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _start(self) -> None:
        self.close()
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", CHILD, str(CHECKOUT), str(os.getpid()), str(self._memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Decoders print what they find in a file, and that may be a patient's name.
            stderr=subprocess.DEVNULL,
            env=bare_environment(),
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )

    def _ask(self, request: dict[str, Any]) -> Volume:
        assert self._child is not None
        assert self._child.stdin is not None
        deadline = time.monotonic() + self._seconds
        self._child.stdin.write(json.dumps(request).encode() + b"\n")
        answer = json.loads(self._line(deadline))
        if "refused" in answer:
            sentence, status = str(answer["refused"]["sentence"]), answer["refused"]["status"]
            raise ImagingError(sentence) if status is None else UploadRefused(sentence, int(status))
        dtype, shape = np.dtype(str(answer["dtype"])), tuple(int(side) for side in answer["shape"])
        if len(shape) != 4 or min(shape) < 1 or int(np.prod(shape, dtype=np.int64)) > DEFAULT.max_voxels * 4:
            raise ValueError("not a volume")
        voxels = np.empty(shape, dtype)
        self._fill(voxels.reshape(-1).view(np.uint8).data, deadline)
        spacing, orientation, placement = answer["spacing"], answer["orientation"], answer["placement"]
        window, references = answer["window"], answer["references"]
        return Volume(
            voxels=voxels,
            kind=answer["kind"],
            sources=tuple(map(str, answer["sources"])),
            spacing=None if spacing is None else Spacing(**spacing),
            orientation=None if orientation is None else Orientation(**orientation),
            sequence=None if answer["sequence"] is None else str(answer["sequence"]),
            stored_orientation=int(answer["stored_orientation"]),
            notes=tuple(map(str, answer["notes"])),
            placement=None if placement is None else Placement(**placement),
            window=None if window is None else (float(window[0]), float(window[1])),
            references=None
            if references is None
            else References(**{name: bool(references[name]) for name in references}),
        )

    def _line(self, deadline: float) -> bytes:
        """The header: bytes up to a line's end, which is told by its length in front (8 digits)."""
        length = bytearray(8)
        self._fill(memoryview(length), deadline)
        size = int(bytes(length))
        if size > LONGEST_HEADER:
            raise ValueError("the header is too long")
        header = bytearray(size)
        self._fill(memoryview(header), deadline)
        return bytes(header)

    def _fill(self, target: memoryview, deadline: float) -> None:
        """Read exactly as many bytes as `target` has room for."""
        assert self._child is not None
        assert self._child.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            filled = 0
            while filled < len(target):
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise TimeoutError
                count = self._child.stdout.readinto(target[filled : filled + BLOCK])  # type: ignore[attr-defined]  # a raw pipe has it
                if not count:
                    raise EOFError
                filled += count
