"""Slices are outlined together with their mirror images, and a size comes with an interval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ml import weights
from ml.findings import Compartment, to_json
from ml.gate import Family, Gate
from ml.imaging.volume import Kind, Spacing, Volume
from ml.pipeline import Network, Pipeline, Settings
from tests import phantoms

SIZE = {"strict": 0.8, "loose": 0.2, "below": 0.1, "above": 0.2, "level": 0.9, "covered": 0.88}


class LeftOnly:
    """A U-Net that sees only what lies on the left half of what it is shown: a spot at 0.9 there."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        self.seen.append(len(images))
        outlines = np.zeros((len(images), 256, 256, 1), np.float32)
        outlines[:, 100:120, 60:80] = 0.9
        return [outlines]


class Middle:
    """A U-Net that sees a spot on the midline, whichever way round."""

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        outlines = np.zeros((len(images), 256, 256, 1), np.float32)
        outlines[:, 100:120, 118:138] = 0.9
        return [outlines]


class Sure:
    """A classifier that says tumour."""

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        return [np.tile(np.array([-4, 4], np.float32), (len(images), 1)), np.zeros((len(images), 1), np.float32)]


class Open(Gate):
    """A gate that lets all through as contrast T1."""

    def __init__(self, *, sure: bool = True) -> None:
        object.__setattr__(self, "told", sure)

    told: bool

    def refuse(self, features: np.ndarray, images: np.ndarray) -> None:
        return None

    def family(self, features: np.ndarray, **_: Any) -> Any:
        return "t1c", self.told


@pytest.fixture
def manifest() -> dict[str, Any]:
    manifest = weights.read_manifest(weights.FOLDER)
    manifest["families"]["t1c"] |= {"size": {"image": SIZE, "series": SIZE}}
    for numbers in manifest["families"].values():
        fusion = {"slope": 1.0, "weight": 0.0, "offset": 0.0}
        numbers |= {"cut_off": 0.4, "fusion": {"image": fusion, "series": fusion}}
    return manifest


def volume(slices: int) -> Volume:
    voxels = np.repeat(phantoms.slice_picture()[0][None, ..., None], slices, axis=0)
    kind: Kind = "image" if slices == 1 else "series"
    return Volume(voxels, kind, tuple(f"{n}.png" for n in range(slices)), Spacing(5.0, 1.0, 1.0))


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_an_outline_is_the_mean_of_both_ways_round(manifest: dict[str, Any], slices: int) -> None:
    unet = LeftOnly()
    (found,) = Pipeline(Sure(), {"t1c": unet}, Open(), Settings.of(manifest), manifest)([volume(slices)])
    # Mirrored back, the second spot lies on the right: half of 0.9 each, above the cut-off of 0.4.
    assert sum(unet.seen) == 2 * slices
    assert len(found.lesions) == 2
    assert found.lesions[0].area_px == pytest.approx(found.lesions[1].area_px, rel=0.15)


class BySequence(Open):
    """A gate that lets all through as what their files say."""

    def family(self, features: np.ndarray, **told: Any) -> Any:
        return ("flair" if told["sequence"] == "FLAIR" else "t1c"), True


def test_each_family_is_outlined_by_its_own_network(manifest: dict[str, Any]) -> None:
    outlines_flair = LeftOnly()
    flair, t1c = replace(volume(3), sequence="FLAIR"), volume(1)
    unets: dict[Family, Network] = {"flair": outlines_flair, "t1c": Middle()}
    found = Pipeline(Sure(), unets, BySequence(), Settings.of(manifest), manifest)([flair, t1c, flair])
    assert [each.compartment for each in found] == [
        Compartment.FLAIR_ABNORMALITY, Compartment.CONTRAST_ENHANCING_TUMOUR, Compartment.FLAIR_ABNORMALITY,
    ]  # fmt: skip
    assert [len(each.lesions) for each in found] == [2, 1, 2]
    # Slices of both FLAIR series go through together: 2 x 3, each both ways round.
    assert outlines_flair.seen == [12]


def test_the_size_comes_with_an_interval_and_how_often_such_hold(manifest: dict[str, Any]) -> None:
    (found,) = Pipeline(Sure(), {"t1c": Middle()}, Open(), Settings.of(manifest), manifest)([volume(3)])
    assert found.outline_px_interval is not None
    low, high = found.outline_px_interval
    assert low < sum(each.area_px for each in found.slices) < high
    assert found.interval_level == 0.88
    assert found.lesions[0].area_px_interval == found.outline_px_interval
    assert found.tumour_volume_ml_interval is not None
    assert found.tumour_volume_ml_interval[0] < (found.tumour_volume_ml or 0) < found.tumour_volume_ml_interval[1]


def test_without_a_measured_interval_there_is_none(manifest: dict[str, Any]) -> None:
    del manifest["families"]["t1c"]["size"]
    (found,) = Pipeline(Sure(), {"t1c": Middle()}, Open(), Settings.of(manifest), manifest)([volume(3)])
    assert (found.outline_px_interval, found.interval_level) == (None, None)


@pytest.mark.parametrize("sure", [True, False])
def test_an_outline_says_whether_its_name_is_sure(manifest: dict[str, Any], sure: bool) -> None:
    (found,) = Pipeline(Sure(), {"t1c": LeftOnly()}, Open(sure=sure), Settings.of(manifest), manifest)([volume(1)])
    assert found.compartment_sure is sure
    assert to_json(found, input="a.png")["compartment_sure"] is sure
