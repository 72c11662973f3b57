"""Cross-validation of the FLAIR outline over all LGG patients: everyone is measured by a network that never saw them.

One run on BRISC alone, whose pictures are of other people, is shared by all folds. Each fold takes it up,
learns from the LGG patients of the other folds (and BRISC), and outlines every slice of its own patients.
Nothing that these figures are made with is chosen on them: the cut-off is 0.5, and the last averaged weights are taken.
A release chooses its intervals of FLAIR sizes on these outlines, without the test part's patients.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.evaluation import run as evaluation
from ml.imaging.volume import Volume, one_channel_if_equal
from ml.networks.unet import FAMILIES
from ml.pipeline import prepare
from ml.segment import smoothed
from ml.training import beside, cache, judges, planes, recipe, segmenter, sizes, splits
from ml.training.datasets import Case, DataFault
from ml.training.loop import PLAN, refuse_overwriting
from ml.training.plan import Plan, Stage, told

log = logging.getLogger(__name__)

WAYS = ("plain", "mirror", "grey")
"""How a patient is outlined: as it is; mean with the mirror image; one grey FLAIR channel."""
MIX = dataclasses.replace(segmenter.MIX, lgg=0.8)
"""BRISC has had its turn in the shared run."""
OUTLINES = "outlines.npz"
CUT_OFF = 0.5
"""A pixel belongs to the lesion from this probability on. Fixed, not chosen."""


@dataclass(frozen=True)
class Measured:
    """A patient: what the fold's network outlined, uint8 0..255, and what is true, bool; (slices, rows, columns)."""

    case: Case
    outlines: np.ndarray
    truth: np.ndarray

    @property
    def masks(self) -> np.ndarray:
        """What counts as outlined, bool (slices, rows, columns)."""
        return self.outlines >= CUT_OFF * 255


@dataclass(frozen=True)
class Schedule:
    """How long: `shared` on BRISC alone, then `fold` for each fold; `neighbours`: with FLAIR of the slices beside."""

    shared: Plan
    fold: Plan
    neighbours: bool = False


