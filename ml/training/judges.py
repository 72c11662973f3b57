"""Gathers what the gate's two judges are fitted and measured on, and fits them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ml.gate import SERIES, Gate, Judge, from_arrays, plain
from ml.training import cache, drawn_bodies, gate
from ml.training.ct_heads import is_ct
from ml.training.sequences import Shown

_SEED = 5
FAMILIES = ("lgg", "brisc")
_REFUSED = 0.008
"""Share of held-out brain slices that the gate may refuse; many of them are varied. With ends of series among what is
learnt it refuses fewer slices as they are than it did at 0.6 % without (docs/experiments.md)."""
_MISNAMED = 0.01
"""Share of pictures whose family may be named wrongly among those where it is called sure."""
_COPIES, _LEAST = 9, 240
"""Varied copies of each picture to refuse, and pictures of a kind: of a kind with few, there are more copies of each."""
_CUTS_IN_GREY = 0.85
"""Share of cuts in other planes that come as one channel: sagittal FLAIR is a series of its own, hardly ever a composite."""
_JUDGES = (5, 6, 7)
"""Seeds of the judges whose log-odds are added up."""
_OF_SERIES = 0.75
"""Where a series is refused, on the way from the threshold of a slice to the lowest median of a brain's series."""
_SERIES = 10
"""Slices of a patient, or pictures of one kind and plane, that stand for a series."""

_HEADS = ("head_ct",)
"""Kinds whose shades stay: a head by CT in other shades is a head by MRI."""

_NAMED: dict[str, tuple[int, Shown, int, int, int]] = {
    "flair": (1, "flair", 2400, 1200, 600),
    "t1c": (2, "t1", 1200, 800, 2200),
}
"""For the judge of the sequence: LGG's channel, BRISC's sequence; how many slices of LGG, of its cuts, of BRISC."""

Answers = Callable[[np.ndarray], np.ndarray]
"""Prepared uint8 (n, 256, 256, 3) to what the classifier's convolutions answer, float32 (n, channels)."""
Sets = dict[str, np.ndarray]
"""Features (n, features) by name: "yes/...", "no/KIND" to fit on ("no_whole/KIND" without the copies), "yes_held/...", "no_held/KIND" kept apart; "series/N" slices of one brain, "recut_held" brains cut in other planes;
"flair", "t1c" and their "..._held" for the judge that names the sequence."""


def grey_flair(images: np.ndarray) -> np.ndarray:
    """The composite's FLAIR in all three channels."""
    return np.repeat(images[..., 1:2], 3, axis=3)


@dataclass(frozen=True)
class Brains:
    """Prepared slices of one part of the split: both sets as they are, and LGG cut in other planes (`planes.recut`)."""

    slices: cache.Slices
    recut: cache.Slices


def gather(answers: Answers, learnt: Brains, held: Brains, not_brain: Path, drawn: Path | None) -> Sets:
    """All sets. `not_brain` pictures to refuse, by kind; `drawn` heads that must not be refused."""
    random = np.random.default_rng(_SEED)
    later = np.random.default_rng(_SEED + 1)

    def features(images: np.ndarray) -> np.ndarray:
        return np.concatenate([answers(images), plain(images)], axis=1)

    sets = {f"yes/{family}": features(gate.brains(learnt.slices, family, 2200, random)) for family in FAMILIES}
    sets |= {f"yes_held/{family}": features(gate.brains(held.slices, family, 700, random)) for family in FAMILIES}
    # From generators of their own, so that neither changes what the others draw.
    sets["yes/ends"] = features(gate.ends(learnt.slices, 1200, np.random.default_rng(_SEED + 3)))
    sets["yes/recut"] = features(
        gate.brains(learnt.recut, "lgg", 2000, np.random.default_rng(_SEED + 4), grey=_CUTS_IN_GREY)
    )
    sets["recut_held"] = features(
        gate.brains(held.recut, "lgg", 400, np.random.default_rng(_SEED + 5), grey=_CUTS_IN_GREY)
    )
    if drawn:
        heads = [picture for kind in gate.read_pictures(drawn).values() for picture in kind]
        sets["yes/drawn"] = features(gate.prepare_all([gate.vary(picture, random) for picture in heads * 2]))
    for kind, pictures in gate.read_pictures(not_brain).items():
        # The last third of each kind is held out: neighbouring numbers may be one person.
        border = len(pictures) * 2 // 3
        copies = max(_COPIES, math.ceil(_LEAST / border) - 1)
        sets[f"no/{kind}"] = features(gate.others(pictures[:border], copies, random, shades=kind not in _HEADS))
        # The pictures themselves come before their varied copies.
        sets[f"no_whole/{kind}"] = sets[f"no/{kind}"][:border]
        sets[f"no_held/{kind}"] = features(gate.prepare_all(pictures[border:]))
    sets["no/generated"] = features(gate.generated(1000, random))
    sets["no_held/generated"] = features(gate.generated(300, later))
    sets["no/bodies"] = features(_bodies(1200, random))
    sets["no_held/bodies"] = features(_bodies(200, later))
    sets["no/misused"] = features(_misused(learnt.slices, 1500, random))
    sets["no_held/misused"] = features(_misused(held.slices, 200, later))
    sets |= naming(features, learnt, held, random)
    as_series = np.random.default_rng(_SEED + 2)
    for number, images in enumerate(chain(_series(held.slices, as_series), _series(held.recut, as_series))):
        sets[f"series/{number:03}"] = features(images)
    return sets


