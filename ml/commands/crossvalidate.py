"""`python -m ml crossvalidate --data DIR... --out DIR [--by {patient,site}] [--fold K] [--resume]`."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from pathlib import Path
from typing import Any

from ml import processor
from ml.commands import outputs
from ml.commands.evaluate import words
from ml.commands.train import stages
from ml.training.plan import PLANS, told

SHARED, FOLD = "128:10:24", "128:9:24"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="kaggle_3m/ and brisc/")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where runs and figures.json go")
    parser.add_argument(
        "--by", choices=("patient", "site"), default="patient", help="the five committed folds, or a fold a site code"
    )
    parser.add_argument("--fold", metavar="K", help="only this fold (for instance 3, or DU)")
    parser.add_argument("--resume", action="store_true", help="keep what is finished, go on with the rest")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where prepared slices are kept (default: OUT/cache)")
    for name, default, what in (
        ("--shared", SHARED, "the run on BRISC alone that all folds take up"),
        ("--stages", FOLD, "each fold"),
    ):
        parser.add_argument(
            name, type=stages, default=default, metavar="SIDE:MINUTES:BATCH,...", help=f"{what} (default: {default})"
        )
    parser.add_argument("--neighbours", action="store_true", help="the U-Net sees FLAIR of the slices beside as well")
    parser.add_argument("--steps", type=int, metavar="N", help="end each run after N steps, whatever the time")
    parser.add_argument(
        "--no-bfloat16", action="store_true", help="compute in float32, as where the processor lacks bfloat16"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def run(args: argparse.Namespace) -> int:
    """Trains and measures. Gives 0, 1 when it did not work out, or 2 when data, fold or --out cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    from ml.training import datasets, splits

    if refusal := outputs.refuse(folder=args.out):
        print(refusal, file=sys.stderr)
        return 2
    try:
        found = [case for folder in args.data for case in datasets.find(folder)]
        part_of = splits.part_of()
        splits.refuse_unknown([case for case in found if case.family == "brisc"])
        # Patients have folds of their own; of BRISC all that is not a copy of something may teach.
        cases = [case for case in found if case.family == "lgg" or part_of.get(case.name) in splits.PARTS]
        folds = splits.folds(cases, args.by)
        if not folds:
            raise datasets.DataFault(f"{args.data[0]}: holds no patient of kaggle_3m.")
        if args.fold is not None and args.fold not in folds:
            raise datasets.DataFault(f"there is no fold {args.fold!r}; use one of {', '.join(folds)}.")
        datasets.refuse_duplicates(cases, part_of)
        datasets.refuse_unreadable(cases)
        figures = _run(args, cases, folds)
    except datasets.DataFault as fault:
        print(fault, file=sys.stderr)
        return 2
    except FloatingPointError as fault:
        print(fault, file=sys.stderr)
        return 1
    _print(figures)
    return 0 if outputs.write_json(args.out / "figures.json", figures) else 1


def _run(args: argparse.Namespace, cases: list[Any], folds: dict[str, list[str]]) -> dict[str, Any]:
    import keras

    if not args.no_bfloat16:
        keras.mixed_precision.set_global_policy(processor.precision())
    from ml.training import crossvalidation

    plan = dataclasses.replace(PLANS["segmenter"], steps=args.steps)
    schedule = crossvalidation.Schedule(
        shared=dataclasses.replace(plan, stages=args.shared),
        fold=dataclasses.replace(plan, stages=args.stages),
        neighbours=args.neighbours,
    )
    crossvalidation.train(
        cases,
        folds,
        args.out,
        schedule,
        kept=args.cache or args.out / "cache",
        only=args.fold,
        resume=args.resume,
        quiet=args.quiet,
    )
    return {
        "by": args.by,
        "schedule": f"{told(args.shared)} on BRISC alone; then for each fold {told(args.stages)}",
        **crossvalidation.summarise(cases, folds, args.out),
    }


def _print(figures: dict[str, Any]) -> None:
    print(f"{figures['patients']} patients. {figures['schedule']}.")
    if figures["folds_missing"]:
        print(f"Folds not finished: {', '.join(figures['folds_missing'])}.")
    for way, outline in figures["outline"].items():
        for name, value in outline.items():
            if name != "by_case":
                print(f"{way} {name}: {words(value)}")
    for name, value in figures["outline_baselines"].items():
        print(f"  baseline {name}: {value}")
    for site, values in figures["by_site"].items():
        print(f"site {site}: {values}")
