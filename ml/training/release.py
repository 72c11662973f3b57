"""Makes `models/` from training folders: weights, gate, calibration, thresholds, manifest.

    python -m ml.training.release --data kaggle_3m brisc --classifier DIR --flair DIR --t1c DIR
        --not-brain DIR [--also-brain DIR] [--crossvalidation DIR] --version 1.0 [--out models]

Every number that it chooses, it chooses on the part "validation" of the committed splits; the intervals of FLAIR
sizes on the cross-validated outlines of all patients but the test part's, where those are given. Then it measures what
repeating gives.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import change, weights
from ml.classify import Calibration, Fusion, outline_evidence
from ml.evaluation import repeatability
from ml.gate import Family
from ml.networks import load
from ml.networks.classifier import classifier
from ml.networks.inference import Compiled, classifying
from ml.networks.unet import FAMILIES, unet
from ml.pipeline import Pipeline
from ml.segment import smoothed, wanted
from ml.series_rule import Rule
from ml.training import beside, cache, calibration, crossvalidation, datasets, judges, recipe, series, sizes, splits
from ml.training.loop import take_averages

log = logging.getLogger(__name__)

GATE = "gate.npz"
_FILES = (load.CLASSIFIER, *load.UNETS.values(), GATE)
_SEED = 5


def main(arguments: list[str] | None = None) -> int:
    """Runs the whole release. Gives 0, or 2 when the data cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument(
        "--classifier",
        type=Path,
        required=True,
        help="folder of `train classifier --out`, or of models that it is kept from",
    )
    for family, outlined in (("flair", "FLAIR abnormality"), ("t1c", "enhancing tumour")):
        parser.add_argument(
            f"--{family}",
            type=Path,
            nargs="+",
            required=True,
            metavar="DIR",
            help=f"folder of `train segmenter --out` whose U-Net outlines the {outlined}, or of models; of several the mean",
        )
    parser.add_argument("--not-brain", type=Path, required=True, help="pictures that must be refused")
    parser.add_argument("--also-brain", type=Path, help="drawn heads that must not be refused")
    parser.add_argument("--crossvalidation", type=Path, help="folder of `crossvalidate --out`: chooses size intervals")
    parser.add_argument("--cache", type=Path, help="where prepared slices are kept (default: cache/ of --flair)")
    parser.add_argument("--unseen", action="store_true", help="also measure kinds that the gate never saw (slow)")
    parser.add_argument(
        "--keep-gate", type=Path, metavar="DIR", help="models whose gate is taken as it is: only the U-Nets are new"
    )
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, default=weights.FOLDER)
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        cases = [case for folder in args.data for case in datasets.find(folder)]
        with tempfile.TemporaryDirectory() as aside:
            # The old models stay usable until the new ones are complete.
            _release(args, cases, Path(aside))
            for name in (*_FILES, weights.MANIFEST, change.FILE):
                shutil.copyfile(Path(aside) / name, args.out / name)
    except (datasets.DataFault, weights.WeightsFault) as fault:
        log.error("%s", fault)
        return 2
    return 0


