"""`python -m ml evaluate` on a tiny drawn set, and its figures on cases worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.__main__ import main
from ml.evaluation import metrics


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
        assert "<table>" in (report / "index.html").read_text()

    def test_it_measures_the_other_layout(self, tmp_path: Path, brisc_folder: Path) -> None:
        out = tmp_path / "figures.json"
        assert main(["evaluate", "--data", str(brisc_folder), "--json", str(out), "--quiet"]) == 0
        assert set(json.loads(out.read_text())["outline"]["iou_by_plane"]) == {"ax", "co", "sa"}

    @pytest.mark.usefixtures("own_splits")
    def test_a_split_is_only_its_cases(self, tmp_path: Path, lgg_folder: Path) -> None:
        out = tmp_path / "figures.json"
        arguments = ["evaluate", "--data", str(lgg_folder), "--split", "validation", "--json", str(out), "--quiet"]
        assert main(arguments) == 0
        assert list(json.loads(out.read_text())["outline"]["by_case"]) == ["TCGA_XX_0001_20000101"]

    def test_a_missing_mask_stops_it(
        self, tmp_path: Path, lgg_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mask = next(lgg_folder.glob("*/*_mask.tif"))
        mask.unlink()
        assert main(["evaluate", "--data", str(lgg_folder), "--json", str(tmp_path / "f.json"), "--quiet"]) == 2
        assert mask.name in capsys.readouterr().err
        assert not (tmp_path / "f.json").exists()


class TestTheFigures:
    SQUARE = np.zeros((20, 20), bool)
    SQUARE[5:10, 5:10] = True
    MOVED = np.roll(SQUARE, 2, axis=1)

    def test_dice_and_iou_of_a_moved_square(self) -> None:
        assert metrics.dice(self.SQUARE, self.MOVED) == pytest.approx(0.6)
        assert metrics.iou(self.SQUARE, self.MOVED) == pytest.approx(15 / 35)

    def test_empty_masks_are_defined(self) -> None:
        nothing = np.zeros_like(self.SQUARE)
        assert metrics.dice(nothing, nothing) == metrics.iou(nothing, nothing) == 1.0
        assert metrics.dice(nothing, self.SQUARE) == metrics.iou(self.SQUARE, nothing) == 0.0
        assert metrics.hd95(nothing, self.SQUARE) is None

    def test_distance_of_a_moved_square(self) -> None:
        assert metrics.hd95(self.SQUARE, self.SQUARE) == 0.0
        assert metrics.hd95(self.SQUARE, self.MOVED) == pytest.approx(2.0)

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
