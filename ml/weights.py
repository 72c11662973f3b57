"""The files under `models/`: a manifest, and weights that are loaded only when they are the manifest's.

Weights are stored as float16 in `.npz`, a name for each variable. NumPy only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.imaging.errors import ImagingError

FOLDER = Path(__file__).resolve().parents[1] / "models"
MANIFEST = "manifest.json"


class WeightsFault(ImagingError):
    """The models cannot be used: a file is missing, damaged or not the manifest's."""


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder of models, after each of its files proved to be the one it names.

    Raises WeightsFault.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
        files = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsFault(f"{path} cannot be read. Restore the models folder from the release.") from error
    for name, expected in files.items():
        file = folder / name
        if not file.is_file():
            raise WeightsFault(f"The weight file {name} is missing. Restore the models folder from the release.")
        if digest(file) != expected:
            raise WeightsFault(
                f"The weight file {name} is not the one that the manifest names. Restore both from one release."
            )
    return manifest


def read_arrays(folder: Path, name: str, manifest: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The named arrays of a weight file that the manifest names, floats as float32. Raises WeightsFault."""
    if name not in manifest["files"]:
        # `read_manifest` proves what is named there and nothing else: any file could lie under another name.
        raise WeightsFault(f"The manifest does not name the weight file {name}. Restore both from one release.")
    try:
        with np.load(folder / name, allow_pickle=False) as kept:
            return {
                name: kept[name].astype(np.float32) if kept[name].dtype == np.float16 else kept[name] for name in kept
            }
    except (OSError, ValueError, KeyError) as error:
        raise WeightsFault(f"The weight file {name} is damaged. Restore it from the release.") from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], *, exact: bool = False) -> None:
    """Writes arrays for `read_arrays`, as float16 unless `exact`."""
    kind = np.float32 if exact else np.float16
    np.savez_compressed(path, allow_pickle=False, **{name: np.asarray(array, kind) for name, array in arrays.items()})


def fill(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Sets every weight of a Keras model by its path. Raises WeightsFault where they do not fit."""
    paths = {weight.path: weight for weight in model.weights}
    if set(paths) != set(arrays):
        raise WeightsFault("The weights belong to another network. Restore the models folder from the release.")
    for path, weight in paths.items():
        if tuple(weight.shape) != arrays[path].shape:
            raise WeightsFault("The weights belong to another network. Restore the models folder from the release.")
        weight.assign(arrays[path])


def take(model: Any) -> dict[str, np.ndarray]:
    """Every weight of a Keras model by its path, for `write_arrays`."""
    return {weight.path: np.asarray(weight) for weight in model.weights}
