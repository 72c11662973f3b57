"""Prepared pictures as flat files: read once, then memory-mapped by training.

`images.npy` uint8 (slices, 256, 256, 3), `masks.npy` uint8 (slices, 256, 256) 0 or 255,
`index.json` the case and number of each slice. Made by what the pipeline uses: a grey picture that compression
tinted has three equal channels here, too.
A file that was replaced since (another size or time of change) makes it anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ml import pipeline, preprocess
from ml.training.datasets import Case

_VERSION = 3
"""Raised when `prepare` or `planes.cut` changes what it makes, so that old caches are made anew."""


@dataclass(frozen=True)
class Slices:
    """Prepared slices of many cases, in order of case and slice.

    `images` uint8 (n, 256, 256, 3); `masks` uint8 (n, 256, 256), 0 or 255; `case` int (n,) the
    place in `cases`; `tumour` bool (n,): the original mask holds anything; `top` float32 (n, 3):
    the brightness that would be full scale if the slice had come alone, 0..1.
    """

    cases: tuple[Case, ...]
    images: np.ndarray
    masks: np.ndarray
    case: np.ndarray
    tumour: np.ndarray
    top: np.ndarray


def open_or_make(cases: Sequence[Case], folder: Path, *, quiet: bool = False) -> Slices:
    """Opens the cache of exactly these cases under `folder`, or makes it (a minute a thousand slices)."""
    listed = [[case.name, *map(_state, case.images), *map(_state, case.masks)] for case in cases]
    key = hashlib.sha256(json.dumps([_VERSION, listed]).encode()).hexdigest()[:16]
    place = folder / key
    if not place.exists():
        # Made aside: a run that is ended, or another one at the same, leaves no half of a cache.
        aside = place.with_name(f"{key}.part-{os.getpid()}")
        aside.mkdir(parents=True, exist_ok=True)
        try:
            _make(cases, aside, quiet)
            try:
                aside.rename(place)
            except OSError:
                if not place.exists():  # else the other one was first
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    index = json.loads((place / "index.json").read_text())
    return Slices(
        cases=tuple(cases),
        images=np.load(place / "images.npy", mmap_mode="r"),
        masks=np.load(place / "masks.npy", mmap_mode="r"),
        case=np.asarray(index["case"]),
        tumour=np.asarray(index["tumour"], bool),
        top=np.asarray(index["top"], np.float32),
    )


def _state(path: Path | None) -> tuple[int, int] | None:
    """What changes when a file is replaced: its size and, in nanoseconds, when it was changed. None for no file."""
    if path is None:
        return None
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _make(cases: Sequence[Case], place: Path, quiet: bool) -> None:
    count = sum(len(case.sources) for case in cases)
    shape = (count, preprocess.SIDE, preprocess.SIDE)
    images = np.lib.format.open_memmap(place / "images.npy", "w+", np.uint8, (*shape, 3))
    masks = np.lib.format.open_memmap(place / "masks.npy", "w+", np.uint8, shape)
    owner, tumour, top = [], [], []
    at = 0
    for number, case in enumerate(tqdm(cases, "preparing", disable=quiet)):
        voxels, outlines = case.read()
        prepared, _ = pipeline.seen(voxels)
        for image, outline in zip(prepared.images, outlines, strict=True):
            images[at] = image
            masks[at] = cut_mask(outline, prepared.frame)
            owner.append(number)
            tumour.append(bool(outline.any()))
            bright = image[image.max(axis=2) > 25]
            top.append([float(v) for v in np.percentile(bright, 99.8, axis=0) / 255] if len(bright) > 50 else [1.0] * 3)
            at += 1
    images.flush()
    masks.flush()
    (place / "index.json").write_text(json.dumps({"case": owner, "tumour": tumour, "top": top}))


def cut_mask(outline: np.ndarray, frame: preprocess.Frame) -> np.ndarray:
    """Bool (rows, columns) as uint8 (256, 256), 0 or 255, in the frame that the networks see."""
    square = Image.fromarray((outline * np.uint8(255)).astype(np.uint8)).crop(
        (frame.left, frame.top, frame.left + frame.side, frame.top + frame.side)
    )
    small = np.asarray(square.resize((preprocess.SIDE, preprocess.SIDE), Image.Resampling.BILINEAR))
    return np.where(small >= 128, np.uint8(255), np.uint8(0))
