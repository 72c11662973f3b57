"""The inside of the decoder: answers requests on stdin until stdin ends. Started by `decoder.Decoder` only."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from detection.processes import die_with_parent

OPEN_FILES = 64
LARGEST_WRITE = 2 << 30
"""Zips are unpacked into temporary files."""


def main() -> None:
    """Limit this process, warm the readers up, then serve."""
    parent, memory = (int(argument) for argument in sys.argv[2:4])
    die_with_parent(parent, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_WRITE, LARGEST_WRITE))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # Decoders may print; the answers go where they cannot.
    out = os.dup(1)
    os.dup2(2, 1)
    from ml.imaging import readers  # noqa: F401  warmed up, and under the limits

    for line in sys.stdin.buffer:
        header, body = answer(json.loads(line))
        encoded = json.dumps(header).encode()
        write(out, b"%08d" % len(encoded) + encoded)
        write(out, body)
        del body


def answer(request: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Decode one scan: its description and its voxels' bytes, or the refusal's sentence and nothing."""
    from ml.imaging import readers
    from ml.imaging.errors import ImagingError, UploadRefused
    from ml.imaging.limits import Limits

    try:
        volume = readers.read(
            [Path(path) for path in request["paths"]],
            names=request["names"],
            as_series=request["as_series"],
            limits=Limits(**request["limits"]),
        )
    except ImagingError as error:
        return refused(error.sentence, error.status if isinstance(error, UploadRefused) else None)
    except MemoryError:
        return refused("The scan needs too much memory to be opened. Export it smaller.", 413)
    except OSError:
        raise  # storage is away: no answer, and the worker tries again later
    except Exception:  # noqa: BLE001  whatever else a file makes its reader raise, the file is at fault
        return refused("The file is damaged and could not be read. Export it again and upload the new copy.", 400)
    described = {
        "dtype": volume.voxels.dtype.name,
        "shape": volume.voxels.shape,
        "kind": volume.kind,
        "sources": volume.sources,
        "spacing": None if volume.spacing is None else asdict(volume.spacing),
        "orientation": None if volume.orientation is None else asdict(volume.orientation),
        "sequence": volume.sequence,
        "stored_orientation": volume.stored_orientation,
        "notes": volume.notes,
        "placement": None if volume.placement is None else asdict(volume.placement),
        "window": volume.window,
        "references": None if volume.references is None else asdict(volume.references),
    }
    return described, volume.voxels.reshape(-1).data.cast("B")


def refused(sentence: str, status: int | None) -> tuple[dict[str, Any], bytes]:
    """The answer for files that cannot be read."""
    return {"refused": {"sentence": sentence, "status": status}}, b""


def write(out: int, content: Any) -> None:
    """Write everything to a descriptor."""
    view = memoryview(content)
    while view:
        view = view[os.write(out, view[: 1 << 20]) :]
