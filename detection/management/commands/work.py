"""`manage.py work`: one analysis worker."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand

from detection import retry

if TYPE_CHECKING:
    import numpy as np

    from ml.attribution import Attribution
    from ml.imaging.volume import Volume


class Command(BaseCommand):
    help = "Analyses scans: loads the models once, then takes up whatever waits, until SIGTERM or SIGINT."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--drain", action="store_true", help="End when nothing is waiting.")

    def handle(self, *args: Any, drain: bool, **options: Any) -> None:
        # TensorFlow prints pages on import.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        retry.use_read_committed()
        from detection.analysis.worker import AnalysisWorker

        worker = AnalysisWorker(load_models, explain=Explainer() if settings.CONFIG.attribution else None)

        def stop(number: int, frame: object) -> None:
            worker.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        worker.run(drain=drain)
        sys.exit(0)


def load_models() -> Any:
    """TensorFlow and the weights: seconds, and hundreds of megabytes."""
    from ml import processor, weights
    from ml.pipeline import Pipeline

    try:
        weights.read_manifest(weights.FOLDER)  # a broken one shows before seconds are spent on TensorFlow
        processor.use_onednn()
        with quiet():
            import tensorflow  # noqa: F401  its greeting ignores every setting
        return Pipeline.load()
    except weights.WeightsFault as error:
        sys.exit(f"The worker did not start: {error}")


class Explainer:
    """Attribution maps; their network is built for the first of them, once the worker is ready."""

    def __init__(self) -> None:
        self._attribution: Attribution | None = None

    def __call__(self, volume: Volume) -> np.ndarray:
        from ml.attribution import Attribution

        self._attribution = self._attribution or Attribution.load()
        return self._attribution(volume)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing that C++ code writes to standard error is seen meanwhile."""
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
