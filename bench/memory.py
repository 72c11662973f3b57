"""Memory that one large volume costs: the most that each process was resident with, from upload to result."""

from __future__ import annotations

import gzip
import tempfile
import threading
import time
from pathlib import Path

import nibabel
import numpy as np

from bench import machine
from bench.series import drop_to_result
from bench.server import Server, serving
from tests import phantoms

SHAPE = (400, 512, 512)
AIM_MIB = 2048
NAMES = {
    "gunicorn": "web",
    "manage.py work": "worker",
    "decoder_child": "decoder",
    "sandbox_child": "sandbox",
    "intake_child": "sandbox at the door",
    "manage.py deliver": "sender of messages",
}


def write_volume(path: Path) -> Path:
    """A generated head of SHAPE slices x rows x columns, int16, as .nii.gz."""
    slices, rows, columns = SHAPE
    small, _ = phantoms.volume(slices=50, size=rows // 2, seed=5)
    stored = np.empty((columns, rows, slices), np.int16, order="F")
    for index in range(slices):
        picture = small[index * len(small) // slices].repeat(2, axis=0).repeat(2, axis=1)
        stored[:, :, index] = picture.T[::-1, ::-1] * np.int16(12)
    image = nibabel.Nifti1Image(stored, np.diag([0.45, 0.45, 0.4, 1.0]))  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]
    with gzip.open(path, "wb", compresslevel=1) as target:
        target.write(image.to_bytes())
    return path


class Peaks:
    """Watches the processes below one until it is stopped: the most resident MiB of each kind."""

    def __init__(self, server: Server) -> None:
        self.found: dict[str, float] = {}
        self._pid, self._stop = server.process.pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peaks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            for pid, command in machine.descendants(self._pid).items():
                kind = next((name for word, name in NAMES.items() if word in command), None)
                if kind:
                    self.found[kind] = max(self.found.get(kind, 0.0), machine.peak_mib(pid))
            time.sleep(0.05)


def measure() -> list[tuple[str, str, str]]:
    """Rows of the report: what, measured, aim."""
    with tempfile.TemporaryDirectory(prefix="brainscan-bench-") as folder:
        file = write_volume(Path(folder, "head.nii.gz"))
        return [
            *taken_in(file, Path(folder, "home"), ""),
            *taken_in(file, Path(folder, "explained"), ", with the heat map", BRAINSCAN_ATTRIBUTION="true"),
        ]


def taken_in(file: Path, home: Path, told: str, **environment: str) -> list[tuple[str, str, str]]:
    """Rows of one upload to a server of its own."""
    with serving(home, **environment) as (server, _):
        session = server.signed_in()
        with Peaks(server) as peaks:
            seconds, _, _ = drop_to_result(server, session, [file])
    size = " x ".join(str(length) for length in reversed(SHAPE)) + told
    rows = [(f"{size}, from drop to full result", f"{seconds:.0f} s", "")]
    for kind, mib in sorted(peaks.found.items()):
        rows.append((f"{size}, peak memory, {kind}", f"{mib:.0f} MiB", f"below {AIM_MIB}" if kind == "worker" else ""))
    return rows
