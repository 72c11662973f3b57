"""The networks' bare time on files that were uploaded: what nothing around them could make shorter.

    python -m bench.bare FOLDER

Reads the folder as one series, runs the pipeline twice (the first time warms it), and prints as JSON the seconds of
the second run that were spent inside the networks, on exactly the slices that each of them was given.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from ml.imaging.readers import read
from ml.pipeline import Network, Pipeline


class Timed:
    """A network that adds up its time."""

    def __init__(self, network: Network) -> None:
        self.network, self.seconds, self.slices = network, 0.0, 0

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """As the network's own."""
        began = time.perf_counter()
        try:
            return self.network(images)
        finally:
            self.seconds += time.perf_counter() - began
            self.slices += len(images)


def main(folder: Path) -> None:
    """Measure and print."""
    volume = read([folder], as_series=True)
    pipeline = Pipeline.load()
    classifier = Timed(pipeline._classifier)
    unets = {family: Timed(unet) for family, unet in pipeline._unets.items()}
    pipeline._classifier, pipeline._unets = classifier, unets
    for _ in range(2):
        for network in (classifier, *unets.values()):
            network.seconds, network.slices = 0.0, 0
        (found,) = pipeline([volume])
    answer = {
        "seconds": classifier.seconds + sum(unet.seconds for unet in unets.values()),
        "classified": classifier.slices,
        "outlined": sum(unet.slices for unet in unets.values()),
        "slices": len(volume),
        "verdict": found.verdict.value,
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
