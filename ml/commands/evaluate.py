"""`python -m ml evaluate --data DIR [--split NAME] --json FILE [--report DIR]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.commands import outputs
from ml.commands.progress import Progress

if TYPE_CHECKING:
    import numpy as np

    from ml.evaluation.run import Result
    from ml.training.datasets import Case


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="laid out like kaggle_3m/ or brisc/")
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), help="only this part of the committed split"
    )
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the figures go")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="also an HTML report with pictures; never publish it"
    )
    parser.add_argument(
        "--robustness",
        action="store_true",
        help="instead: what rotation, noise, padding and the like cost, on a sample",
    )
    parser.add_argument(
        "--alone", action="store_true", help="series slice by slice, each as a picture that came alone (kaggle_3m)"
    )
    parser.add_argument(
        "--plane",
        choices=("sagittal", "coronal"),
        help="series cut in this plane, not in their own axial one (kaggle_3m)",
    )
    parser.add_argument("--flair-only", action="store_true", help="only the FLAIR channel, grey (kaggle_3m)")
    parser.add_argument("--models", type=Path, metavar="DIR", help="weights and manifest (default: models/)")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> int:
    """Measure. Gives 0, 1 when a result could not be written, or 2 when data, models or outputs cannot be used."""
    from ml.imaging.errors import ImagingError
    from ml.training import datasets, splits

    if refusal := outputs.refuse(file=args.json, folder=args.report):
        print(refusal, file=sys.stderr)
        return 2
    try:
        cases = datasets.find(args.data)
        if args.split:
            cases = splits.choose(cases, args.split)
            if not cases:
                raise datasets.DataFault(f"{args.data}: holds no case of the split {args.split!r}.")
        datasets.refuse_duplicates(cases, splits.part_of())
        datasets.refuse_unreadable(cases)
        of_series = args.alone or args.flair_only or args.plane
        if of_series and (args.robustness or cases[0].family != "lgg"):
            raise datasets.DataFault(
                "--alone, --flair-only and --plane are for series with FLAIR (kaggle_3m), without --robustness."
            )
        if args.alone and args.plane:
            raise datasets.DataFault("--plane cuts whole series; leave out --alone.")
        figures, results = _robustness(args, cases) if args.robustness else _measure(args, cases)
    except (datasets.DataFault, ImagingError) as fault:
        print(fault, file=sys.stderr)
        return 2
    if not args.robustness:
        _print(figures)
    written = outputs.write_json(args.json, figures)
    if results and args.report:
        written = _report(args.report, figures, results) and written
    return 0 if written else 1


def _measure(args: argparse.Namespace, cases: list[Case]) -> tuple[dict[str, Any], list[Result]]:
    from ml.evaluation import run as evaluation
    from ml.evaluation import shortcuts, subgroups
    from ml.pipeline import Pipeline
    from ml.training import datasets, planes, splits

    pipeline = Pipeline.load(args.models) if args.models else Pipeline.load()
    # What a shortcut can do at its best, it has to learn from others: the part that the networks learnt from.
    others = splits.choose(datasets.find(args.data), "train") if args.split in ("validation", "test") else []
    patients, groups = cases, None
    if args.plane:
        cases, others = planes.recut(cases, [args.plane]), planes.recut(others, [args.plane])
    if args.alone:
        cases, groups = datasets.one_by_one(cases), _patient_of_each_slice(cases)
    elif cases[0].family == "brisc":
        # Pictures of one head must be drawn together: without patient ids they are found by likeness.
        groups = splits.group_brisc(cases).tolist()
    learnt = shortcuts.learnt_from(others) if others else None
    progress = Progress(len(cases), quiet=args.quiet)
    results = evaluation.measure(
        pipeline,
        cases,
        change=_flair_only if args.flair_only else None,
        alone=args.alone,
        report=lambda _: progress.done(),
    )
    progress.close()
    figures = {
        "model": {"version": pipeline.version, "files": pipeline.files},
        "data": _data(args, patients),
        **evaluation.summarise(results, groups, learnt),
    }
    if cases[0].family == "lgg" and not args.alone:
        known = subgroups.by_case(args.data, [case.name for case in cases])
        figures["subgroups"] = subgroups.figures(results, known)
    return figures, results


def _flair_only(voxels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return voxels[..., 1:2], truth


def _patient_of_each_slice(cases: list[Case]) -> list[int]:
    """The number of its patient for each slice that `datasets.one_by_one` gives."""
    return [number for number, case in enumerate(cases) for _ in case.images]


def _robustness(args: argparse.Namespace, cases: list[Case]) -> tuple[dict[str, Any], list[Result]]:
    from ml.evaluation import robustness
    from ml.pipeline import Pipeline

    pipeline = Pipeline.load(args.models) if args.models else Pipeline.load()
    progress = Progress(len(robustness.CHANGES) + 1, quiet=args.quiet)
    figures = robustness.table(pipeline, cases, report=progress.done)
    progress.close()
    print(robustness.as_markdown({cases[0].family: figures}))
    return {
        "model": {"version": pipeline.version, "files": pipeline.files},
        "data": _data(args, cases),
        **figures,
    }, []


def _data(args: argparse.Namespace, cases: list[Case]) -> dict[str, Any]:
    """What was measured, and how many of it the networks learnt from: told, since it flatters them."""
    from ml.training import splits

    part_of = splits.part_of()
    learnt = sum(part_of.get(case.name) == "train" for case in cases)
    if learnt:
        print(
            f"The shipped networks learnt from {learnt} of these {len(cases)} cases: the figures flatter them. "
            "--split test measures what they never saw.",
            file=sys.stderr,
        )
    return {
        "folder": args.data.name,
        "family": cases[0].family,
        "split": args.split,
        "trained_on": learnt,
        "alone": args.alone,
        "plane": args.plane,
        "flair_only": args.flair_only,
    }


def _report(folder: Path, figures: dict[str, Any], results: list[Result]) -> bool:
    from ml.evaluation import report

    try:
        report.write(folder, figures, results)
    except OSError as error:
        print(f"The report could not be written to {folder}: {error.strerror}.", file=sys.stderr)
        return False
    return True


def _print(figures: dict[str, Any]) -> None:
    """The main figures, each beside its trivial baseline."""
    for name, value in figures["outline"].items():
        if name != "by_case":
            print(f"outline {name}: {words(value)}")
    for name, value in figures["outline_baselines"].items():
        print(f"  baseline {name}: {words(value)}")
    for name, value in figures["slices"].items():
        if name not in ("baselines", "curves"):
            print(f"slices {name}: {words(value)}")
    for name, value in figures["slices"]["baselines"].items():
        print(f"  baseline {name}: {words(value)}")
    print(f"scans: {figures['scans']}")


def words(value: Any) -> str:
    """A figure as it is printed, with its interval where it has one."""
    if isinstance(value, dict) and "value" in value:
        return f"{value['value']} (95 % {value['interval_95']})"
    return str(value)
