"""Takes released weights up again: a run may go on where only a release was kept, and not its checkpoint."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from ml import weights
from ml.gate import Family
from ml.networks.load import CLASSIFIER, UNETS
from ml.networks.unet import FAMILIES
from ml.training.datasets import DataFault


def take(model: keras.Model, folder: Path, family: Family | None = None) -> None:
    """Gives a model in training the weights of a folder of models: the family's U-Net, or the classifier.

    What a release leaves out stays as it was begun: the other family's output, the place of the tumour. Channels
    that the released network did not see count nothing at first. Raises WeightsFault, or DataFault when it is
    another network.
    """
    name = CLASSIFIER if family is None else UNETS[family]
    arrays = weights.read_arrays(folder, name, weights.read_manifest(folder))
    for weight in model.weights:
        given = arrays.pop(weight.path, None)
        if given is None:
            if family is not None:
                raise DataFault(f"{folder / name}: is another network than the one to be trained.")
            continue
        own = weight.numpy()
        if weight.path.startswith("outlines/") and family is not None:
            channel = FAMILIES.index(family)
            given = np.where(np.arange(own.shape[-1]) == channel, given, own)
        elif given.ndim == 4 and given.shape[:2] + given.shape[3:] == own.shape[:2] + own.shape[3:]:
            more = own.shape[2] - given.shape[2]
            given = np.pad(given, ((0, 0), (0, 0), (0, max(more, 0)), (0, 0)))
        if given.shape != own.shape:
            raise DataFault(f"{folder / name}: is another network than the one to be trained.")
        weight.assign(given)
    if arrays:
        raise DataFault(f"{folder / name}: is another network than the one to be trained.")
