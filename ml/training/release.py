"""Makes `models/` from two training folders: weights, gate, calibration, thresholds, manifest.

    python -m ml.training.release --data kaggle_3m brisc --classifier DIR --segmenter DIR
        --not-brain DIR [--also-brain DIR] --version 1.0 [--out models]

Every number that it chooses, it chooses on the part "validation" of the committed splits.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from ml import weights
from ml.classify import Calibration, Fusion, outline_evidence
from ml.evaluation import metrics
from ml.gate import from_arrays, plain
from ml.networks import load
from ml.networks.classifier import classifier
from ml.networks.inference import Compiled, classifying
from ml.networks.unet import unet
from ml.series_rule import Rule
from ml.training import cache, datasets, gate, splits

log = logging.getLogger(__name__)

GATE = "gate.npz"
_WRONG = 0.02
"""Share of slices that may be wrong on either side of the uncertain band: 1 % would leave 19 % uncertain."""
_SEED = 5
_ODDS = 30.0
_REFUSED = 0.007
"""Share of held-out brain slices that the gate may refuse."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the whole release. Gives 0, or 2 when the data cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--classifier", type=Path, required=True, help="folder of `train classifier --out`")
    parser.add_argument("--segmenter", type=Path, required=True, help="folder of `train segmenter --out`")
    parser.add_argument("--not-brain", type=Path, required=True, help="pictures that must be refused")
    parser.add_argument("--also-brain", type=Path, help="drawn heads that must not be refused")
    parser.add_argument("--cache", type=Path, help="where prepared slices are kept (default: DIR of the segmenter)")
    parser.add_argument("--unseen", action="store_true", help="also measure kinds that the gate never saw (slow)")
    parser.add_argument("--keep-gate", action="store_true", help="leave the gate as it is: only the U-Net is new")
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, default=weights.FOLDER)
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        cases = [case for folder in args.data for case in datasets.find(folder)]
        with tempfile.TemporaryDirectory() as aside:
            # The old models stay usable until the new ones are complete.
            _release(args, cases, Path(aside))
            for name in (load.CLASSIFIER, load.UNET, GATE, weights.MANIFEST):
                shutil.copyfile(Path(aside) / name, args.out / name)
    except datasets.DataFault as fault:
        log.error("%s", fault)
        return 2
    return 0


