"""The networks' bare time on files that were uploaded: what nothing around them could make shorter.

    python -m bench.bare FOLDER

Reads the folder as one series and runs the pipeline once, which notes the batches that each of the networks was
given: the slices, their mirror images and what fills the last batch up. Then the networks alone are given the same
batches, with nothing beside them, several times; the median of their seconds is printed as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from ml.imaging.readers import read
from ml.pipeline import Network, Pipeline

TIMES = 3


class Noted:
    """A network that keeps what it was given."""

    def __init__(self, network: Network) -> None:
        self.network, self.batches = network, list[np.ndarray]()

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """As the network's own."""
        self.batches.append(images)
        return self.network(images)

    @property
    def pictures(self) -> int:
        """How many it was given."""
        return sum(map(len, self.batches))

    def again(self) -> None:
        """Give the network the same once more."""
        for images in self.batches:
            self.network(images)


def main(folder: Path) -> None:
    """Measure and print."""
    volume = read([folder], as_series=True)
    pipeline = Pipeline.load()
    classifier = Noted(pipeline._classifier)
    unets = {family: Noted(unet) for family, unet in pipeline._unets.items()}
    pipeline._classifier, pipeline._unets = classifier, unets
    (found,) = pipeline([volume])
    seconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        for network in (classifier, *unets.values()):
            network.again()
        seconds.append(time.perf_counter() - began)
    answer = {
        "seconds": statistics.median(seconds),
        "classified": classifier.pictures,
        "outlined": sum(unet.pictures for unet in unets.values()),
        "slices": len(volume),
        "verdict": found.verdict.value,
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