def _release(args: argparse.Namespace, cases: list[datasets.Case], aside: Path) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    before = weights.read_manifest(args.keep_gate) if args.keep_gate else None
    store_classifier(args.classifier, aside / load.CLASSIFIER)
    for family, name in load.UNETS.items():
        store_outline(vars(args)[family], family, aside / name)
    stored_now = {"files": {name: weights.digest(aside / name) for name in (load.CLASSIFIER, *load.UNETS.values())}}
    classifies = Compiled(classifying(load.folded_classifier(aside, stored_now)))
    networks = classifies, {family: Compiled(load.folded_unet(aside, stored_now, family)) for family in load.UNETS}
    kept = args.cache or args.flair[0] / "cache"
    held = cache.open_or_make(splits.choose(cases, "validation"), kept, quiet=True)
    manifest: dict[str, Any] = {"version": args.version, "seed": _SEED}
    seen = _look(networks, held)
    manifest |= _calibrate(seen, held)
    tested = cache.open_or_make(splits.choose(cases, "test"), kept, quiet=True)
    # The test part chooses nothing: it only says how often the intervals hold and what the series rule does.
    later = _look(networks, tested)
    _add_sizes(manifest, {"validation": (seen, held), "test": (later, tested)}, cases, args.crossvalidation)
    flair = manifest["families"]["flair"]
    manifest["series_on_test"] = series.verdicts(Rule.of(flair["series"]), _scans(later, tested, flair))
    if before is not None:
        if before["files"][load.CLASSIFIER] != weights.digest(aside / load.CLASSIFIER):
            raise datasets.DataFault("The classifier changed, so the gate must be fitted anew: leave out --keep-gate.")
        manifest["gate"] = before["gate"]
        shutil.copyfile(args.keep_gate / GATE, aside / GATE)
    else:
        learnt = cache.open_or_make(splits.choose(cases, "train"), kept, quiet=True)
        sets = judges.gather(lambda images: _run(networks[0], images)[1], learnt, held, args.not_brain, args.also_brain)
        manifest["gate"], stored = judges.fit(sets, unseen=args.unseen)
        weights.write_arrays(aside / GATE, stored, exact=True)
    manifest["files"] = {name: weights.digest(aside / name) for name in _FILES}
    (aside / weights.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    log.info("%s", json.dumps(manifest, indent=1))
    again = repeatability.figures(Pipeline.load(aside), repeatability.kept_from_training(cases))
    (aside / change.FILE).write_text(json.dumps(again, indent=1) + "\n")


def store_classifier(folder: Path, target: Path) -> None:
    """Writes the classifier of a training folder, without what only training needed (the place of the tumour).

    That of a folder of models is taken over to the bit. Raises DataFault or WeightsFault.
    """
    if _is_released(folder):
        _take_over(folder, target)
        return
    arrays = _averages(folder, classifier(side=128, place=True))
    weights.write_arrays(target, {name: value for name, value in arrays.items() if not name.startswith("where/")})


def store_outline(folders: Sequence[Path], family: Family, target: Path) -> None:
    """Writes the mean of the U-Nets of folders of training or of models, without the other family's output.

    Runs that one grew from another lie near enough for their mean to outline as well as the best of them, and worst
    cases better (Wortsman and others, ICML 2022). One folder of models is taken over to the bit. Raises DataFault or
    WeightsFault.
    """
    if len(folders) == 1 and _is_released(folders[0]):
        _take_over(folders[0], target)
        return
    runs = [_outline_of(folder, family, target.name) for folder in folders]
    weights.write_arrays(target, {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]})


def _is_released(folder: Path) -> bool:
    """Whether a folder holds models and not a run."""
    return (folder / weights.MANIFEST).exists()


def _take_over(folder: Path, target: Path) -> None:
    """Copies a network of a folder of models, once that proved sound. Raises WeightsFault."""
    weights.read_manifest(folder)
    shutil.copyfile(folder / target.name, target)


def _outline_of(folder: Path, family: Family, name: str) -> dict[str, np.ndarray]:
    """The U-Net of one folder of training or of models, the family's output alone, by name."""
    if _is_released(folder):
        return weights.read_arrays(folder, name, weights.read_manifest(folder))
    try:
        arrays = _averages(folder, unet(outlines=len(FAMILIES)))
    except datasets.DataFault:
        arrays = _averages(folder, unet(channels=beside.CHANNELS, outlines=len(FAMILIES)))
        arrays["down1_conv_a/kernel"] = beside.without(arrays["down1_conv_a/kernel"])
    channel = FAMILIES.index(family)
    return arrays | {name: arrays[name][..., channel : channel + 1] for name in ("outlines/kernel", "outlines/bias")}


def _averages(folder: Path, model: keras.Model) -> dict[str, np.ndarray]:
    """The averaged weights of a training folder's checkpoint, by name."""
    checkpoint = folder / "checkpoint.npz"
    if not checkpoint.exists():
        raise datasets.DataFault(f"{checkpoint}: there is no checkpoint; run `python -m ml train` first.")
    take_averages(model, checkpoint)
    return weights.take(model)


def _run(network: Compiled, images: np.ndarray) -> list[np.ndarray]:
    parts = [network(np.asarray(images[start : start + 16])) for start in range(0, len(images), 16)]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _odds(network: Compiled, images: np.ndarray) -> np.ndarray:
    logits = _run(network, images)[0]
    return np.asarray(logits[:, 1] - logits[:, 0], np.float64)