def train(
    cases: Sequence[Case],
    folds: Mapping[str, Sequence[str]],
    out: Path,
    schedule: Schedule,
    *,
    kept: Path,
    only: str | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> None:
    """Trains the shared run and the folds (or one), and leaves each fold's outlines in `out`/FOLD/outlines.npz.

    Prepared slices lie under `kept`. With `resume`, what is finished stays and the rest goes on from its checkpoint.
    Raises DataFault where runs are kept that `resume` does not ask for, or that had another schedule.
    """
    _refuse_mix(folds, out, schedule, resume)
    slices = cache.open_or_make([*cases, *planes.recut(cases)], kept, quiet=quiet)
    lgg = recipe.families(slices) == "lgg"
    shared = out / "shared"
    if not lgg.all():
        _run(
            segmenter.recipe(segmenter.MIX, neighbours=schedule.neighbours),
            slices,
            shared,
            schedule.shared,
            ~lgg,
            None,
            resume,
        )
    for name, patients in folds.items():
        if only in (None, name) and not (resume and (out / name / OUTLINES).exists()):
            log.info("fold %s: %d patients", name, len(patients))
            start = None if lgg.all() else shared
            model = _run(
                segmenter.recipe(MIX, neighbours=schedule.neighbours),
                slices,
                out / name,
                schedule.fold,
                taught(slices, patients),
                start,
                resume,
            )
            own = [case for case in cases if case.name in patients]
            _outline(model, schedule.fold.stages[-1].side, own, out / name)


def taught(slices: cache.Slices, patients: Sequence[str]) -> np.ndarray:
    """Which slices a fold may learn from, bool (n,): none of the patients that it is measured on, in whatever plane."""
    own = [planes.patient_of(case) in patients for case in slices.cases]
    return ~np.asarray(own)[slices.case]


def _refuse_mix(folds: Iterable[str], out: Path, schedule: Schedule, resume: bool) -> None:
    """Folds that took up different shared runs or had other plans are no cross-validation of one network."""
    for name in ("shared", *folds):
        if not resume:
            refuse_overwriting(out / name)
        elif (written := out / name / PLAN).exists():
            asked = dataclasses.asdict(schedule.shared if name == "shared" else schedule.fold)
            kept = json.loads(written.read_text())
            if kept != json.loads(json.dumps(asked)):
                words = told(tuple(Stage(**stage) for stage in kept["stages"]))
                raise DataFault(
                    f"{written}: this run had another plan ({words}); ask for that one or give another --out."
                )


def measured(
    cases: Sequence[Case], folds: Mapping[str, Sequence[str]], out: Path, way: str
) -> tuple[list[Measured], list[str]]:
    """The patients of the folds that are finished, and the names of the folds that are not."""
    by_name = {case.name: case for case in cases}
    found, missing = [], []
    for name, patients in folds.items():
        if not (out / name / OUTLINES).exists():
            missing.append(name)
            continue
        with np.load(out / name / OUTLINES) as outlines:
            for patient in patients:
                _, truth = by_name[patient].read()
                found.append(Measured(by_name[patient], outlines[f"{way}/{patient}"], truth))
    return found, missing


def summarise(cases: Sequence[Case], folds: Mapping[str, Sequence[str]], out: Path) -> dict[str, Any]:
    """All figures over the patients of the finished folds. Raises DataFault when none is."""
    figures: dict[str, Any] = {}
    for way in WAYS:
        patients, missing = measured(cases, folds, out, way)
        if not patients:
            raise DataFault(f"{out}: no fold is finished.")
        figures[way] = evaluation.volumes(patients)
    sites: dict[str, list[float]] = defaultdict(list)
    for name, value in figures["plain"]["by_case"].items():
        sites[splits.site_of(name) or name].append(value)
    return {
        "patients": len(patients),
        "folds": {name: list(members) for name, members in folds.items() if name not in missing},
        "folds_missing": missing,
        "outline": figures,
        "outline_baselines": evaluation.outline_baselines(patients),
        "by_site": {
            site: {
                "patients": len(values),
                "volume_dice_mean": round(float(np.mean(values)), 4),
                "volume_dice_median": round(float(np.median(values)), 4),
                "volume_dice_worst": min(values),
            }
            for site, values in sorted(sites.items())
        },
    }


def sized(
    cases: Sequence[Case],
    folds: Mapping[str, Sequence[str]],
    out: Path,
    *,
    ways: Sequence[str],
    cut_off: float,
    alone: bool,
) -> list[sizes.Sized]:
    """Outlined and true sizes of the patients, for the intervals of sizes; each slice for itself when `alone`.

    Raises DataFault when a fold is not finished.
    """
    result = []
    for way in ways:
        patients, missing = measured(cases, folds, out, way)
        if missing:
            raise DataFault(f"{out}: not finished: fold {', '.join(missing)}; run `crossvalidate --resume` first.")
        for number, patient in enumerate(patients):
            count = len(patient.truth)
            unit = np.arange(count) if alone else np.zeros(count, int)
            masks = patient.truth * np.uint8(255)
            owner = np.full(count, number)
            outlines = patient.outlines / np.float32(255)
            if not alone:
                outlines = np.stack([outline for _, outline in smoothed(enumerate(outlines), count)])
            result += sizes.sized(outlines, masks, unit, owner, cut_off)
    return result


def _run(
    how: recipe.Recipe,
    slices: cache.Slices,
    out: Path,
    plan: Plan,
    only: np.ndarray,
    start: Path | None,
    resume: bool,
) -> keras.Model:
    """Trains on `only` some slices, from the averaged weights of the run in `start` where given."""
    keras.utils.set_random_seed(plan.seed)
    trainer = how.trainer(slices, out, plan, only=only)
    if not (resume and trainer.resume()) and start is not None:
        trainer.start_from(start / trainer.checkpoint.name)
    trainer.run()
    return trainer.model


def _outline(model: keras.Model, side: int, patients: Sequence[Case], out: Path) -> None:
    """Outlines every slice of every patient on the files' own rows and columns, uint8 0..255, in all `WAYS`."""
    outlines = segmenter.outliner(model, side)
    found: dict[str, np.ndarray] = {}
    for case in patients:
        voxels, _ = case.read()
        prepared, _ = prepare(Volume(one_channel_if_equal(voxels), "series", case.sources))
        channel = FAMILIES.index("flair")
        seen, alone = prepared.images, judges.grey_flair(prepared.images)
        if model.input_shape[-1] == beside.CHANNELS:
            places = np.arange(len(seen))
            around = beside.around(places, np.zeros_like(places))
            seen, alone = (beside.seen(images, places, *around) for images in (seen, alone))
        plain = outlines(seen)[..., channel]
        mirrored = outlines(seen[:, :, ::-1])[:, :, ::-1, channel]
        grey = outlines(alone)[..., channel]
        for way, each in zip(WAYS, (plain, (plain + mirrored) / 2, grey), strict=True):
            whole = np.stack([prepared.frame.restore(outline) for outline in each])
            found[f"{way}/{case.name}"] = np.round(whole * 255).astype(np.uint8)
    aside = out / "outlines.part.npz"
    np.savez_compressed(aside, allow_pickle=False, **found)
    aside.replace(out / OUTLINES)
