"""LGG volumes cut sagittally and coronally: same head, same lesion, seen from another side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.__main__ import main
from ml.commands import evaluate
from ml.evaluation.metrics import dice
from ml.training import cache, datasets, planes
from ml.training.datasets import Case, DataFault
from ml.training.planes import Plane

SLICES, SIDE, ROWS = 20, 96, 64


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """A ball of tissue with a bright lesion, high in the head, in front and on the left of the picture; cut as real ones are."""
    monkeypatch.setattr(planes, "CUTS", 24)
    up, down, right = np.mgrid[:SLICES, :SIDE, :SIDE].astype(float)
    down, right = down - SIDE / 2, right - SIDE / 2
    up = (up - SLICES / 2) * (ROWS / SLICES)
    inside = up**2 + down**2 + right**2 < 30**2
    lesion = (up - 14) ** 2 + (down + 12) ** 2 + (right + 10) ** 2 < 9**2
    pixels = np.where(lesion, 220, np.where(inside, 90, 0)).astype(np.uint8)
    return np.repeat(pixels[..., None], 3, 3), lesion


@pytest.mark.parametrize("plane", planes.PLANES)
def test_a_cut_shows_the_lesion_where_it_is_and_outlines_it(head: tuple[np.ndarray, np.ndarray], plane: Plane) -> None:
    pixels, outlines = planes.cut(*head, plane, ROWS)
    assert pixels.dtype == np.uint8
    assert pixels.shape[1:] == (ROWS, SIDE, 3)
    assert outlines.shape == pixels.shape[:3]
    assert dice(outlines, pixels[..., 1] > 160) > 0.9
    number, row, column = (float(place.mean()) for place in np.nonzero(outlines))
    assert row < ROWS / 2, "the top of the head is in the first rows"
    assert column < SIDE / 2, "what lies in front, or on the left of the picture, comes first"
    assert number < len(pixels) / 2, "cuts go on as columns and rows do"


def test_what_lies_between_two_slices_is_no_staircase(head: tuple[np.ndarray, np.ndarray]) -> None:
    _, outlines = planes.cut(*head, "sagittal", ROWS)
    largest = outlines[outlines.sum((1, 2)).argmax()]
    widths = largest.sum(1)[largest.any(1)].astype(int)
    assert np.abs(np.diff(widths[2:-2])).max() <= 2, "a slice is three rows high and differs by more from the next"


def test_a_lesion_of_one_slice_stays_as_high_as_one_slice(head: tuple[np.ndarray, np.ndarray]) -> None:
    voxels, lesion = head
    alone = np.zeros_like(lesion)
    alone[12] = lesion[12]
    _, outlines = planes.cut(voxels, alone, "coronal", ROWS)
    heights = outlines.sum(1).max()
    assert 1 <= heights <= 2 * ROWS / SLICES


def test_cuts_lie_in_the_head_whatever_surrounds_it(head: tuple[np.ndarray, np.ndarray]) -> None:
    voxels, outlines = head
    noisy = np.maximum(voxels, np.random.default_rng(1).integers(0, 20, voxels.shape, np.uint8))
    noisy[:, 5, 5] = 255
    pixels, _ = planes.cut(noisy, outlines, "sagittal", ROWS)
    assert (pixels[..., 1] > 60).any((1, 2)).all()


def test_a_blank_volume_has_blank_cuts() -> None:
    pixels, outlines = planes.cut(np.zeros((4, 32, 32, 3), np.uint8), np.zeros((4, 32, 32), bool), "coronal", 20)
    assert not pixels.any()
    assert not outlines.any()


def test_only_series_are_cut_and_none_twice(lgg_folder: Path, brisc_folder: Path) -> None:
    cases = [*datasets.find(lgg_folder), *datasets.find(brisc_folder)]
    cut = planes.recut(cases)
    assert [case.name for case in cut] == [
        f"TCGA_XX_000{number}_20000101 {plane}" for number in range(2) for plane in ("sagittal", "coronal")
    ]
    assert [case.plane for case in cut] == ["sa", "co"] * 2
    assert planes.recut(cut) == []
    assert [case.name for case in planes.recut(cases[:1], ["coronal"])] == ["TCGA_XX_0000_20000101 coronal"]


def test_prepared_cuts_are_kept_as_slices_are(lgg_folder: Path, tmp_path: Path) -> None:
    cases = datasets.find(lgg_folder)
    both = cache.open_or_make([*cases, *planes.recut(cases)], tmp_path / "cache", quiet=True)
    numbers = np.bincount(both.case)
    assert numbers[:2].tolist() == [3, 3]
    assert (numbers[2:] == len(both.cases[2].sources)).all()
    assert both.tumour[both.case >= 2].any()
    again = planes.recut(cases)[0].read()
    np.testing.assert_array_equal(again[0], planes.recut(cases)[0].read()[0])


def test_a_patient_with_a_bad_mask_is_refused_in_every_plane(lgg_folder: Path) -> None:
    next(lgg_folder.glob("*0000*/*_2_mask.tif")).write_bytes(b"no picture")
    case: Case = planes.recut(datasets.find(lgg_folder))[0]
    with pytest.raises(DataFault, match=r"_2_mask\.tif"):
        case.read()


class TestTheCommand:
    def test_series_are_measured_in_another_plane(self, tmp_path: Path, lgg_folder: Path) -> None:
        out = tmp_path / "figures.json"
        arguments = ["evaluate", "--data", str(lgg_folder), "--json", str(out), "--quiet", "--plane", "sagittal"]
        assert main(arguments) == 0
        figures = json.loads(out.read_text())
        assert figures["data"]["plane"] == "sagittal"
        assert figures["cases"] == 2
        assert next(iter(figures["outline"]["by_case"])).endswith(" sagittal")

    @pytest.mark.parametrize("other", ["--alone", "--robustness"])
    def test_it_goes_with_whole_series_only(
        self, tmp_path: Path, lgg_folder: Path, capsys: pytest.CaptureFixture[str], other: str
    ) -> None:
        arguments = ["evaluate", "--data", str(lgg_folder), "--json", str(tmp_path / "f.json"), "--plane", "coronal"]
        assert main([*arguments, other]) == 2
        assert "--plane" in capsys.readouterr().err
        assert not (tmp_path / "f.json").exists()

    def test_the_planes_offered_are_those_that_exist(self) -> None:
        import argparse

        parser = argparse.ArgumentParser()
        evaluate.add_arguments(parser)
        offered = next(action.choices for action in parser._actions if action.dest == "plane")
        assert tuple(offered or ()) == planes.PLANES
