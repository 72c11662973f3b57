"""What rotation, noise, compression, padding and the like cost: each change alone on a fixed sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from ml.evaluation import metrics
from ml.evaluation.run import Result, measure
from ml.pipeline import Pipeline
from ml.training import spoil
from ml.training.datasets import Case

Change = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""uint8 (slices, rows, columns, channels) and bool (slices, rows, columns) to the same, changed."""

SAMPLE = {"lgg": 8, "brisc": 160}
"""Cases of each set that are measured: evenly spaced in the part's list."""

AIM = {"dice": 0.03, "auc": 0.02}
"""The most that a change should cost."""


def table(pipeline: Pipeline, cases: Sequence[Case], *, report: Callable[[], None] | None = None) -> dict[str, Any]:
    """Dice and AUC of a sample as it is and under each change, and what each change costs."""
    chosen = sample(cases)
    rows: dict[str, Any] = {}
    for name, change in {"unchanged": _same, **CHANGES}.items():
        rows[name] = _figures(measure(pipeline, chosen, change=change))
        for what in AIM:
            rows[name][f"{what}_cost"] = _cost(rows["unchanged"][what], rows[name][what])
        if report:
            report()
    return {"cases": [case.name for case in chosen], "aim": AIM, "changes": rows}


def sample(cases: Sequence[Case]) -> list[Case]:
    """The fixed sample of a part."""
    count = min(SAMPLE[cases[0].family], len(cases))
    return [cases[int(place)] for place in np.linspace(0, len(cases) - 1, count).round()]


def _figures(results: Sequence[Result]) -> dict[str, Any]:
    dice = [metrics.dice(result.masks, result.truth) for result in results if result.truth.any()]
    probability = np.concatenate([result.probabilities for result in results])
    sick = np.concatenate([result.sick for result in results])
    auc = metrics.auc(probability, sick)
    return {
        "dice": round(float(np.mean(dice)), 4) if dice else None,
        "auc": None if auc is None else round(auc, 4),
        "refused": sum(result.findings.verdict.value == "refused" for result in results),
    }


def _cost(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else round(before - after, 4)


def _same(voxels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return voxels, truth


def _turned(degrees: float) -> Change:
    def change(voxels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        turned = ndimage.rotate(voxels, degrees, axes=(1, 2), reshape=False, order=1)
        return turned, ndimage.rotate(truth.astype(np.uint8), degrees, axes=(1, 2), reshape=False, order=0) > 0

    return change


def _scaled(factor: float) -> Change:
    """The head larger or smaller in a picture of the same size."""

    def change(voxels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        offset = (np.array(truth.shape[1:]) - 1) / 2 * (1 - 1 / factor)
        matrix = np.array([1, 1 / factor, 1 / factor])
        shift = np.array([0, *offset])
        channels = [
            ndimage.affine_transform(voxels[..., channel], matrix, shift, order=1) for channel in range(voxels.shape[3])
        ]
        mask = ndimage.affine_transform(truth.astype(np.uint8), matrix, shift, order=0)
        return np.stack(channels, axis=3), mask > 0

    return change


def _resampled(factor: float) -> Change:
    """The same picture with more or fewer pixels."""

    def change(voxels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = (round(truth.shape[2] * factor), round(truth.shape[1] * factor))
        images = [
            np.asarray(Image.fromarray(image.squeeze()).resize(size, Image.Resampling.BILINEAR)).reshape(
                size[1], size[0], -1
            )
            for image in voxels
        ]
        masks = [np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)) for mask in truth]
        return np.stack(images), np.stack(masks)

    return change


def _intensity(change_level: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Change:
    """A change of intensities 0..1 alone; the random numbers are the same each time."""

    def change(voxels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        level = change_level(voxels.astype(np.float32) / 255, np.random.default_rng(4))
        return (np.clip(level, 0, 1) * 255 + 0.5).astype(np.uint8), truth

    return change


def _field(level: np.ndarray, random: np.random.Generator) -> np.ndarray:
    rows, columns = level.shape[1:3]
    field = ndimage.zoom(random.uniform(-0.4, 0.4, (3, 3)), (rows / 3, columns / 3), order=1)
    return np.asarray(level * (1 + np.resize(field, (rows, columns)))[None, ..., None])


def _noisy(level: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.asarray(level + random.normal(0, 0.05, (*level.shape[:3], 1)))


def _each(act: Callable[[np.ndarray], np.ndarray]) -> Change:
    """A change of each slice as a picture of three channels."""

    def change(voxels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        grey = voxels.shape[3] == 1
        changed = np.stack([act(np.repeat(image, 3, axis=2) if grey else image) for image in voxels])
        return (changed[..., :1] if grey else changed), truth

    return change


def _stripped(voxels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A rim is taken off the head, but never the lesion: nearly skull stripping."""
    # Scalp and skull are about a fourteenth of the head's width; real stripping follows the brain itself.
    kept = spoil.without_rim(voxels, 1 / 14) | truth
    return voxels * kept[..., None].astype(np.uint8), truth


def _padded(shade: int) -> Change:
    def change(voxels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        edges = ((0, 0), (40, 20), (60, 60))
        return np.pad(voxels, (*edges, (0, 0)), constant_values=shade), np.pad(truth, edges)

    return change


CHANGES: dict[str, Change] = {
    "turned by +15 degrees": _turned(15),
    "turned by -15 degrees": _turned(-15),
    "mirrored": lambda voxels, truth: (voxels[:, :, ::-1], truth[:, :, ::-1]),
    "upside down": lambda voxels, truth: (voxels[:, ::-1], truth[:, ::-1]),
    "head 15 % smaller": _scaled(0.85),
    "head 15 % larger": _scaled(1.15),
    "brighter by a third": _intensity(lambda level, _: level * 1.33),
    "darker by a third": _intensity(lambda level, _: level * 0.67),
    "gamma 0.7": _intensity(lambda level, _: level**0.7),
    "gamma 1.4": _intensity(lambda level, _: level**1.4),
    "noise of 5 %": _intensity(_noisy),
    "bias field of 40 %": _intensity(_field),
    "JPEG quality 40": _each(lambda image: spoil.compress(image, 40)),
    "skull stripped": _stripped,
    "half the pixels a side": _resampled(0.5),
    "twice the pixels a side": _resampled(2.0),
    "black padding": _padded(0),
    "white padding": _padded(255),
    "burnt-in text": _each(lambda image: spoil.write(image, np.random.default_rng(9))),
}
"""Each change by its name, as the table shows it."""


def as_markdown(tables: dict[str, dict[str, Any]]) -> str:
    """The rows of `docs/robustness.md`: a line a change, Dice and AUC and their costs for each set."""
    families = list(tables)
    head = "| Change | " + " | ".join(f"{family}: Dice | cost | AUC | cost" for family in families) + " |"
    lines = [head, "|---" * (1 + 4 * len(families)) + "|"]
    for name in next(iter(tables.values()))["changes"]:
        cells = []
        for family in families:
            row = tables[family]["changes"][name]
            for what, most in AIM.items():
                cost = row[f"{what}_cost"]
                over = cost is not None and cost > most
                cells += [_number(row[what]), f"**{_number(cost)}**" if over else _number(cost)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 3) + 0.0:.3f}"
