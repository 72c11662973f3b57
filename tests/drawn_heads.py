"""Writes drawn heads for `ml.training.release --also-brain`: the gate learns that what the tests upload is a brain.

    python -m tests.drawn_heads FOLDER

Six people in each of four contrasts at four levels, every second one with a tumour: 96 pictures, the same each time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests import phantoms

LEVELS = (-0.2, 0.05, 0.3, 0.6)
PEOPLE = 6
FIRST_SEED = 1000
"""Of the people; no test draws them."""


def write(folder: Path) -> list[Path]:
    """Writes the pictures as `drawn_NUMBER.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for seed in range(FIRST_SEED, FIRST_SEED + PEOPLE):
        lesions = (phantoms.LEFT_LESION,) if seed % 2 else ()
        head = phantoms.Head(seed, lesions)
        for contrast in phantoms.CONTRASTS:
            for level in LEVELS:
                image, _ = head.slice(level, contrast)
                path = folder / f"drawn_{len(paths):03}.png"
                paths.append(phantoms.write_picture(path, phantoms.to_uint8(image)))
    return paths


if __name__ == "__main__":
    write(Path(sys.argv[1]))
