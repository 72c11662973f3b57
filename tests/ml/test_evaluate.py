"""`python -m ml evaluate` on a tiny drawn set, and its figures on cases worked out by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml.__main__ import main
from ml.evaluation import metrics, run, shortcuts, subgroups
from ml.training import datasets
from tests.ml.conftest import write_lgg


class TestTheCommand:
    def test_it_writes_figures_with_intervals_beside_baselines(self, tmp_path: Path, lgg_folder: Path) -> None:
        out = tmp_path / "figures.json"
        report = tmp_path / "report"
        arguments = ["evaluate", "--data", str(lgg_folder), "--json", str(out), "--report", str(report), "--quiet"]
        assert main(arguments) == 0
        figures = json.loads(out.read_text())
        assert figures["cases"] == 2
        assert len(figures["outline"]["volume_dice_mean"]["interval_95"]) == 2
        assert figures["outline_baselines"]["neighbours_true_mask_dice"] > 0
        assert figures["slices"]["baselines"]["always_no_tumour_accuracy"] == pytest.approx(1 / 3, abs=1e-4)
        assert len(figures["model"]["files"]) >= 3
        assert set(figures["slices"]["baselines"]) >= {"ring_only_auc", "size_only_auc", "mean_only_auc"}
        assert figures["slices"]["curves"]["risk_coverage"][-1]["coverage"] == 1.0
        assert set(figures["subgroups"]) == {"site"}
        self.check_page(report)

    def check_page(self, report: Path) -> None:
        """One file that needs no other, says what it shows, and names every picture."""
        assert [path.name for path in report.iterdir()] == ["index.html"]
        page = (report / "index.html").read_text()
        assert "do not publish" in page
        assert "<caption>Outlines</caption>" in page
        assert 'lang="en"' in page
        assert "http" not in page.replace("http://www.w3.org", "")
        assert page.count("<img ") == page.count('alt="Slice of')
        assert page.count("<svg ") == page.count('role="img" aria-label="')

    def test_it_measures_the_other_layout(self, tmp_path: Path, brisc_folder: Path) -> None:
        out = tmp_path / "figures.json"
        assert main(["evaluate", "--data", str(brisc_folder), "--json", str(out), "--quiet"]) == 0
        assert set(json.loads(out.read_text())["outline"]["iou_by_plane"]) == {"ax", "co", "sa"}

    def test_slices_are_measured_as_pictures_that_came_alone(self, tmp_path: Path, lgg_folder: Path) -> None:
        together, alone = tmp_path / "together.json", tmp_path / "alone.json"
        arguments = ["evaluate", "--data", str(lgg_folder), "--quiet", "--json"]
        assert main([*arguments, str(together)]) == 0
        assert main([*arguments, str(alone), "--alone", "--flair-only"]) == 0
        series, pictures = json.loads(together.read_text()), json.loads(alone.read_text())
        assert pictures["cases"] == pictures["slices"]["slices"] == series["slices"]["slices"]
        assert pictures["groups"] == series["cases"], "intervals are over patients, not over slices"
        assert pictures["data"]["alone"]
        assert pictures["data"]["flair_only"]
        assert sum(pictures["scans"].values()) == 3 * sum(series["scans"].values()), (
            "each slice has a verdict of its own"
        )
        assert pictures["outline"]["mean_iou"]["value"] is not None

    def test_pictures_of_no_series_cannot_be_taken_one_by_one(
        self, tmp_path: Path, brisc_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "figures.json"
        assert main(["evaluate", "--data", str(brisc_folder), "--json", str(out), "--alone", "--quiet"]) == 2
        assert "kaggle_3m" in capsys.readouterr().err
        assert not out.exists()

    @pytest.mark.usefixtures("own_splits")
    def test_a_split_is_only_its_cases(self, tmp_path: Path, lgg_folder: Path) -> None:
        out = tmp_path / "figures.json"
        arguments = ["evaluate", "--data", str(lgg_folder), "--split", "validation", "--json", str(out), "--quiet"]
        assert main(arguments) == 0
        assert list(json.loads(out.read_text())["outline"]["by_case"]) == ["TCGA_XX_0001_20000101"]

    @pytest.mark.usefixtures("own_splits")
    def test_patients_whom_the_networks_learnt_from_are_counted_and_told(
        self, tmp_path: Path, lgg_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out, report = tmp_path / "figures.json", tmp_path / "report"
        assert (
            main(["evaluate", "--data", str(lgg_folder), "--json", str(out), "--report", str(report), "--quiet"]) == 0
        )
        assert json.loads(out.read_text())["data"]["trained_on"] == 1
        assert "learnt from 1 of these 2 cases" in capsys.readouterr().err
        assert "learnt from 1 of these 2 cases" in (report / "index.html").read_text()
        arguments = ["evaluate", "--data", str(lgg_folder), "--split", "validation", "--json", str(out), "--quiet"]
        assert main([*arguments, "--report", str(report)]) == 0
        assert json.loads(out.read_text())["data"]["trained_on"] == 0
        assert "learnt from" not in capsys.readouterr().err + (report / "index.html").read_text()

    def test_figures_are_printed_when_they_cannot_be_kept(
        self, tmp_path: Path, lgg_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The disk fills up while the scans are measured."""
        measure, out = run.measure, tmp_path / "out"

        def filling(*given: Any, **options: Any) -> list[run.Result]:
            out.rmdir()
            (tmp_path / "report").rmdir()
            (tmp_path / "report").write_text("in the way")
            return measure(*given, **options)

        monkeypatch.setattr(run, "measure", filling)
        arguments = ["evaluate", "--data", str(lgg_folder), "--json", str(out / "f.json"), "--quiet"]
        assert main([*arguments, "--report", str(tmp_path / "report")]) == 1
        said = capsys.readouterr()
        assert json.loads(said.out[said.out.index("\n{") :])["cases"] == 2
        assert "f.json could not be written" in said.err
        assert "report could not be written" in said.err


