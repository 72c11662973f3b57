"""`python -m ml crossvalidate` on a tiny drawn set: everyone is measured once, by a network that never saw them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.__main__ import main
from ml.training import cache, crossvalidation, datasets, planes, recipe, segmenter, splits
from ml.training.plan import PLANS, Stage

FEW = ["--shared", "32:5:2", "--stages", "32:5:2", "--steps", "1", "--quiet"]
ONE, TWO = "TCGA_XX_0000_20000101", "TCGA_XX_0001_20000101"


@pytest.fixture
def folds(own_splits: Path) -> Path:
    """Two folds of one patient each, in the place of the committed ones."""
    file = own_splits / "lgg_folds.json"
    file.write_text(json.dumps({"folds": {"1": [ONE], "2": [TWO]}}))
    return file


def crossvalidate(tmp_path: Path, *more: str) -> int:
    data = ["--data", str(tmp_path / "kaggle_3m"), str(tmp_path / "brisc")]
    return main(["crossvalidate", *data, "--out", str(tmp_path / "cv"), *FEW, *more])


@pytest.mark.usefixtures("folds", "brisc_folder")
class TestARun:
    def test_it_measures_every_patient_once_and_takes_up_what_is_missing(self, tmp_path: Path) -> None:
        assert crossvalidate(tmp_path, "--fold", "2") == 0
        figures = json.loads((tmp_path / "cv" / "figures.json").read_text())
        assert figures["folds"] == {"2": [TWO]}
        assert figures["folds_missing"] == ["1"]
        finished = (tmp_path / "cv" / "2" / "outlines.npz").stat().st_mtime_ns
        with np.load(tmp_path / "cv" / "shared" / "checkpoint.npz") as kept:
            shared = kept["model0"]

        assert crossvalidate(tmp_path, "--resume") == 0
        figures = json.loads((tmp_path / "cv" / "figures.json").read_text())
        assert figures["patients"] == 2
        assert set(figures["outline"]["plain"]["by_case"]) == {ONE, TWO}
        assert set(figures["outline"]) == {"plain", "mirror", "grey"}
        assert len(figures["outline"]["plain"]["volume_dice_mean"]["interval_95"]) == 2
        assert figures["by_site"]["XX"]["patients"] == 2
        assert figures["outline_baselines"]["neighbours_true_mask_dice"] > 0
        assert "32 pixels" in figures["schedule"]
        assert (tmp_path / "cv" / "2" / "outlines.npz").stat().st_mtime_ns == finished
        with np.load(tmp_path / "cv" / "shared" / "checkpoint.npz") as kept:
            assert np.array_equal(kept["model0"], shared)
        with np.load(tmp_path / "cv" / "1" / "outlines.npz") as outlines:
            assert outlines[f"plain/{ONE}"].shape == (3, 128, 128)

    def test_folds_of_two_schedules_are_not_mixed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        out = tmp_path / "cv"
        (out / "1").mkdir(parents=True)
        plan = replace(PLANS["segmenter"], stages=(Stage(32, 8, 2),), steps=1)
        (out / "1" / "plan.json").write_text(json.dumps(asdict(plan)))
        assert crossvalidate(tmp_path, "--resume") == 2
        said = capsys.readouterr().err
        assert "1/plan.json" in said
        assert "8 minutes at 32 pixels" in said
        assert not (out / "figures.json").exists()
        assert not (out / "shared").exists()

    @pytest.mark.parametrize("kept", ["shared", "1"])
    def test_a_fold_does_not_get_another_shared_run_unasked(
        self, tmp_path: Path, kept: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "cv" / kept).mkdir(parents=True)
        (tmp_path / "cv" / kept / "checkpoint.npz").write_bytes(b"of another day")
        assert crossvalidate(tmp_path, "--fold", "2") == 2
        assert "--resume" in capsys.readouterr().err
        assert (tmp_path / "cv" / kept / "checkpoint.npz").read_bytes() == b"of another day"


class TestSites:
    def test_a_site_can_be_a_fold(self) -> None:
        names = ("TCGA_DU_0001_20000101", "TCGA_CS_0002_20000101", "TCGA_DU_0003_20000101")
        cases = [datasets.Case("lgg", name, (), ()) for name in names]
        assert splits.folds(cases, "site") == {"CS": [names[1]], "DU": [names[0], names[2]]}

    def test_a_name_without_a_site_is_refused(self) -> None:
        with pytest.raises(datasets.DataFault, match="no site"):
            splits.folds([datasets.Case("lgg", "patient7", (), ())], "site")


class TestWhoLearns:
    def test_only_the_slices_that_may_be_drawn_are_drawn(self, tmp_path: Path, lgg_folder: Path) -> None:
        slices = cache.open_or_make(datasets.find(lgg_folder), tmp_path / "cache", quiet=True)
        batches = recipe.draw(slices, segmenter.MIX, 8, np.random.default_rng(1), slices.case != 0)
        drawn = np.concatenate([next(batches) for _ in range(20)])
        assert set(slices.case[drawn]) == {1}

    def test_a_fold_learns_from_no_cut_of_its_own_patients(self, tmp_path: Path, lgg_folder: Path) -> None:
        cases = datasets.find(lgg_folder)
        slices = cache.open_or_make([*cases, *planes.recut(cases)], tmp_path / "cache", quiet=True)
        taught = crossvalidation.taught(slices, [ONE])
        names = {slices.cases[number].name for number in slices.case[taught]}
        assert names == {TWO, f"{TWO} sagittal", f"{TWO} coronal"}


class TestWhatStopsAtOnce:
    @pytest.mark.usefixtures("brisc_folder")
    def test_a_patient_without_a_fold(self, folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folds.write_text(json.dumps({"folds": {"1": [ONE]}}))
        assert crossvalidate(tmp_path) == 2
        said = capsys.readouterr().err
        assert TWO in said
        assert "no fold" in said

    @pytest.mark.usefixtures("folds")
    def test_a_picture_that_no_split_knows(
        self, brisc_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        name = "brisc2025_train_00099_no_ax_t1"
        Image.effect_noise((128, 128), 60).save(brisc_folder / "images" / f"{name}.png")
        assert crossvalidate(tmp_path) == 2
        said = capsys.readouterr().err
        assert name in said
        assert "brisc.json" in said

    @pytest.mark.usefixtures("folds", "brisc_folder")
    def test_a_fold_that_is_not_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert crossvalidate(tmp_path, "--fold", "9") == 2
        assert "1, 2" in capsys.readouterr().err

    @pytest.mark.usefixtures("folds", "lgg_folder")
    def test_stages_that_cannot_be_meant(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as stopped:
            crossvalidate(tmp_path, "--stages", "100:5:2")
        assert stopped.value.code == 2
        assert "multiple of 16" in capsys.readouterr().err


class TestTheCommittedFolds:
    def test_a_hundred_patients_are_in_one_fold_each_and_sites_are_spread(self) -> None:
        kept = json.loads((splits.FOLDER / "lgg_folds.json").read_text())["folds"]
        names = [name for members in kept.values() for name in members]
        assert len(names) == len(set(names)) == 100
        assert set(names) == {name for part in splits.load("lgg").values() for name in part}
        for site in ("CS", "DU", "FG", "HT"):
            shares = [sum(f"_{site}_" in name for name in members) for members in kept.values()]
            assert max(shares) - min(shares) <= 1
