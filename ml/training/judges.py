"""Gathers what the gate's two judges are fitted and measured on, and fits them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ml.gate import Judge, from_arrays, plain
from ml.training import cache, drawn_bodies, gate, recipe

_SEED = 5
_REFUSED = 0.008
"""Share of held-out brain slices that the gate may refuse."""
_MISNAMED = 0.01
"""Share of pictures whose family may be named wrongly among those where it is called sure."""
_COPIES = 9
"""Varied copies of each picture to refuse."""

Answers = Callable[[np.ndarray], np.ndarray]
"""Prepared uint8 (n, 256, 256, 3) to what the classifier's convolutions answer, float32 (n, channels)."""
Sets = dict[str, np.ndarray]
"""Features (n, features) by name: "yes/...", "no/KIND" to fit on, "yes_held/...", "no_held/KIND" kept apart."""


def grey_flair(images: np.ndarray) -> np.ndarray:
    """The composite's FLAIR in all three channels."""
    return np.repeat(images[..., 1:2], 3, axis=3)


def gather(answers: Answers, learnt: cache.Slices, held: cache.Slices, not_brain: Path, drawn: Path | None) -> Sets:
    """All sets. `not_brain` pictures to refuse, by kind; `drawn` heads that must not be refused."""
    random = np.random.default_rng(_SEED)
    later = np.random.default_rng(_SEED + 1)

    def features(images: np.ndarray) -> np.ndarray:
        return np.concatenate([answers(images), plain(images)], axis=1)

    sets = {f"yes/{family}": features(gate.brains(learnt, family, 2200, random)) for family in ("lgg", "brisc")}
    sets |= {f"yes_held/{family}": features(gate.brains(held, family, 700, random)) for family in ("lgg", "brisc")}
    if drawn:
        heads = [picture for kind in gate.read_pictures(drawn).values() for picture in kind]
        sets["yes/drawn"] = features(gate.prepare_all([gate.vary(picture, random) for picture in heads * 2]))
    for kind, pictures in gate.read_pictures(not_brain).items():
        # The last third of each kind is held out: neighbouring numbers may be one person.
        border = len(pictures) * 2 // 3
        sets[f"no/{kind}"] = features(gate.others({kind: pictures[:border]}, _COPIES, random))
        sets[f"no_held/{kind}"] = features(gate.prepare_all(pictures[border:]))
    sets["no/generated"] = features(gate.generated(1000, random))
    sets["no_held/generated"] = features(gate.generated(300, later))
    sets["no/bodies"] = features(_bodies(1200, random))
    sets["no_held/bodies"] = features(_bodies(200, later))
    sets["no/misused"] = features(_misused(learnt, 1500, random))
    sets["no_held/misused"] = features(_misused(held, 200, later))
    for name, slices, count in (("flair", learnt, 2200), ("flair_held", held, 400)):
        lgg = np.flatnonzero(recipe.families(slices) == "lgg")
        picked = np.sort(random.choice(lgg, min(count, len(lgg)), replace=False))
        sets[name] = features(grey_flair(np.asarray(slices.images[picked])))
    return sets


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
    """Fits both judges: the manifest's part, and the arrays of the weight file.

    `unseen` also measures kinds that were never trained on: the gate is fitted anew without each.
    """
    positive, held = _all_of(sets, "yes/"), _all_of(sets, "yes_held/")
    arrays = gate.fit(positive, _all_of(sets, "no/"))
    score = _judge(arrays).score
    threshold = float(np.quantile(score(held), _REFUSED))
    flair_arrays = gate.fit(sets["flair"], sets["yes/brisc"])
    stored = {f"brain/{name}": value for name, value in arrays.items()}
    stored |= {f"flair/{name}": value for name, value in flair_arrays.items()}
    facts: dict[str, Any] = {
        "threshold": round(threshold, 4),
        "held_out_refused": {
            name.removeprefix("no_held/"): _below(score(part), threshold)
            for name, part in sets.items()
            if name.startswith("no_held/")
        },
        "kinds_never_trained_on_refused": _never_seen(sets, positive, held) if unseen else {},
        "brain_slices_refused": _below(score(held), threshold),
        "brain_slices_refused_by_set": {
            name.removeprefix("yes_held/"): _below(score(part), threshold)
            for name, part in sets.items()
            if name.startswith("yes_held/")
        },
        "drawn_heads_refused": _below(score(sets["yes/drawn"]), threshold) if "yes/drawn" in sets else None,
        **_naming(_judge(flair_arrays), sets),
    }
    return facts, stored


def _never_seen(sets: Sets, positive: np.ndarray, held: np.ndarray) -> dict[str, float]:
    """Share refused of each kind (all its pictures, no copies) by a gate that was fitted without it."""
    refused = {}
    for name in [name for name in sets if name.startswith("no/")]:
        kind = name.removeprefix("no/")
        other = _judge(gate.fit(positive, _all_of(sets, "no/", without=name)))
        real = kind not in ("generated", "bodies", "misused")
        # `gate.others` puts the pictures themselves before their varied copies.
        whole = sets[name][: len(sets[name]) // (_COPIES + 1)] if real else sets[name][:0]
        shown = np.concatenate([whole, sets[f"no_held/{kind}"]])
        refused[kind] = _below(other.score(shown), float(np.quantile(other.score(held), _REFUSED)))
    return refused


def _naming(judge: Judge, sets: Sets) -> dict[str, Any]:
    """How well FLAIR and contrast T1 are told apart, and how far from 0 the odds must be to be called sure."""
    odds = np.concatenate([judge.score(sets["flair_held"]), judge.score(sets["yes_held/brisc"])])
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
        "brisc_told_as_t1c": round(float(right[~flair].mean()), 4),
        "named_when_sure": {
            "wrong": round(float(1 - right[beyond].mean()), 4),
            "flair_unsure": round(float(1 - beyond[flair].mean()), 4),
            "brisc_unsure": round(float(1 - beyond[~flair].mean()), 4),
        },
    }


def _all_of(sets: Sets, prefix: str, without: str = "") -> np.ndarray:
    return np.concatenate([part for name, part in sets.items() if name.startswith(prefix) and name != without])


def _below(scores: np.ndarray, threshold: float) -> float:
    return round(float((scores < threshold).mean()), 4)


def _judge(arrays: dict[str, np.ndarray]) -> Judge:
    return from_arrays(
        {f"{name}/{key}": value for name in ("brain", "flair") for key, value in arrays.items()}, 0
    ).brain
