"""`python -m ml`: predict, train, crossvalidate, evaluate, explain and benchmark, without Django and without a database."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from ml import processor

# Each is a module of ml.commands with `add_arguments(parser)` and `run(args) -> int`,
# imported only when it is called: `--help` does not wait for TensorFlow.
COMMANDS = {
    "predict": "look for tumours in pictures, series and folders",
    "train": "train a network from scratch",
    "crossvalidate": "train and measure the outline fold by fold, over all patients",
    "evaluate": "measure the networks on a labelled folder",
    "explain": "show where the classifier's answer comes from",
    "benchmark": "measure latency and throughput on this machine",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when all went well, 1 when some of it did not, 2 for wrong usage.
    """
    processor.use_onednn()  # before a command imports TensorFlow
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in given if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(
        prog="python -m ml",
        description="Research use only. Assists a clinician, does not diagnose.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if name == chosen:
            command = importlib.import_module(f"ml.commands.{name}")
            command.add_arguments(subparser)
            subparser.set_defaults(run=command.run)
    parsed = parser.parse_args(given)
    # TensorFlow's own greetings are no progress; a fault of its still shows.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    status: int = parsed.run(parsed)
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
