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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import change, weights
from ml.classify import Calibration, Fusion, outline_evidence
from ml.evaluation import repeatability
from ml.gate import Family
from ml.interval import SizeInterval
from ml.networks import load
from ml.networks.classifier import classifier
from ml.networks.inference import Compiled, classifying
from ml.networks.unet import FAMILIES, unet
from ml.pipeline import Pipeline
from ml.series_rule import Rule
from ml.training import beside, cache, calibration, crossvalidation, datasets, judges, planes, series, sizes, splits
from ml.training.loop import take_averages
from ml.training.seen import Looked, Seen, in_series, look, run

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
        nargs="+",
        required=True,
        metavar="DIR",
        help="folder of `train classifier --out`, or of models; of several the mean",
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
    sizes_from = parser.add_mutually_exclusive_group()
    sizes_from.add_argument(
        "--crossvalidation", type=Path, help="folder of `crossvalidate --out`: chooses the intervals of FLAIR sizes"
    )
    sizes_from.add_argument(
        "--keep-sizes", type=Path, metavar="DIR", help="models whose intervals of FLAIR sizes are taken as they are"
    )
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
    manifest: dict[str, Any] = {"version": args.version, "seed": _SEED}
    seen = look(networks, splits.choose(cases, "validation"), kept)
    manifest |= _calibrate(seen)
    # The test part chooses nothing: it only says how often the intervals hold and what the series rule does.
    later = look(networks, splits.choose(cases, "test"), kept)
    earlier = weights.read_manifest(args.keep_sizes) if args.keep_sizes else None
    _add_sizes(manifest, {"validation": seen, "test": later}, cases, args.crossvalidation, earlier)
    flair = manifest["families"]["flair"]
    manifest["series_on_test"] = series.verdicts(Rule.of(flair["series"]), _scans(later, flair))
    if before is not None:
        if before["files"][load.CLASSIFIER] != weights.digest(aside / load.CLASSIFIER):
            raise datasets.DataFault("The classifier changed, so the gate must be fitted anew: leave out --keep-gate.")
        manifest["gate"] = before["gate"]
        shutil.copyfile(args.keep_gate / GATE, aside / GATE)
    else:
        learnt, held = (
            judges.Brains(*(cache.open_or_make(some, kept, quiet=True) for some in (chosen, planes.recut(chosen))))
            for chosen in (splits.choose(cases, part) for part in ("train", "validation"))
        )
        sets = judges.gather(lambda images: run(networks[0], images)[1], learnt, held, args.not_brain, args.also_brain)
        manifest["gate"], stored = judges.fit(sets, unseen=args.unseen)
        weights.write_arrays(aside / GATE, stored, exact=True)
    manifest["files"] = {name: weights.digest(aside / name) for name in _FILES}
    (aside / weights.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    log.info("%s", json.dumps(manifest, indent=1))
    again = repeatability.figures(Pipeline.load(aside), repeatability.kept_from_training(cases))
    (aside / change.FILE).write_text(json.dumps(again, indent=1) + "\n")


def store_classifier(folders: Sequence[Path], target: Path) -> None:
    """Writes the mean of the classifiers of folders of training or of models, without what only training needed.

    That is the place of the tumour. One folder of models is taken over to the bit. Raises DataFault or WeightsFault.
    """
    if len(folders) == 1 and _is_released(folders[0]):
        _take_over(folders[0], target)
        return
    _write_mean([_classifier_of(folder, target.name) for folder in folders], target)


def store_outline(folders: Sequence[Path], family: Family, target: Path) -> None:
    """Writes the mean of the U-Nets of folders of training or of models, without the other family's output.

    One folder of models is taken over to the bit. Raises DataFault or WeightsFault.
    """
    if len(folders) == 1 and _is_released(folders[0]):
        _take_over(folders[0], target)
        return
    _write_mean([_outline_of(folder, family, target.name) for folder in folders], target)


def _write_mean(runs: Sequence[dict[str, np.ndarray]], target: Path) -> None:
    """Writes the mean of networks, by name of their weights.

    Runs that one grew from another lie near enough for their mean to do as well as the best of them, and worst
    cases better (Wortsman and others, ICML 2022).
    """
    weights.write_arrays(target, {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]})


def _is_released(folder: Path) -> bool:
    """Whether a folder holds models and not a run."""
    return (folder / weights.MANIFEST).exists()


def _take_over(folder: Path, target: Path) -> None:
    """Copies a network of a folder of models, once that proved sound. Raises WeightsFault."""
    weights.read_manifest(folder)
    shutil.copyfile(folder / target.name, target)


