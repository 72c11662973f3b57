"""`python -m ml train {classifier,segmenter} --data DIR... --out DIR [--resume]`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import sys
from pathlib import Path
from typing import Any

from ml import processor
from ml.commands import outputs
from ml.training.plan import PLANS, Stage, stages_of, told


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "Without --stages:\n" + "\n".join(f"  {name}: {told(plan.stages)}" for name, plan in PLANS.items())
    parser.add_argument("network", choices=tuple(PLANS))
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="kaggle_3m/ and brisc/")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where checkpoints and weights go")
    parser.add_argument("--resume", action="store_true", help="continue from DIR/checkpoint.npz")
    parser.add_argument(
        "--stages",
        type=stages,
        metavar="SIDE:MINUTES:BATCH,...",
        help="for instance 128:20:24,256:50:16; default: the network's own plan",
    )
    parser.add_argument(
        "--start", type=Path, metavar="DIR", help="begin with what another run, or the models of a release, learnt"
    )
    parser.add_argument("--rate", type=float, help="highest learning rate; default: the network's own plan")
    parser.add_argument(
        "--neighbours", action="store_true", help="segmenter: it sees FLAIR of the slices beside as well"
    )
    parser.add_argument(
        "--outline", choices=("flair", "t1c"), help="segmenter: only from what teaches this outline, of all --data"
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="draws other slices in another order: for runs whose mean is to be taken"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="stop after N steps, whatever the time")
    parser.add_argument(
        "--no-bfloat16", action="store_true", help="compute in float32, as where the processor lacks bfloat16"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def stages(text: str) -> tuple[Stage, ...]:
    """The option `--stages`; wrong usage is said as argparse says it."""
    try:
        return stages_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def seed(text: str) -> int:
    """The option `--seed`; wrong usage is said as argparse says it."""
    if not text.isascii() or not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to {2**32 - 1}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Trains. Gives 0, 1 when it did not work out, or 2 when the data or --out cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    from ml.training import datasets, splits
    from ml.weights import WeightsFault

    if (args.neighbours or args.outline) and args.network != "segmenter":
        print(
            "--neighbours and --outline are for the segmenter: the classifier sees one slice at a time and outlines none.",
            file=sys.stderr,
        )
        return 2
    if refusal := outputs.refuse(folder=args.out):
        print(refusal, file=sys.stderr)
        return 2
    try:
        cases = [case for folder in args.data for case in datasets.find(folder)]
        splits.refuse_unknown(cases)
        datasets.refuse_duplicates(cases, splits.part_of())
        datasets.refuse_unreadable(cases)
        figures = _train(args, cases)
    except (datasets.DataFault, WeightsFault) as fault:
        print(fault, file=sys.stderr)
        return 2
    except FloatingPointError as fault:
        print(fault, file=sys.stderr)
        return 1
    print(json.dumps(figures))
    return 0


def _train(args: argparse.Namespace, cases: list[Any]) -> dict[str, float]:
    import keras

    if not args.no_bfloat16:
        keras.mixed_precision.set_global_policy(processor.precision())
    if args.network == "segmenter":
        from ml.training import segmenter as network
    else:
        from ml.training import classifier as network  # type: ignore[no-redef]
    asked = {name: getattr(args, name) for name in ("stages", "steps", "rate", "seed")}
    plan = dataclasses.replace(
        PLANS[args.network], **{name: value for name, value in asked.items() if value is not None}
    )
    own = {"neighbours": args.neighbours, "outline": args.outline}
    more: dict[str, Any] = {name: value for name, value in own.items() if value}
    return network.train(cases, args.out, plan=plan, resume=args.resume, quiet=args.quiet, start=args.start, **more)
