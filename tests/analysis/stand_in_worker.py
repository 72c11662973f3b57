"""The real worker's process with the stand-in models: `python -m tests.analysis.stand_in_worker GATE`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import django


def main() -> None:
    django.setup()
    from detection.analysis.worker import AnalysisWorker
    from tests.analysis.stand_in import StandIn

    worker = AnalysisWorker(lambda: StandIn(gate=Path(sys.argv[1])))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