class TestFoldersThatStopAtOnce:
    """Exit 2 before any model is loaded, a sentence that names the file, and no figures."""

    def refused(self, tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
        arguments = ["evaluate", "--data", str(folder), "--json", str(tmp_path / "f.json"), "--quiet"]
        assert main([*arguments, "--models", str(tmp_path / "no-models")]) == 2
        assert not (tmp_path / "f.json").exists()
        return capsys.readouterr().err

    def test_a_missing_mask(self, tmp_path: Path, lgg_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        mask = next(lgg_folder.glob("*/*_mask.tif"))
        mask.unlink()
        assert mask.name in self.refused(tmp_path, lgg_folder, capsys)

    def test_a_mask_of_another_size(self, tmp_path: Path, lgg_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        mask = sorted(lgg_folder.glob("*/*_mask.tif"))[-1]
        Image.new("L", (64, 64)).save(mask)
        said = self.refused(tmp_path, lgg_folder, capsys)
        assert mask.name in said
        assert "same rows and columns" in said

    def test_an_unreadable_picture(
        self, tmp_path: Path, brisc_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        picture = sorted((brisc_folder / "images").iterdir())[-1]
        picture.write_bytes(picture.read_bytes()[:200])
        said = self.refused(tmp_path, brisc_folder, capsys)
        assert picture.name in said
        assert "replace or remove" in said

    def test_one_picture_in_two_patients(
        self, tmp_path: Path, lgg_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first, second = (lgg_folder / f"TCGA_XX_000{n}_20000101" / f"TCGA_XX_000{n}_20000101_2.tif" for n in (0, 1))
        shutil.copy(first, second)
        said = self.refused(tmp_path, lgg_folder, capsys)
        assert second.name in said
        assert "remove one" in said

    @pytest.mark.usefixtures("own_splits")
    def test_a_patient_whom_no_split_knows(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = write_lgg(tmp_path / "more", patients=3)
        out = str(tmp_path / "f.json")
        assert main(["evaluate", "--data", str(folder), "--split", "validation", "--json", out, "--quiet"]) == 2
        assert "TCGA_XX_0002_20000101 is in no split" in capsys.readouterr().err

    @pytest.mark.parametrize("option", ["--json", "--report"])
    def test_nowhere_to_write(
        self, tmp_path: Path, lgg_folder: Path, option: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        where = {"--json": str(tmp_path / "f.json"), "--report": str(tmp_path / "report")} | {option: "/proc/1/nowhere"}
        options = [word for pair in where.items() for word in pair]
        models = ["--models", str(tmp_path / "no-models")]
        assert main(["evaluate", "--data", str(lgg_folder), *options, *models, "--quiet"]) == 2
        assert "Nothing can be written to /proc/1" in capsys.readouterr().err


class TestTheTableOfPatients:
    def test_groups_are_codes_as_published_and_unknown_is_left_out(self, tmp_path: Path) -> None:
        header = "Patient,histological_type,neoplasm_histologic_grade,gender,age_at_initial_pathologic"
        (tmp_path / "data.csv").write_text(f"{header}\nTCGA_CS_0001,1,2,1,67\nTCGA_HT_0002,,1,,\n")
        names = ["TCGA_CS_0001_20000101", "TCGA_HT_0002_19990101", "other"]
        assert subgroups.by_case(tmp_path, names) == {
            names[0]: {"site": "CS", "sex": "code 1", "grade": "code 2", "histology": "code 1", "age": "60 and over"},
            names[1]: {"site": "HT", "grade": "code 1"},
            names[2]: {},
        }

    def test_without_a_table_only_the_site_is_known(self, tmp_path: Path) -> None:
        assert subgroups.by_case(tmp_path, ["TCGA_CS_0001_20000101"]) == {"TCGA_CS_0001_20000101": {"site": "CS"}}


class TestTheShortcuts:
    def test_a_frame_that_tells_the_answer_is_found_out(self) -> None:
        random = np.random.default_rng(1)
        voxels = random.integers(0, 200, (60, 64, 64, 1)).astype(np.uint8)
        truth = np.arange(60) % 2 == 0
        voxels[truth, :4] = 255
        assert (shortcuts.auc(shortcuts.properties(voxels)["ring_only"], truth, np.arange(60)) or 0) > 0.95

    def test_what_bends_is_found_by_what_learnt_from_others(self) -> None:
        random = np.random.default_rng(2)
        given = random.random((400, 1))
        truth = (given[:, 0] > 0.3) & (given[:, 0] < 0.6)
        learnt = given[:200], truth[:200]
        assert (shortcuts.auc(given[200:], truth[200:], np.arange(200), learnt) or 0) > 0.95
        assert (shortcuts.auc(given[200:], truth[200:], np.arange(200)) or 0) < 0.8

    def test_it_learns_from_all_slices_of_the_other_cases(self, lgg_folder: Path) -> None:
        given, truth = shortcuts.learnt_from(datasets.find(lgg_folder))["ring_only"]
        assert (given.shape, truth.tolist()) == ((6, 7), [False, True, True] * 2)

    def test_without_both_answers_there_is_no_figure(self) -> None:
        assert shortcuts.auc(np.zeros((8, 2)), np.ones(8, bool), np.arange(8)) is None


class TestTheFigures:
    SQUARE = np.zeros((20, 20), bool)
    SQUARE[5:10, 5:10] = True
    MOVED = np.roll(SQUARE, 2, axis=1)

    def test_dice_and_iou_of_a_moved_square(self) -> None:
        assert metrics.dice(self.SQUARE, self.MOVED) == pytest.approx(0.6)
        assert metrics.iou(self.SQUARE, self.MOVED) == pytest.approx(15 / 35)

    def test_an_interval_of_all_yes_is_as_wide_as_they_are_few(self) -> None:
        assert metrics.exact_interval([True] * 10) == [0.6915, 1.0]
        assert metrics.exact_interval([]) is None

    def test_empty_masks_are_defined(self) -> None:
        nothing = np.zeros_like(self.SQUARE)
        assert metrics.dice(nothing, nothing) == metrics.iou(nothing, nothing) == 1.0
        assert metrics.dice(nothing, self.SQUARE) == metrics.iou(self.SQUARE, nothing) == 0.0
        assert metrics.hd95(nothing, self.SQUARE) is None

    def test_distance_of_a_moved_square(self) -> None:
        assert metrics.hd95(self.SQUARE, self.SQUARE) == 0.0
        assert metrics.hd95(self.SQUARE, self.MOVED) == pytest.approx(2.0)

    def test_surfaces_within_two_pixels_agree(self) -> None:
        nothing = np.zeros_like(self.SQUARE)
        assert metrics.nsd(self.SQUARE, self.MOVED) == 1.0
        assert (metrics.nsd(self.SQUARE, np.roll(self.SQUARE, 9, axis=1)) or 0.0) < 0.2
        assert metrics.nsd(nothing, nothing) is None
        assert metrics.nsd(nothing, self.SQUARE) == 0.0

    def test_answering_only_the_surest_is_less_often_wrong(self) -> None:
        probability, truth = np.array([0.99, 0.01, 0.9, 0.55]), np.array([True, False, True, False])
        points = metrics.risk_coverage(probability, truth, steps=4)
        assert [point["error"] for point in points] == [0.0, 0.0, 0.0, 0.25]
        assert points[-1]["confidence"] == 0.55

    def test_lesions_found_missed_and_invented(self) -> None:
        truth, found = np.zeros((3, 20, 20), bool), np.zeros((3, 20, 20), bool)
        truth[1, 2:4, 2:4] = truth[1, 10:12, 10:12] = True
        found[1, 3:5, 3:5] = found[0, 16:18, 2:4] = True
        assert metrics.lesions(found, truth) == (2, 1, 1)

    def test_auc_counts_pairs_in_order(self) -> None:
        truth = np.array([False, False, True, True])
        assert metrics.auc(np.array([0.1, 0.6, 0.4, 0.9]), truth) == pytest.approx(0.75)
        assert metrics.auc(np.array([0.1, 0.2]), np.array([True, True])) is None

    def test_calibration_error_of_a_boaster(self) -> None:
        assert metrics.ece(np.full(10, 0.9), np.array([True] * 5 + [False] * 5)) == pytest.approx(0.4)

    def test_an_interval_holds_the_mean_and_needs_two_patients(self) -> None:
        values = [0.7, 0.8, 0.9, 0.6, 0.95]
        low, high = metrics.interval(values, lambda drawn: float(np.mean(drawn))) or (1.0, 0.0)
        assert low < np.mean(values) < high
        assert metrics.interval([0.5], lambda drawn: float(np.mean(drawn))) is None