def _release(args: argparse.Namespace, cases: list[datasets.Case], aside: Path) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    before = json.loads((args.out / weights.MANIFEST).read_text()) if args.keep_gate else None
    store_averages(args.classifier, classifier(side=128, place=True), aside / load.CLASSIFIER)
    store_averages(args.segmenter, unet(), aside / load.UNET)
    networks = Compiled(classifying(load.folded_classifier(aside))), Compiled(load.folded_unet(aside))
    kept = args.cache or args.segmenter / "cache"
    held = cache.open_or_make(splits.choose(cases, "validation"), kept, quiet=True)
    learnt = cache.open_or_make(splits.choose(cases, "train"), kept, quiet=True)
    manifest: dict[str, Any] = {"version": args.version, "seed": _SEED}
    manifest |= _calibrate(networks, held)
    if before is not None:
        if before["files"][load.CLASSIFIER] != weights.digest(aside / load.CLASSIFIER):
            raise datasets.DataFault("The classifier changed, so the gate must be fitted anew: leave out --keep-gate.")
        manifest["gate"] = before["gate"]
        shutil.copyfile(args.out / GATE, aside / GATE)
    else:
        sets = _gate_features(networks[0], learnt, held, args)
        manifest["gate"] = _fit_gate(sets, aside / GATE, unseen=args.unseen)
    names = (load.CLASSIFIER, load.UNET, GATE)
    manifest["files"] = {name: weights.digest(aside / name) for name in names}
    (aside / weights.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    log.info("%s", json.dumps(manifest, indent=1))


def store_averages(folder: Path, model: keras.Model, target: Path) -> None:
    """Writes the averaged weights of a training folder's checkpoint as a weight file."""
    checkpoint = folder / "checkpoint.npz"
    if not checkpoint.exists():
        raise datasets.DataFault(f"{checkpoint}: there is no checkpoint; run `python -m ml train` first.")
    with np.load(checkpoint) as kept:
        for index, weight in enumerate(model.weights):
            weight.assign(kept[f"average{index}"])
    # What only training needed (the place of the tumour) is left behind.
    kept_layers = {name: value for name, value in weights.take(model).items() if not name.startswith("where/")}
    weights.write_arrays(target, kept_layers)


def _run(network: Compiled, images: np.ndarray) -> list[np.ndarray]:
    parts = [network(np.asarray(images[start : start + 16])) for start in range(0, len(images), 16)]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _odds(network: Compiled, images: np.ndarray) -> np.ndarray:
    logits = _run(network, images)[0]
    return np.asarray(logits[:, 1] - logits[:, 0], np.float64)


def grey_flair(images: np.ndarray) -> np.ndarray:
    """The composite's FLAIR in all three channels."""
    return np.repeat(images[..., 1:2], 3, axis=3)


def _calibrate(networks: tuple[Compiled, Compiled], held: cache.Slices) -> dict[str, Any]:
    family = np.array([held.cases[index].family for index in held.case])
    lgg, brisc = np.flatnonzero(family == "lgg"), np.flatnonzero(family == "brisc")
    composite = np.asarray(held.images[lgg])
    variants = [composite, grey_flair(composite)]
    flair_odds = [_odds(networks[0], images) for images in variants]
    brisc_odds = _odds(networks[0], held.images[brisc])
    outlines = [_run(networks[1], images)[0][..., 0] for images in variants]
    found = _run(networks[1], held.images[brisc])[0][..., 1]
    sick_lgg, sick_brisc = np.tile(held.tumour[lgg], 2), held.tumour[brisc]
    flair = _fit_family(np.concatenate(flair_odds), np.concatenate(outlines), sick_lgg)
    t1c = _fit_family(brisc_odds, found, sick_brisc)
    probability = np.concatenate([flair.fused, t1c.fused])
    truth = np.concatenate([sick_lgg, sick_brisc])
    band = choose_band(probability, truth)
    cut_flair, dice = _best_cut_off(outlines, [held.masks[lgg]] * 2, held.case[lgg], "dice")
    sick = held.tumour[brisc]
    cut_t1c, overlap = _best_cut_off([found[sick]], [held.masks[brisc[sick]]], held.case[brisc[sick]], "iou")
    halves = np.split(flair.fused, 2)
    rule, chosen_on = _choose_rule(halves, outlines, held, lgg, cut_flair)
    log.info("validation, networks' own frame: dice %s, brisc iou %.4f", dice, overlap)
    return {
        "thresholds": band,
        "families": {
            "flair": {**flair.numbers, "cut_off": cut_flair, "series": rule},
            # No series of contrast T1 with outlines is at hand: the rule is FLAIR's.
            "t1c": {**t1c.numbers, "cut_off": cut_t1c, "series": rule},
        },
        "chosen_on": {
            "part": "validation",
            "slice_band": _band_facts(probability, truth, band),
            "series": chosen_on,
            "flair": flair.facts,
            "t1c": t1c.facts,
        },
    }


@dataclass(frozen=True)
class _Fitted:
    """A family's numbers, the probabilities (n,) that the pipeline will give, and how good they are."""

    numbers: dict[str, Any]
    fused: np.ndarray
    facts: dict[str, Any]


def _fit_family(odds: np.ndarray, outlines: np.ndarray, truth: np.ndarray) -> _Fitted:
    """Calibrates the classifier alone, and classifier and outline together."""
    alone = fit_platt(odds, truth)
    evidence = outline_evidence(outlines)
    model = LogisticRegression(C=1e3).fit(np.stack([np.clip(odds, -_ODDS, _ODDS), evidence], 1), truth)
    slope, weight = (max(float(value), 0.0) for value in model.coef_[0])
    fusion = Fusion(slope=slope, weight=weight, offset=float(model.intercept_[0]))
    first = alone.probability(odds)
    # Below this the classifier is sure: at most 0.3 % of the sick slices lie there.
    outline_from = min(float(np.quantile(first[truth], 0.003)), 0.3)
    fused = np.where(first >= outline_from, fusion.probability(odds, evidence), first)
    return _Fitted(
        numbers={
            "calibration": _numbers(alone),
            "fusion": {"slope": round(slope, 5), "weight": round(weight, 5), "offset": round(fusion.offset, 5)},
            "outline_from": round(outline_from, 4),
        },
        fused=fused,
        facts={
            "classifier_alone_accuracy": round(float(((first >= 0.5) == truth).mean()), 4),
            "classifier_alone_auc": round(metrics.auc(odds, truth) or 0.0, 4),
            "accuracy": round(float(((fused >= 0.5) == truth).mean()), 4),
            "auc": round(metrics.auc(fused, truth) or 0.0, 4),
            "ece": round(metrics.ece(fused, truth), 4),
            "outlined_share": round(float((first >= outline_from).mean()), 4),
        },
    )


def _numbers(calibration: Calibration) -> dict[str, float]:
    return {"slope": round(calibration.slope, 5), "offset": round(calibration.offset, 5)}


def fit_platt(odds: np.ndarray, truth: np.ndarray, strength: float = 1e3) -> Calibration:
    """Platt scaling of (n,) log-odds to bool (n,)."""
    model = LogisticRegression(C=strength).fit(np.clip(odds, -_ODDS, _ODDS)[:, None], truth)
    return Calibration(slope=max(float(model.coef_[0, 0]), 1e-3), offset=float(model.intercept_[0]))


def choose_band(probability: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """The narrowest uncertain band outside which at most 2 % are wrong, on each side."""
    low, high = 0.05, 0.95
    for candidate in np.arange(0.05, 0.50, 0.01):
        below = probability < candidate
        if below.any() and truth[below].mean() <= _WRONG:
            low = float(candidate)
    for candidate in np.arange(0.95, 0.50, -0.01):
        above = probability >= candidate
        if above.any() and (~truth[above]).mean() <= _WRONG:
            high = float(candidate)
    return {"nothing_below": round(low, 2), "tumour_from": round(high, 2)}


def _band_facts(probability: np.ndarray, truth: np.ndarray, band: dict[str, float]) -> dict[str, float]:
    outside = (probability < band["nothing_below"]) | (probability >= band["tumour_from"])
    right = (probability >= 0.5) == truth
    return {
        "uncertain_share": round(float(1 - outside.mean()), 4),
        "accuracy_outside": round(float(right[outside].mean()), 4),
        "accuracy_all": round(float(right.mean()), 4),
    }


def _best_cut_off(
    outlines: list[np.ndarray], masks: list[np.ndarray], case: np.ndarray, figure: str
) -> tuple[float, float]:
    """The cut-off with the best mean Dice (or IoU) over cases, and that figure."""
    best = (0.5, -1.0)
    for cut_off in (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6):
        values = []
        for outline, mask in zip(outlines, masks, strict=True):
            found, truth = outline >= cut_off, mask > 127
            for number in np.unique(case):
                here = case == number
                both, total = (found[here] & truth[here]).sum(), found[here].sum() + truth[here].sum()
                values.append(2 * both / max(total, 1) if figure == "dice" else both / max(total - both, 1))
        log.info("cut-off %.2f: %s mean %.4f median %.4f", cut_off, figure, np.mean(values), np.median(values))
        if np.mean(values) > best[1]:
            best = cut_off, float(np.mean(values))
    return best


def _choose_rule(
    fused: list[np.ndarray],
    outlines: list[np.ndarray],
    held: cache.Slices,
    lgg: np.ndarray,
    cut_off: float,
) -> tuple[dict[str, float], dict[str, Any]]:
    """Chooses the series rule on whole validation patients (tumour) and their tumour-free runs (none)."""
    samples: list[tuple[np.ndarray, np.ndarray, bool]] = []
    for probability, outline in zip(fused, outlines, strict=True):
        share = (outline >= cut_off).mean((1, 2))
        for number in np.unique(held.case[lgg]):
            here = np.flatnonzero(held.case[lgg] == number)
            samples.append((probability[here], share[here], True))
            sick = held.tumour[lgg][here]
            edges = np.flatnonzero(sick)
            # A slice beside the last outlined one may show the lesion's edge: two are left out.
            runs = (here[: max(edges[0] - 2, 0)], here[edges[-1] + 3 :])
            samples += [(probability[run], share[run], False) for run in runs if len(run) >= 5]
    truth = np.array([sick for *_, sick in samples])
    best: tuple[float, dict[str, float], dict[str, Any]] | None = None
    for run in (2, 3, 4):
        plain = Rule(run, 0.0, Calibration(1.0, 0.0), 0.3, 0.7)
        evidence = np.array([plain.evidence(probability) for probability, *_ in samples])
        fitted = fit_platt(evidence, truth, strength=0.3)
        free = [plain.outlined(share) for _, share, sick in samples if not sick]
        seen = [plain.outlined(share) for _, share, sick in samples if sick]
        # Above what most tumour-free runs show, but far below the smallest true outline.
        share = min(float(np.quantile(free, 0.75)) + 1e-4, 0.25 * min(seen) + 1e-5)
        numbers = {
            "run": run, "share": round(share, 6), **_numbers(fitted), "nothing_below": 0.3, "tumour_from": 0.7,
        }  # fmt: skip
        rule = Rule.of(numbers)
        verdicts = [rule.judge(probability, share_)[0].value for probability, share_, _ in samples]
        facts = {
            "scans_with_tumour": int(truth.sum()),
            "tumour_free_runs": int((~truth).sum()),
            **{
                f"{'sick' if sick else 'free'}_{verdict}": sum(
                    v == verdict for v, t in zip(verdicts, truth, strict=True) if t == sick
                )
                for sick in (True, False)
                for verdict in ("tumour", "uncertain", "no_tumour")
            },
        }
        right = facts["sick_tumour"] / truth.sum() + facts["free_no_tumour"] / max((~truth).sum(), 1)
        log.info("series rule %s: %s", numbers, facts)
        if best is None or right > best[0]:
            best = right, numbers, facts
    assert best is not None
    return best[1], best[2]


def _gate_features(
    network: Compiled, learnt: cache.Slices, held: cache.Slices, args: argparse.Namespace
) -> dict[str, np.ndarray]:
    """What the gate is fitted on and measured on, each float32 (n, features)."""
    random = np.random.default_rng(_SEED)

    def features(images: np.ndarray) -> np.ndarray:
        return np.concatenate([_run(network, images)[1], plain(images)], axis=1)

    sets = {f"yes/{family}": features(gate.brains(learnt, family, 1800, random)) for family in ("lgg", "brisc")}
    sets |= {f"yes_held/{family}": features(gate.brains(held, family, 700, random)) for family in ("lgg", "brisc")}
    if args.also_brain:
        heads = [picture for kind in gate.read_pictures(args.also_brain).values() for picture in kind]
        sets["yes/drawn"] = features(gate.prepare_all([gate.vary(picture, random) for picture in heads * 2]))
    sets["no/generated"] = features(gate.generated(1000, random))
    for kind, pictures in gate.read_pictures(args.not_brain).items():
        # The last third of each kind is held out: neighbouring numbers may be one person.
        border = len(pictures) * 2 // 3
        sets[f"no/{kind}"] = features(gate.others({kind: pictures[:border]}, 9, random))
        sets[f"no_held/{kind}"] = features(gate.prepare_all(pictures[border:]))
    sets["no_held/generated"] = features(gate.generated(300, np.random.default_rng(_SEED + 1)))
    for name, slices, count in (("flair", learnt, 1200), ("flair_held", held, 400)):
        lgg = np.flatnonzero([slices.cases[case].family == "lgg" for case in slices.case])
        picked = np.sort(random.choice(lgg, min(count, len(lgg)), replace=False))
        sets[name] = features(grey_flair(np.asarray(slices.images[picked])))
    return sets


def _fit_gate(sets: dict[str, np.ndarray], target: Path, *, unseen: bool) -> dict[str, Any]:
    """Fits both judges, writes them to `target`, gives the manifest's part.

    `unseen` also measures kinds that were never trained on: the gate is fitted anew without each.
    """

    def all_of(prefix: str, without: str = "") -> np.ndarray:
        return np.concatenate([part for name, part in sets.items() if name.startswith(prefix) and name != without])

    positive, positive_held = all_of("yes/"), all_of("yes_held/")
    arrays = gate.fit(positive, all_of("no/"))
    score = _scorer(arrays)
    threshold = float(np.quantile(score(positive_held), _REFUSED))

    def refused(features: np.ndarray) -> float:
        return round(float((score(features) < threshold).mean()), 4)

    blind = {}
    for name in [name for name in sets if unseen and name.startswith("no/")]:
        other = _scorer(gate.fit(positive, all_of("no/", without=name)))
        cut = np.quantile(other(positive_held), _REFUSED)
        kind = name.removeprefix("no/")
        blind[kind] = round(float((other(sets[f"no_held/{kind}"]) < cut).mean()), 4)
    flair_arrays = gate.fit(sets["flair"], sets["yes/brisc"])
    flair_score = _scorer(flair_arrays)
    stored = {f"brain/{name}": value for name, value in arrays.items()}
    stored |= {f"flair/{name}": value for name, value in flair_arrays.items()}
    weights.write_arrays(target, stored, exact=True)
    return {
        "threshold": round(threshold, 4),
        "held_out_refused": {
            name.removeprefix("no_held/"): refused(p) for name, p in sets.items() if "no_held/" in name
        },
        "kinds_never_trained_on_refused": blind,
        "brain_slices_refused": refused(positive_held),
        "drawn_heads_refused": refused(sets["yes/drawn"]) if "yes/drawn" in sets else None,
        "flair_told_as_flair": round(float((flair_score(sets["flair_held"]) > 0).mean()), 4),
        "brisc_told_as_t1c": round(float((flair_score(sets["yes_held/brisc"]) <= 0).mean()), 4),
    }


def _scorer(arrays: dict[str, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return from_arrays(
        {f"{name}/{key}": value for name in ("brain", "flair") for key, value in arrays.items()}, 0
    ).brain.score


if __name__ == "__main__":
    sys.exit(main())
