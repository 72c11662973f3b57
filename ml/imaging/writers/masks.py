"""Masks as PNG files: one a slice, 0 or 255, in the file's own rows x columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from ml.findings import Findings
from ml.imaging.volume import Volume

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_OURS = re.compile(r"(0|[1-9][0-9]*)\.png")
_LONGEST_NAME = 80
# Masks are nearly empty: the fastest compression makes them as small as the slowest.
_COMPRESSION = 1


def write_masks(findings: Findings, volume: Volume, folder: Path) -> list[str]:
    """Write `INDEX.png` for every slice into `folder`, also where nothing is outlined.

    Left-over masks of an earlier, longer series in the same folder are removed, so that what
    lies there always belongs together.

    Returns:
        The files' names, in the order of the slices.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{found.index}.png" for found in findings.slices]
    for old in folder.iterdir():
        if _OURS.fullmatch(old.name) and old.name not in names:
            old.unlink()
    for name, found in zip(names, findings.slices, strict=True):
        stored = volume.to_stored(found.mask.pixels)
        Image.fromarray(stored).save(folder / name, format="PNG", compress_level=_COMPRESSION)
    return names


def scan_folders(inputs: Iterable[str]) -> list[str]:
    """A folder name for each input: its own name made safe, and a number where two would be the same.

    The result depends on the inputs and their order only. Names that differ in case only get
    numbers too, for file systems that do not tell them apart.
    """
    used: set[str] = set()
    folders = []
    for given in inputs:
        name = Path(given).resolve().name
        for suffix in (".gz", Path(name.removesuffix(".gz")).suffix):
            name = name.removesuffix(suffix) if suffix else name
        base = _UNSAFE.sub("_", name).strip("._")[:_LONGEST_NAME] or "scan"
        candidate, number = base, 1
        while candidate.lower() in used:
            number += 1
            candidate = f"{base}-{number}"
        used.add(candidate.lower())
        folders.append(candidate)
    return folders