def _classifier_of(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The classifier of one folder of training or of models, by name, without the place of the tumour."""
    if _is_released(folder):
        return weights.read_arrays(folder, name, weights.read_manifest(folder))
    arrays = _averages(folder, classifier(side=128, place=True))
    return {name: value for name, value in arrays.items() if not name.startswith("where/")}


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


def _calibrate(seen: Seen) -> dict[str, Any]:
    """All numbers of both families, chosen on what was seen."""
    sick = np.tile(seen.sick, 2)
    alone = calibration.fit_family(_all(seen.alone, "odds"), _all(seen.alone, "outlines"), sick)
    odds = _all(seen.series, "odds")
    slice_by_slice = calibration.fit_family(odds, _all(seen.series, "outlines"), sick)
    outlines, outlined = in_series(seen, slice_by_slice.numbers)
    flair = calibration.fit_family(odds, np.concatenate(outlines), sick, np.concatenate(outlined))
    t1c = calibration.fit_family(seen.t1c.odds, seen.t1c.outlines, seen.t1c_sick)
    # A slice comes alone or in its series: the band has to hold for all.
    fitted = {"flair_alone": (alone, sick), "flair": (flair, sick), "t1c": (t1c, seen.t1c_sick)}
    band, weighed = calibration.choose_band(
        np.concatenate([each.fused for each, _ in fitted.values()]),
        np.concatenate([true for _, true in fitted.values()]),
    )
    cut_flair, dice = calibration.best_cut_off(outlines, [seen.masks] * 2, seen.case, "dice")
    lesions = np.flatnonzero(seen.t1c_sick)
    cut_t1c, overlap = calibration.best_cut_off(
        [seen.t1c.outlines[lesions]], [seen.t1c_masks[lesions]], np.arange(len(lesions)), "iou"
    )
    flair_numbers = {**_by_kind(alone.numbers, flair.numbers), "cut_off": cut_flair}
    rule, chosen_on = series.choose(_scans(seen, flair_numbers))
    log.info("validation, networks' own frame: dice %.4f, brisc iou %.4f", dice, overlap)
    return {
        "thresholds": band,
        "families": {
            "flair": {**flair_numbers, "series": rule},
            # No series of contrast T1 with outlines is at hand: the rule is FLAIR's, all else the lone pictures'.
            "t1c": {**_by_kind(t1c.numbers, t1c.numbers), "cut_off": cut_t1c, "series": rule},
        },
        "chosen_on": {
            "part": "validation",
            "bands_weighed": weighed,
            "band_by_family": {
                name: calibration.band_facts(each.fused, true, band) for name, (each, true) in fitted.items()
            },
            "series": chosen_on,
            "flair_alone": alone.facts,
            "flair": flair.facts | {"dice_mean": round(dice, 4)},
            "t1c": t1c.facts | {"iou_mean": round(overlap, 4)},
        },
    }


def _by_kind(image: Mapping[str, Any], series_: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A family's numbers of lone pictures and of series, as the manifest keeps them."""
    return {name: {"image": image[name], "series": series_[name]} for name in image}


def _all(ways: Sequence[Looked], what: str) -> np.ndarray:
    """The "odds" or "outlines" of all ways, one after the other."""
    return np.concatenate([getattr(looked, what) for looked in ways])


def _scans(seen: Seen, numbers: dict[str, Any]) -> list[series.Scan]:
    """The series of a part, and their tumour-free runs, with the probabilities that the pipeline will give."""
    of_series = {name: numbers[name]["series"] for name in ("calibration", "fusion", "outline_from")}
    calibrated, fusion = Calibration(**of_series["calibration"]), Fusion(**of_series["fusion"])
    result = []
    for looked, outlines, outlined in zip(seen.series, *in_series(seen, of_series), strict=True):
        together = fusion.probability(looked.odds, outline_evidence(outlines))
        fused = np.where(outlined, together, calibrated.probability(looked.odds))
        result += series.scans_of(fused, (outlines >= numbers["cut_off"]).mean((1, 2)), seen.sick, seen.case)
    return result


def _add_sizes(
    manifest: dict[str, Any],
    parts: dict[str, Seen],
    cases: list[datasets.Case],
    crossvalidated: Path | None,
    earlier: dict[str, Any] | None = None,
) -> None:
    """Adds each family's size intervals: chosen on "validation", their coverage measured on "test".

    FLAIR's are chosen on all patients but the test part's, each outlined by a network that never saw them, where
    there are such outlines; or they are an `earlier` manifest's, and only their coverage is measured anew.
    """
    scans = {part: _sized(seen, manifest) for part, seen in parts.items()}
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
        if earlier is not None and family == "flair":
            chosen = SizeInterval.of(earlier["families"]["flair"]["size"][kind])
            chosen_on: dict[str, Any] = {"taken_over_from": earlier["version"]}
        else:
            chosen = sizes.choose(found)
            chosen_on = sizes.covered(chosen, found)
        measured = {part: sizes.covered(chosen, scans[part][key]) for part in scans}
        numbers = dataclasses.asdict(chosen) | {name: measured["test"][name] for name in ("covered", "lesions_covered")}
        manifest["families"][family].setdefault("size", {})[kind] = numbers
        facts[f"{family}_{kind}"] = {"chosen_on": chosen_on, **measured}
    manifest["size_intervals"] = facts


def _sized(seen: Seen, manifest: dict[str, Any]) -> dict[tuple[str, str], list[sizes.Sized]]:
    """Outlined and true sizes of all scans of a part, for ("flair" or "t1c", "series" or "image")."""
    flair, cut_t1c = manifest["families"]["flair"], manifest["families"]["t1c"]["cut_off"]
    cut = flair["cut_off"]
    together, _ = in_series(seen, {name: flair[name]["series"] for name in ("calibration", "outline_from")})
    lone, pictures = np.arange(len(seen.case)), np.arange(len(seen.t1c_case))
    return {
        ("flair", "series"): [s for o in together for s in sizes.sized(o, seen.masks, seen.case, seen.case, cut)],
        ("flair", "image"): [
            s for way in seen.alone for s in sizes.sized(way.outlines, seen.masks_alone, lone, seen.case, cut)
        ],
        ("t1c", "image"): sizes.sized(seen.t1c.outlines, seen.t1c_masks, pictures, seen.t1c_case, cut_t1c),
    }


if __name__ == "__main__":
    sys.exit(main())
