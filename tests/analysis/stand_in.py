"""Stand-in models: no network, an answer that the brightness of the picture decides.

For the queue's behaviour, which is the same whatever answers. The real models have their own tests.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ml.findings import Compartment, Findings, Mask, SliceFinding, Verdict
from ml.imaging.volume import Volume
from ml.measure import lesions

NOTHING, TUMOUR, PHOTOGRAPH, BREAKS, KILLS, WAITS = 60, 100, 140, 180, 220, 250
"""Brightest level of a picture, and what the stand-in does with it."""


class StandIn:
    """A pipeline like `ml.pipeline.Pipeline`: same call, same findings.

    Attributes
    ----------
    runs : list
        How many volumes each call got.
    gate : Path or None
        A picture of level WAITS holds the call up while this file exists.
    """

    version = "stand-in"
    files = {"stand-in.weights": "0" * 64}
    thresholds = {"nothing_below": 0.2, "tumour_from": 0.8}

    def __init__(self, gate: Path | None = None) -> None:
        self.runs: list[int] = []
        self.gate = gate

    def __call__(
        self, volumes: Sequence[Volume], *, batch: int = 16, progress: Callable[[int, float], None] | None = None
    ) -> list[Findings]:
        self.runs.append(len(volumes))
        levels = [int(volume.voxels.max()) for volume in volumes]
        if KILLS in levels:
            os.kill(os.getpid(), signal.SIGKILL)
        if BREAKS in levels:
            raise ValueError("this picture breaks the networks")
        found = []
        for index, (volume, level) in enumerate(zip(volumes, levels, strict=True)):
            if level == WAITS and self.gate is not None:
                (self.gate.parent / "computing").touch()
                while self.gate.exists():
                    if progress:
                        progress(index, 0.5)
                    time.sleep(0.02)
            found.append(answer(volume, level))
            if progress:
                progress(index, 1.0)
        return found


def answer(volume: Volume, level: int) -> Findings:
    """Refused for a photograph's level; nothing where dark; else an outline round all that is bright."""
    if level == PHOTOGRAPH:
        return Findings.refused(volume, "This was not recognised as an MRI slice of a brain.")
    if level == NOTHING:
        empty = Mask.empty(volume.rows, volume.columns)
        slices = tuple(SliceFinding(i, s, 0.04, Verdict.NO_TUMOUR, empty) for i, s in enumerate(volume.sources))
        return Findings(volume.kind, Verdict.NO_TUMOUR, None, 0.04, None, None, (), slices)
    inside = volume.voxels.max(axis=3) > level // 2
    sizes = lesions(inside, volume.spacing)
    slices = tuple(
        SliceFinding(i, source, 0.97, Verdict.TUMOUR, Mask(inside[i])) for i, source in enumerate(volume.sources)
    )
    return Findings(volume.kind, Verdict.TUMOUR, None, 0.97, Compartment.FLAIR_ABNORMALITY, None, sizes.lesions, slices)


def volume_of(level: int, *, slices: int = 1, side: int = 64) -> Volume:
    """The pixels that `arrivals.picture(level)` holds."""
    y, x = np.mgrid[:side, :side]
    disc = ((y - side / 2) ** 2 + (x - side / 2) ** 2 < (side / 3) ** 2) * level
    voxels = np.repeat(disc.astype(np.uint8)[None, ..., None], slices, axis=0)
    names = tuple(f"slice_{index}.png" for index in range(slices))
    return Volume(voxels=voxels, kind="image" if slices == 1 else "series", sources=names)
