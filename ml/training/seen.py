"""What the networks say about a part of the split: what a release chooses its numbers from.

A FLAIR slice is looked at in every way that it may come: in its series or as a picture alone, with all three channels
or grey. Prepared alone it has other brightness and another frame, so the numbers of lone pictures are not a series'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.classify import Calibration
from ml.gate import Family
from ml.networks.inference import Compiled
from ml.segment import smoothed, wanted
from ml.training import cache, judges, recipe
from ml.training.datasets import Case, one_by_one


@dataclass(frozen=True)
class Looked:
    """Slices that came in one way: the classifier's log-odds (n,), outlines float32 (n, 256, 256)."""

    odds: np.ndarray
    outlines: np.ndarray


@dataclass(frozen=True)
class Seen:
    """A part of both sets, LGG's slices in order of patient and slice.

    `series` and `alone`: LGG's composite and its single FLAIR channel; `t1c` BRISC's pictures. `case` (n,) the patient,
    `sick` bool (n,), `masks` uint8 (n, 256, 256) in the frame of the series, `masks_alone` of the lone picture; the same of BRISC.
    """

    series: Sequence[Looked]
    alone: Sequence[Looked]
    case: np.ndarray
    sick: np.ndarray
    masks: np.ndarray
    masks_alone: np.ndarray
    t1c: Looked
    t1c_case: np.ndarray
    t1c_sick: np.ndarray
    t1c_masks: np.ndarray


def look(networks: tuple[Compiled, dict[Family, Compiled]], cases: Sequence[Case], kept: Path) -> Seen:
    """Runs the networks on all slices of the cases; `kept` is where prepared ones are cached."""
    classifies, outlines = networks

    def looked(images: np.ndarray, family: Family) -> Looked:
        return Looked(_odds(classifies, images), _mirrored(outlines[family], images))

    slices = cache.open_or_make(cases, kept, quiet=True)
    lone = cache.open_or_make(one_by_one(cases), kept, quiet=True)
    family = recipe.families(slices)
    lgg, brisc = np.flatnonzero(family == "lgg"), np.flatnonzero(family == "brisc")
    ways = [
        [looked(images, "flair") for images in (composite, judges.grey_flair(composite))]
        for composite in (np.asarray(slices.images[lgg]), np.asarray(lone.images))
    ]
    return Seen(
        series=ways[0],
        alone=ways[1],
        case=slices.case[lgg],
        sick=slices.tumour[lgg],
        masks=slices.masks[lgg],
        masks_alone=np.asarray(lone.masks),
        t1c=looked(np.asarray(slices.images[brisc]), "t1c"),
        t1c_case=slices.case[brisc],
        t1c_sick=slices.tumour[brisc],
        t1c_masks=slices.masks[brisc],
    )


def in_series(seen: Seen, numbers: Mapping[str, Any]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """FLAIR's outlines as the pipeline has them in a series, and which slices it outlines: float (n, 256, 256), bool (n,).

    Only slices that the classifier is not sure about and their neighbours are outlined, and all with what is beside
    them. `numbers`: the series' "calibration" and "outline_from".
    """
    calibrated = Calibration(**numbers["calibration"])
    results, masks = [], []
    for looked in seen.series:
        possible = calibrated.probability(looked.odds) >= numbers["outline_from"]
        result, outlined = np.zeros_like(looked.outlines), np.zeros(len(seen.case), bool)
        for number in np.unique(seen.case):
            here = np.flatnonzero(seen.case == number)
            outlined[here] = wanted(possible[here])
            shown = [(int(place), looked.outlines[here[place]]) for place in np.flatnonzero(outlined[here])]
            for place, outline in smoothed(shown, len(here)):
                result[here[place]] = outline
        results.append(result)
        masks.append(outlined)
    return results, masks


def run(network: Compiled, images: np.ndarray) -> list[np.ndarray]:
    """All outputs of a network for prepared uint8 (n, 256, 256, 3), n rows each."""
    parts = [network(np.asarray(images[start : start + 16])) for start in range(0, len(images), 16)]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _odds(network: Compiled, images: np.ndarray) -> np.ndarray:
    logits = run(network, images)[0]
    return np.asarray(logits[:, 1] - logits[:, 0], np.float64)


def _mirrored(network: Compiled, images: np.ndarray) -> np.ndarray:
    """The mean outline of pictures and their mirror images, as the pipeline makes it: float32 (n, 256, 256)."""
    other = run(network, images[:, :, ::-1])[0][:, :, ::-1]
    return np.asarray((run(network, images)[0] + other) / 2)[..., 0]