def _calibrate(seen: _Seen, held: cache.Slices) -> dict[str, Any]:
    """All numbers of both families, chosen on the slices that `held` holds."""
    odds, lgg_sick = np.concatenate(seen.flair_odds), np.tile(held.tumour[seen.lgg], 2)
    alone = calibration.fit_family(odds, np.concatenate(seen.flair), lgg_sick)
    in_series, outlined = _in_series(seen, held, alone.numbers)
    flair = calibration.fit_family(odds, np.concatenate(in_series), lgg_sick, np.concatenate(outlined))
    t1c = calibration.fit_family(seen.t1c_odds, seen.t1c, held.tumour[seen.brisc])
    fusions = {"image": alone.numbers["fusion"], "series": flair.numbers["fusion"]}
    flair_numbers = flair.numbers | {"fusion": fusions}
    # A FLAIR slice comes alone or in its series: the band has to hold for both.
    probability = np.concatenate([alone.fused, flair.fused, t1c.fused])
    truth = np.concatenate([lgg_sick, lgg_sick, held.tumour[seen.brisc]])
    band, weighed = calibration.choose_band(probability, truth)
    of_families = {
        name: calibration.band_facts(fitted.fused, true, band)
        for name, fitted, true in (
            ("flair_alone", alone, lgg_sick),
            ("flair", flair, lgg_sick),
            ("t1c", t1c, held.tumour[seen.brisc]),
        )
    }
    cut_flair, dice = calibration.best_cut_off(in_series, [held.masks[seen.lgg]] * 2, held.case[seen.lgg], "dice")
    sick = held.tumour[seen.brisc]
    masks = held.masks[seen.brisc]
    cut_t1c, overlap = calibration.best_cut_off([seen.t1c[sick]], [masks[sick]], np.arange(sick.sum()), "iou")
    rule, chosen_on = series.choose(_scans(seen, held, {**flair_numbers, "cut_off": cut_flair}))
    log.info("validation, networks' own frame: dice %.4f, brisc iou %.4f", dice, overlap)
    return {
        "thresholds": band,
        "families": {
            "flair": {**flair_numbers, "cut_off": cut_flair, "series": rule},
            # No series of contrast T1 with outlines is at hand: the rule is FLAIR's, the fusion the lone pictures'.
            "t1c": {
                **t1c.numbers,
                "fusion": dict.fromkeys(fusions, t1c.numbers["fusion"]),
                "cut_off": cut_t1c,
                "series": rule,
            },
        },
        "chosen_on": {
            "part": "validation",
            "bands_weighed": weighed,
            "band_by_family": of_families,
            "series": chosen_on,
            "flair_alone": alone.facts,
            "flair": flair.facts | {"dice_mean": round(dice, 4)},
            "t1c": t1c.facts | {"iou_mean": round(overlap, 4)},
        },
    }


def _scans(seen: _Seen, slices: cache.Slices, numbers: dict[str, Any]) -> list[series.Scan]:
    """The series of a part, and their tumour-free runs, with the probabilities that the pipeline will give."""
    alone, fusion = Calibration(**numbers["calibration"]), Fusion(**numbers["fusion"]["series"])
    sick, case = slices.tumour[seen.lgg], slices.case[seen.lgg]
    result = []
    for odds, outlines, outlined in zip(seen.flair_odds, *_in_series(seen, slices, numbers), strict=True):
        together = fusion.probability(odds, outline_evidence(outlines))
        fused = np.where(outlined, together, alone.probability(odds))
        result += series.scans_of(fused, (outlines >= numbers["cut_off"]).mean((1, 2)), sick, case)
    return result


def _add_sizes(
    manifest: dict[str, Any],
    parts: dict[str, tuple[_Seen, cache.Slices]],
    cases: list[datasets.Case],
    crossvalidated: Path | None,
) -> None:
    """Adds each family's size intervals: chosen on "validation", their coverage measured on "test".

    FLAIR's are chosen on all patients but the test part's, each outlined by a network that never saw them, where
    there are such outlines.
    """
    scans = {part: _sized(seen, slices, manifest) for part, (seen, slices) in parts.items()}
    chosen_from = dict(scans["validation"])
    if crossvalidated is not None:
        # Without the test part: whoever judges an interval has no part in it.
        taught = [case for part in ("train", "validation") for case in splits.choose(cases, part)]
        folds = splits.folds(taught, "patient")
        cut_off = manifest["families"]["flair"]["cut_off"]
        for kind, alone in (("series", False), ("image", True)):
            chosen_from["flair", kind] = crossvalidation.sized(
                cases, folds, crossvalidated, ways=("mirror", "grey"), cut_off=cut_off, alone=alone
            )
    facts: dict[str, Any] = {}
    for key, found in chosen_from.items():
        family, kind = key
        chosen = sizes.choose(found)
        measured = {part: sizes.covered(chosen, scans[part][key]) for part in scans}
        numbers = dataclasses.asdict(chosen) | {name: measured["test"][name] for name in ("covered", "lesions_covered")}
        manifest["families"][family].setdefault("size", {})[kind] = numbers
        facts[f"{family}_{kind}"] = {"chosen_on": sizes.covered(chosen, found), **measured}
    manifest["size_intervals"] = facts


