"""Training on a tiny drawn set: a few steps, a kill, a resume; and folders that must not be trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml import weights
from ml.__main__ import main
from ml.gate import Family
from ml.training import datasets, release, splits

FEW = ["--stages", "128:5:4", "--steps", "2", "--quiet"]


def train(network: str, folders: list[Path], out: Path, *more: str) -> int:
    return main(["train", network, "--data", *map(str, folders), "--out", str(out), *FEW, *more])


@pytest.mark.usefixtures("own_splits")
class TestTraining:
    @pytest.mark.parametrize("network", ["classifier", "segmenter"])
    def test_a_run_leaves_a_checkpoint_and_resumes_where_it_stopped(
        self, network: str, tmp_path: Path, lgg_folder: Path, brisc_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "run"
        assert train(network, [lgg_folder, brisc_folder], out) == 0
        figures = json.loads(capsys.readouterr().out)
        assert all(0 <= value <= 1 for value in figures.values())
        assert figures
        with np.load(out / "checkpoint.npz") as kept:
            assert json.loads(str(kept["state"]))["step"] == 2
            before = kept["model0"]
        assert train(network, [lgg_folder, brisc_folder], out, "--resume", "--steps", "3") == 0
        with np.load(out / "checkpoint.npz") as kept:
            assert json.loads(str(kept["state"]))["step"] == 3
            assert not np.array_equal(kept["model0"], before)

    def test_the_unet_may_see_the_slices_beside(self, tmp_path: Path, lgg_folder: Path) -> None:
        assert train("segmenter", [lgg_folder], tmp_path / "run", "--neighbours") == 0
        with np.load(tmp_path / "run" / "checkpoint.npz") as kept:
            assert kept["average0"].shape[:3] == (3, 3, 5)

    def test_a_run_may_begin_with_what_another_one_learnt(self, tmp_path: Path, lgg_folder: Path) -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        assert train("segmenter", [lgg_folder], first) == 0
        assert train("segmenter", [lgg_folder], second, "--start", str(first), "--rate", "1e-9", "--steps", "1") == 0
        with np.load(first / "checkpoint.npz") as before, np.load(second / "checkpoint.npz") as after:
            np.testing.assert_allclose(after["average0"], before["average0"], atol=1e-5)
            assert json.loads(str(after["state"]))["step"] == 1

    def test_another_seed_draws_otherwise(self, tmp_path: Path, lgg_folder: Path) -> None:
        for number in ("4", "5"):
            assert (
                train("segmenter", [lgg_folder], tmp_path / number, "--start", str(weights.FOLDER), "--seed", number)
                == 0
            )
            assert json.loads((tmp_path / number / "plan.json").read_text())["seed"] == int(number)
        with np.load(tmp_path / "4" / "checkpoint.npz") as one, np.load(tmp_path / "5" / "checkpoint.npz") as other:
            assert not np.array_equal(one["model0"], other["model0"])

    def test_a_seed_is_a_whole_number(self, tmp_path: Path, lgg_folder: Path) -> None:
        with pytest.raises(SystemExit) as end:
            train("segmenter", [lgg_folder], tmp_path / "run", "--seed", "-1")
        assert end.value.code == 2

    @pytest.mark.parametrize(("data", "family"), [("lgg_folder", "flair"), ("brisc_folder", "t1c")])
    @pytest.mark.parametrize("neighbours", [False, True])
    def test_a_run_may_go_on_from_a_release(
        self, tmp_path: Path, request: pytest.FixtureRequest, data: str, family: Family, neighbours: bool
    ) -> None:
        still = ["--start", str(weights.FOLDER), "--rate", "1e-12", "--steps", "1", *["--neighbours"][:neighbours]]
        assert train("segmenter", [request.getfixturevalue(data)], tmp_path / "run", *still) == 0
        file = f"unet_{family}.npz"
        release.store_outline([tmp_path / "run"], family, tmp_path / file)
        with np.load(weights.FOLDER / file) as before, np.load(tmp_path / file) as after:
            for name in before:
                if "moving" not in name:
                    np.testing.assert_allclose(after[name], before[name], atol=1e-3, rtol=1e-2)

    def test_a_classifier_may_go_on_from_a_release(self, tmp_path: Path, lgg_folder: Path) -> None:
        still = ["--start", str(weights.FOLDER), "--rate", "1e-12", "--steps", "1"]
        assert train("classifier", [lgg_folder], tmp_path / "run", *still) == 0
        release.store_classifier([tmp_path / "run"], tmp_path / "classifier.npz")
        with np.load(weights.FOLDER / "classifier.npz") as before, np.load(tmp_path / "classifier.npz") as after:
            np.testing.assert_allclose(after["conv1/kernel"], before["conv1/kernel"], atol=1e-3, rtol=1e-2)

    def test_of_several_classifiers_the_mean_is_released(self, tmp_path: Path, lgg_folder: Path) -> None:
        assert train("classifier", [lgg_folder], tmp_path / "run", "--steps", "1") == 0
        target = tmp_path / "classifier.npz"
        release.store_classifier([tmp_path / "run"], target)
        target.rename(tmp_path / "one.npz")
        release.store_classifier([tmp_path / "run", weights.FOLDER], target)
        with (
            np.load(tmp_path / "one.npz") as one,
            np.load(weights.FOLDER / "classifier.npz") as other,
            np.load(target) as both,
        ):
            assert set(both) == set(other), "the place of the tumour is only for training"
            mean = (one["dense/kernel"].astype(np.float32) + other["dense/kernel"]) / 2
            np.testing.assert_allclose(both["dense/kernel"], mean, atol=1e-3, rtol=1e-2)

    def test_a_run_of_another_network_is_no_start(
        self, tmp_path: Path, lgg_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first = tmp_path / "first"
        assert train("segmenter", [lgg_folder], first) == 0
        assert train("segmenter", [lgg_folder], tmp_path / "second", "--start", str(first), "--neighbours") == 2
        assert "another network" in capsys.readouterr().err

    @pytest.mark.parametrize("option", [["--neighbours"], ["--outline", "flair"]])
    def test_only_the_unet_sees_slices_beside_and_outlines(
        self, option: list[str], tmp_path: Path, lgg_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert train("classifier", [lgg_folder], tmp_path / "run", *option) == 2
        assert "segmenter" in capsys.readouterr().err
        assert not (tmp_path / "run").exists()

    def test_of_both_sets_one_outline_may_be_learnt(
        self, tmp_path: Path, lgg_folder: Path, brisc_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert train("segmenter", [lgg_folder, brisc_folder], tmp_path / "run", "--outline", "t1c", "--steps", "1") == 0
        assert list(json.loads(capsys.readouterr().out)) == ["brisc_iou"]


class TestFoldersThatStopAtOnce:
    """Exit 2, and a sentence that names the file and the mend."""

    def refused(self, capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path) -> str:
        assert train("segmenter", [folder], tmp_path / "out") == 2
        return capsys.readouterr().err

    @pytest.mark.usefixtures("own_splits")
    def test_a_missing_mask(self, lgg_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        mask = next(lgg_folder.glob("*/*_mask.tif"))
        mask.unlink()
        said = self.refused(capsys, lgg_folder, tmp_path)
        assert mask.name in said
        assert "missing" in said

    @pytest.mark.usefixtures("own_splits")
    def test_a_missing_mask_of_a_picture_whose_name_says_tumour(
        self, brisc_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mask = next((brisc_folder / "masks").iterdir())
        mask.unlink()
        assert mask.name in self.refused(capsys, brisc_folder, tmp_path)

    @pytest.mark.usefixtures("own_splits")
    def test_a_mask_of_another_size(self, lgg_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        mask = next(lgg_folder.glob("TCGA_XX_0000*/*_mask.tif"))
        Image.new("L", (64, 64)).save(mask)
        assert mask.name in self.refused(capsys, lgg_folder, tmp_path)

    @pytest.mark.usefixtures("own_splits")
    def test_an_unreadable_picture(self, lgg_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        picture = next(path for path in lgg_folder.glob("TCGA_XX_0000*/*.tif") if "mask" not in path.name)
        picture.write_bytes(b"not a picture")
        assert picture.name in self.refused(capsys, lgg_folder, tmp_path)

    @pytest.mark.usefixtures("own_splits")
    def test_one_picture_in_two_patients(
        self, lgg_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first = lgg_folder / "TCGA_XX_0000_20000101" / "TCGA_XX_0000_20000101_2.tif"
        second = lgg_folder / "TCGA_XX_0001_20000101" / "TCGA_XX_0001_20000101_2.tif"
        shutil.copy(first, second)
        said = self.refused(capsys, lgg_folder, tmp_path)
        assert second.name in said
        assert "same picture" in said

    def test_a_patient_in_two_splits(
        self, own_splits: Path, lgg_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        name = "TCGA_XX_0000_20000101"
        (own_splits / "lgg.json").write_text(json.dumps({"parts": {"train": [name], "validation": [name], "test": []}}))
        assert name in self.refused(capsys, lgg_folder, tmp_path)

    def test_no_folder(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "no such folder" in self.refused(capsys, tmp_path / "nowhere", tmp_path)


class TestTheCommittedSplits:
    @pytest.mark.parametrize("family", ["lgg", "brisc"])
    def test_nobody_is_in_two_parts(self, family: str) -> None:
        parts = splits.load(family)
        names = [name for part in parts.values() for name in part]
        assert len(names) == len(set(names))
        assert all(parts[part] for part in splits.PARTS)

    def test_copies_and_neighbours_of_a_picture_share_its_group(self, brisc_folder: Path) -> None:
        picture = np.asarray(Image.open(brisc_folder / "images" / "brisc2025_train_00001_gl_ax_t1.png"))
        copy = brisc_folder / "images" / "brisc2025_train_00009_gl_ax_t1.png"
        Image.fromarray(np.roll(picture, 1, axis=0)).save(copy)
        shutil.copy(brisc_folder / "masks" / "brisc2025_train_00001_gl_ax_t1.png", brisc_folder / "masks" / copy.name)
        cases = datasets.find(brisc_folder)
        groups = dict(zip([case.name for case in cases], splits.group_brisc(cases), strict=True))
        assert groups["brisc2025_train_00001_gl_ax_t1"] == groups["brisc2025_train_00009_gl_ax_t1"]
        assert groups["brisc2025_train_00001_gl_ax_t1"] != groups["brisc2025_train_00003_gl_ax_t1"]
