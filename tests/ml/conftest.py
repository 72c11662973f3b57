"""The real models, loaded once for all tests, and a tiny data set of drawn heads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml import weights
from ml.pipeline import Pipeline
from ml.training import planes
from tests import phantoms


@pytest.fixture(scope="session", autouse=True)
def loaded_once() -> Iterator[None]:
    """Each command loads the models when it is called, which takes seconds; those of a checkout are the same every time."""
    load, kept = Pipeline.load, list[Pipeline]()

    def shared(folder: Path = weights.FOLDER, **other: Any) -> Pipeline:
        if folder != weights.FOLDER or other:
            return load(folder, **other)
        if not kept:
            kept.append(load())
        return copy(kept[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipeline, "load", shared)
        yield


@pytest.fixture(autouse=True)
def few_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads of three slices are cut four times in each other plane, not as often as real ones: preparing takes most of a tiny run."""
    monkeypatch.setattr(planes, "CUTS", 4)


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    return Pipeline.load()


@pytest.fixture(autouse=True)
def own_precision() -> Iterator[None]:
    """A training command sets the precision of its whole process; the next test starts as a new process would."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].config.set_dtype_policy("float32")


def write_lgg(folder: Path, *, patients: int = 2, slices: int = 3) -> Path:
    """Drawn heads laid out as kaggle_3m: PATIENT/PATIENT_N.tif and masks."""
    for number in range(patients):
        name = f"TCGA_XX_{number:04}_20000101"
        (folder / name).mkdir(parents=True)
        for index in range(1, slices + 1):
            pixels, mask = phantoms.slice_picture(tumour=index > 1, size=128, seed=number + 1, z=0.05 * index)
            Image.fromarray(np.repeat(pixels[..., None], 3, 2)).save(folder / name / f"{name}_{index}.tif")
            outline = Image.fromarray((mask * np.uint8(255)).astype(np.uint8))
            outline.save(folder / name / f"{name}_{index}_mask.tif")
    return folder


def write_brisc(folder: Path, *, pictures: int = 4) -> Path:
    """Drawn heads laid out as brisc: images/ and masks/."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number in range(1, pictures + 1):
        sick = number % 2 == 1
        pixels, mask = phantoms.slice_picture(tumour=sick, contrast="t1c", size=128, seed=10 + number)
        stem = f"brisc2025_train_{number:05}_{'gl' if sick else 'no'}_ax_t1"
        Image.fromarray(pixels).save(folder / "images" / f"{stem}.png")
        if sick:
            Image.fromarray((mask * np.uint8(255)).astype(np.uint8)).save(folder / "masks" / f"{stem}.png")
    return folder


@pytest.fixture
def lgg_folder(tmp_path: Path) -> Path:
    return write_lgg(tmp_path / "kaggle_3m")


@pytest.fixture
def brisc_folder(tmp_path: Path) -> Path:
    return write_brisc(tmp_path / "brisc")


@pytest.fixture
def own_splits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lgg_folder: Path, brisc_folder: Path) -> Path:
    """Split files for the tiny data set, in the place of the committed ones."""
    from ml.training import datasets, splits

    monkeypatch.setattr(splits, "FOLDER", tmp_path / "splits")
    for family, folder in (("lgg", lgg_folder), ("brisc", brisc_folder)):
        names = [case.name for case in datasets.find(folder)]
        half = len(names) // 2
        splits.write(family, {"train": names[:half], "validation": names[half:], "test": []}, "for this test")
    return tmp_path / "splits"