def naming(features: Answers, learnt: Brains, held: Brains, random: np.random.Generator) -> Sets:
    """The sets of FLAIR and of contrast T1.

    Both arrive in the same ways, from both collections and in all planes: else "varied", "of that collection" or
    "sagittal" would pass for the sequence. What BRISC calls contrast T1 is taken for what it shows.
    """
    named: Sets = {}
    for part, brains, share in (("", learnt, 1.0), ("_held", held, 0.2)):
        for name, (channel, sequence, *counts) in _NAMED.items():
            own, recut, others = (round(share * count) for count in counts)
            pictures = [
                gate.one_sequence(brains.slices, channel, own, random),
                gate.one_sequence(brains.recut, channel, recut, random),
                gate.named(brains.slices, sequence, others, random),
            ]
            named[f"{name}{part}"] = features(np.concatenate(pictures))
    return named


def _series(slices: cache.Slices, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Brains as series, uint8 (n, 256, 256, 3) each: LGG patients in all their channels, BRISC by kind and plane.

    Heads by CT among them are left out.
    """
    strata: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, case in enumerate(slices.cases):
        if is_ct(case):
            continue
        places = np.flatnonzero(slices.case == number)
        if case.family == "brisc":
            strata[case.kind, case.plane].append(int(places[0]))
            continue
        images = np.asarray(slices.images[places[np.linspace(0, len(places) - 1, _SERIES).astype(int)]])
        yield images
        for channel in range(3):
            grey = np.repeat(images[..., channel : channel + 1], 3, axis=3)
            yield grey
            seed = int(random.integers(2**31))  # all slices of a series are exported in one way
            yield gate.prepare_all([gate.vary(picture, np.random.default_rng(seed)) for picture in grey])
    for members in strata.values():
        shuffled = random.permutation(members)
        for start in range(0, len(shuffled) - _SERIES + 1, _SERIES):
            yield np.asarray(slices.images[np.sort(shuffled[start : start + _SERIES])])


def _bodies(count: int, random: np.random.Generator) -> np.ndarray:
    drawn = [drawn_bodies.generate(random) for _ in range(count)]
    return gate.prepare_all([gate.vary(picture, random) if random.random() < 0.5 else picture for picture in drawn])


def _misused(slices: cache.Slices, count: int, random: np.random.Generator) -> np.ndarray:
    pairs = random.integers(0, len(slices.case), (count, 2))
    made = [
        drawn_bodies.misused(np.asarray(slices.images[one]), np.asarray(slices.images[other]), random)
        for one, other in pairs
    ]
    return gate.prepare_all([gate.vary(picture, random) if random.random() < 0.5 else picture for picture in made])


def fit(sets: Sets, *, unseen: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Fits all judges: the manifest's part, and the arrays of the weight file.

    `unseen` also measures kinds that were never trained on: the gate is fitted anew without each.
    """
    arrays = _fit_brain(sets)
    flair = gate.fit(sets["flair"], sets["t1c"])
    stored = _stored(arrays | {"flair": flair})
    fitted, facts = _thresholds(stored, sets)
    held = _all_of(sets, "yes_held/")
    facts |= {
        "held_out_refused": {
            name.removeprefix("no_held/"): _below(fitted.score(part), fitted.threshold)
            for name, part in sets.items()
            if name.startswith("no_held/")
        },
        "kinds_never_trained_on_refused": _never_seen(sets, flair) if unseen else {},
        "brain_slices_refused": _below(fitted.score(held), fitted.threshold),
        "brain_slices_refused_by_set": {
            name.removeprefix("yes_held/"): _below(fitted.score(part), fitted.threshold)
            for name, part in sets.items()
            if name.startswith("yes_held/")
        },
        "recut_brain_slices_refused": _below(fitted.score(sets["recut_held"]), fitted.threshold)
        if "recut_held" in sets
        else None,
        "drawn_heads_refused": _below(fitted.score(sets["yes/drawn"]), fitted.threshold)
        if "yes/drawn" in sets
        else None,
        **_naming(fitted.flair, sets),
    }
    return facts, stored


def _fit_brain(sets: Sets, without: str = "") -> dict[str, dict[str, np.ndarray]]:
    """The judges of the brain, by name; `without` one set to refuse."""
    yes, no = _all_of(sets, "yes/"), _all_of(sets, "no/", without)
    return {f"brain{number}": gate.fit(yes, no, seed=seed) for number, seed in enumerate(_JUDGES, 1)}


def _stored(judges: dict[str, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Judges by name as one weight file holds them."""
    return {f"{name}/{key}": value for name, part in judges.items() for key, value in part.items()}


def _thresholds(stored: dict[str, np.ndarray], sets: Sets) -> tuple[Gate, dict[str, Any]]:
    """The gate of some arrays, with thresholds chosen on held-out brains."""
    score = from_arrays(stored, {"threshold": 0.0}).score
    slices = float(np.quantile(score(_all_of(sets, "yes_held/")), _REFUSED))
    medians = [float(np.median(score(part))) for name, part in sets.items() if name.startswith("series/")]
    # Below what every held-out series reached: sequences that were not seen differ more.
    series = max(slices, slices + _OF_SERIES * (min(medians) - slices)) if medians else slices
    numbers = {"threshold": round(slices, 4), "series_threshold": round(series, 4)}
    facts = numbers | {"series": len(medians), "series_lowest": round(min(medians), 4) if medians else None}
    return from_arrays(stored, numbers), facts


def _never_seen(sets: Sets, flair: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Share refused of each kind (all its pictures, no copies) by a gate that was fitted without it.

    As lone pictures, and as series of five pictures of the kind.
    """
    refused = {}
    for name in [name for name in sets if name.startswith("no/")]:
        kind = name.removeprefix("no/")
        parts = _fit_brain(sets, without=name) | {"flair": flair}
        other, _ = _thresholds(_stored(parts), sets)
        whole = sets.get(f"no_whole/{kind}", sets[name][:0])
        scores = other.score(np.concatenate([whole, sets[f"no_held/{kind}"]]))
        medians = [np.median(scores[start : start + SERIES]) for start in range(0, len(scores) - SERIES + 1, SERIES)]
        refused[kind] = {
            "alone": _below(scores, other.threshold),
            "series": _below(np.array(medians), other.series_threshold or other.threshold),
        }
    return refused


def _naming(judge: Judge, sets: Sets) -> dict[str, Any]:
    """How well FLAIR and contrast T1 are told apart, and how far from 0 the odds must be to be called sure."""
    odds = np.concatenate([judge.score(sets["flair_held"]), judge.score(sets["t1c_held"])])
    flair = np.arange(len(odds)) < len(sets["flair_held"])
    right = (odds > 0) == flair
    sure = float(np.abs(odds).max())
    for margin in np.arange(0.0, 12.0, 0.1):
        beyond = np.abs(odds) >= margin
        if beyond.any() and 1 - right[beyond].mean() <= _MISNAMED:
            sure = float(margin)
            break
    beyond = np.abs(odds) >= sure
    return {
        "sure": round(sure, 2),
        "flair_told_as_flair": round(float(right[flair].mean()), 4),
        "t1c_told_as_t1c": round(float(right[~flair].mean()), 4),
        "named_when_sure": {
            "wrong": round(float(1 - right[beyond].mean()), 4),
            "flair_unsure": round(float(1 - beyond[flair].mean()), 4),
            "t1c_unsure": round(float(1 - beyond[~flair].mean()), 4),
        },
    }


def _all_of(sets: Sets, prefix: str, without: str = "") -> np.ndarray:
    return np.concatenate([part for name, part in sets.items() if name.startswith(prefix) and name != without])


def _below(scores: np.ndarray, threshold: float) -> float:
    return round(float((scores < threshold).mean()), 4)
