"""How much a volume changes when the same head is scanned again: the basis of "smallest detectable change".

    python -m ml.evaluation.repeatability --data KAGGLE_3M [--repeats N] [--json FILE]

Real repeat scans are not at hand. Each patient kept from training is scanned again by calculation:
laid down anew (turned and shifted in the slice, slices cut between the old ones), another receive
field, brightness and contrast, and noise. That leaves out what a scanner and a living head add, so
the true smallest change is larger: pages say so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from ml.change import FILE, SmallestChange, within_patients
from ml.imaging.volume import Volume, one_channel_if_equal
from ml.pipeline import Pipeline
from ml.training import datasets, splits
from ml.weights import FOLDER

METHOD = (
    "Scans of patients kept from training, repeated by calculation: laid down anew, other brightness, receive field "
    "and noise. Real repeat scans differ more."
)
TURN_DEGREES, SHIFT_SHARE, BETWEEN_SLICES = 5.0, 0.03, 0.5
GAIN, GAMMA, FIELD, NOISE = 0.10, 0.10, 0.15, 0.01


REPEATS = 3


def kept_from_training(cases: Sequence[datasets.Case]) -> list[datasets.Case]:
    """The LGG patients of the parts "validation" and "test"."""
    chosen = [case for part in ("validation", "test") for case in splits.choose(cases, part)]
    return [case for case in chosen if case.family == "lgg"]


def scanned_again(voxels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The same head in a second, simulated examination.

    Args:
        voxels: (slices, rows, columns, channels) uint8.

    Returns:
        The same shape and type.
    """
    slices, rows, columns, channels = voxels.shape
    turn = np.deg2rad(random.normal(0, TURN_DEGREES / 2))
    matrix = np.array(
        [[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]],
    )
    middle = (np.array([slices, rows, columns]) - 1) / 2
    moved = np.array([random.uniform(-1, 1) * BETWEEN_SLICES, *random.uniform(-1, 1, 2) * SHIFT_SHARE * rows])
    start = middle - matrix @ middle + moved
    field = ndimage.zoom(random.uniform(-1, 1, (3, 3, 3)), (slices / 3, rows / 3, columns / 3), order=1)
    field = 1 + FIELD * np.resize(field, (slices, rows, columns))
    result = np.empty_like(voxels)
    for channel in range(channels):
        level = ndimage.affine_transform(
            voxels[..., channel].astype(np.float32) / 255, matrix, start, order=1, mode="nearest"
        )
        level = np.clip(level * field, 0, None) ** np.exp(random.normal(0, GAMMA)) * np.exp(random.normal(0, GAIN))
        level += random.normal(0, NOISE, level.shape)
        result[..., channel] = np.clip(level * 255 + 0.5, 0, 255).astype(np.uint8)
    return result


def measure(pipeline: Pipeline, cases: Sequence[datasets.Case], repeats: int, seed: int = 1) -> dict[str, Any]:
    """The figures for `models/repeatability.json`: patients with a tumour outlined each time, within-patient spread."""
    volumes: dict[str, list[int]] = {}
    for number, case in enumerate(cases):
        voxels, _ = case.read()
        random = np.random.default_rng((seed, number))
        names = tuple(path.name for path in case.images)
        sizes = []
        for visit in range(repeats + 1):
            seen = voxels if visit == 0 else scanned_again(voxels, random)
            (found,) = pipeline([Volume(one_channel_if_equal(seen), "series", names)])
            sizes.append(sum(each.area_px for each in found.slices))
        volumes[case.name] = sizes
        print(case.name, *sizes, file=sys.stderr)  # noqa: T201
    kept = [sizes for sizes in volumes.values() if min(sizes) > 0]
    within = within_patients(kept)
    change = SmallestChange(within, len(kept), METHOD)
    spread = sorted(within_patients([sizes]) for sizes in kept)
    return {
        "within": round(within, 4),
        "patients": len(kept),
        "visits": repeats + 1,
        "outline_lost_once_or_more": len(volumes) - len(kept),
        "shrinks_below_percent": round(change.shrinks_below, 1),
        "grows_above_percent": round(change.grows_above, 1),
        "within_of_patients": {"median": round(float(np.median(spread)), 4), "worst": round(spread[-1], 4)},
    }


def figures(pipeline: Pipeline, cases: Sequence[datasets.Case], repeats: int = REPEATS) -> dict[str, Any]:
    """The content of `models/repeatability.json`, measured on cases kept from training."""
    return {
        "model_version": pipeline.version,
        "method": METHOD,
        "data": "kaggle_3m, validation and test parts",
        "compartments": {"flair_abnormality": measure(pipeline, cases, repeats)},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write. Gives 0, or 2 when the data cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m ml.evaluation.repeatability", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="laid out like kaggle_3m/")
    parser.add_argument("--repeats", type=int, default=REPEATS, metavar="N", help="simulated repeat scans a patient")
    parser.add_argument("--json", type=Path, default=FOLDER / FILE, metavar="FILE")
    args = parser.parse_args(arguments)
    try:
        cases = kept_from_training(datasets.find(args.data))
        if not cases:
            raise datasets.DataFault(f"{args.data}: holds no patient of the validation or test part of kaggle_3m.")
    except datasets.DataFault as fault:
        print(fault, file=sys.stderr)  # noqa: T201
        return 2
    found = figures(Pipeline.load(), cases, args.repeats)
    args.json.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