def _sized(seen: _Seen, slices: cache.Slices, manifest: dict[str, Any]) -> dict[tuple[str, str], list[sizes.Sized]]:
    """Outlined and true sizes of all scans of a part, for ("flair" or "t1c", "series" or "image")."""
    cut_flair, cut_t1c = (manifest["families"][name]["cut_off"] for name in ("flair", "t1c"))
    case, masks = slices.case[seen.lgg], slices.masks[seen.lgg]
    in_series, _ = _in_series(seen, slices, manifest["families"]["flair"])
    alone = np.arange(len(seen.lgg))
    brisc = np.arange(len(seen.brisc))
    return {
        ("flair", "series"): [s for o in in_series for s in sizes.sized(o, masks, case, case, cut_flair)],
        ("flair", "image"): [s for o in seen.flair for s in sizes.sized(o, masks, alone, case, cut_flair)],
        ("t1c", "image"): sizes.sized(seen.t1c, slices.masks[seen.brisc], brisc, slices.case[seen.brisc], cut_t1c),
    }


@dataclass(frozen=True)
class _Seen:
    """What the networks say about a part.

    `lgg`, `brisc` places of slices (n,); `..._odds` the classifier's log-odds (n,); outlines float32
    (n, 256, 256). For FLAIR the composite's and the single channel's.
    """

    lgg: np.ndarray
    brisc: np.ndarray
    flair_odds: list[np.ndarray]
    flair: list[np.ndarray]
    t1c_odds: np.ndarray
    t1c: np.ndarray


def _look(networks: tuple[Compiled, dict[Family, Compiled]], slices: cache.Slices) -> _Seen:
    classifies, outlines = networks
    family = recipe.families(slices)
    lgg, brisc = np.flatnonzero(family == "lgg"), np.flatnonzero(family == "brisc")
    composite = np.asarray(slices.images[lgg])
    variants = [composite, judges.grey_flair(composite)]
    pictures = np.asarray(slices.images[brisc])
    return _Seen(
        lgg=lgg,
        brisc=brisc,
        flair_odds=[_odds(classifies, images) for images in variants],
        flair=[_mirrored(outlines["flair"], images) for images in variants],
        t1c_odds=_odds(classifies, pictures),
        t1c=_mirrored(outlines["t1c"], pictures),
    )


def _mirrored(network: Compiled, images: np.ndarray) -> np.ndarray:
    """The mean outline of pictures and their mirror images, as the pipeline makes it: float32 (n, 256, 256)."""
    other = _run(network, images[:, :, ::-1])[0][:, :, ::-1]
    return np.asarray((_run(network, images)[0] + other) / 2)[..., 0]


def _in_series(seen: _Seen, slices: cache.Slices, numbers: dict[str, Any]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """FLAIR's outlines as the pipeline has them in a series, and which slices it outlines: float (n, 256, 256), bool (n,).

    Only slices that the classifier is not sure about and their neighbours are outlined, and all with what is beside them.
    """
    calibrated, case = Calibration(**numbers["calibration"]), slices.case[seen.lgg]
    results, masks = [], []
    for odds, outlines in zip(seen.flair_odds, seen.flair, strict=True):
        possible = calibrated.probability(odds) >= numbers["outline_from"]
        result, outlined = np.zeros_like(outlines), np.zeros(len(case), bool)
        for number in np.unique(case):
            here = np.flatnonzero(case == number)
            outlined[here] = wanted(possible[here])
            shown = [(int(place), outlines[here[place]]) for place in np.flatnonzero(outlined[here])]
            for place, outline in smoothed(shown, len(here)):
                result[here[place]] = outline
        results.append(result)
        masks.append(outlined)
    return results, masks


if __name__ == "__main__":
    sys.exit(main())
