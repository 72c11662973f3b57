"""`python -m ml predict` keeps its contract. The networks are stood in for: theirs are other tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml import __main__ as command
from ml.commands import predict
from ml.findings import Compartment, Findings, Mask, SliceFinding, Verdict
from ml.imaging.volume import Volume
from ml.measure import lesions
from tests import phantoms


class BrightIsTumour:
    """A test's pipeline: outlines what is bright, and fails on a volume of 77 rows."""

    version, files = "stand-in", {"unet_flair.npz": "0" * 64}

    def __call__(
        self, volumes: Sequence[Volume], *, batch: int = 16, progress: Callable[[int, float], None] | None = None
    ) -> list[Findings]:
        return [self.find(volume) for volume in volumes]

    def find(self, volume: Volume) -> Findings:
        if volume.rows == 77:
            raise RuntimeError("broken")
        masks = volume.voxels.max(axis=3) > 200
        sizes = lesions(masks, volume.spacing)
        kind = Compartment.FLAIR_ABNORMALITY if masks.any() else None
        slices = tuple(
            SliceFinding(index, source, 0.9, Verdict.TUMOUR, Mask(masks[index]))
            for index, source in enumerate(volume.sources)
        )
        return Findings(volume.kind, Verdict.TUMOUR, None, 0.9, kind, sizes.volume_ml, sizes.lesions, slices)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "_load", lambda folder: BrightIsTumour())


def run(tmp_path: Path, *inputs: Path) -> tuple[int, dict[str, Any]]:
    status = command.main(
        ["predict", *map(str, inputs), "--json", str(tmp_path / "o.json"), "--masks", str(tmp_path / "m"), "--quiet"]
    )
    return status, json.loads((tmp_path / "o.json").read_text())


def test_scans_are_answered_in_order_with_a_mask_for_every_slice(tmp_path: Path) -> None:
    voxels, _ = phantoms.volume()
    phantoms.write_pictures(tmp_path / "series", voxels)
    picture = phantoms.write_picture(tmp_path / "one.png", phantoms.slice_picture(size=128)[0])
    status, answer = run(tmp_path, picture, tmp_path / "series", picture)
    assert status == 0
    assert answer["model"] == {"version": "stand-in", "files": BrightIsTumour.files}
    assert [scan["kind"] for scan in answer["scans"]] == ["image", "series", "image"]
    assert [scan["input"] for scan in answer["scans"]] == [str(picture), str(tmp_path / "series"), str(picture)]
    assert [each["mask"] for each in answer["scans"][1]["slices"]] == [f"series/{index}.png" for index in range(12)]
    assert answer["scans"][0]["slices"][0]["mask"] != answer["scans"][2]["slices"][0]["mask"]
    for scan in answer["scans"]:
        for each in scan["slices"]:
            mask = np.asarray(Image.open(tmp_path / "m" / each["mask"]))
            assert mask.shape == (128, 128)
            assert set(np.unique(mask)) <= {0, 255}
            assert np.count_nonzero(mask) == each["area_px"]
        areas = [lesion["area_px"] for lesion in scan["lesions"]]
        assert areas == sorted(areas, reverse=True)
        assert sum(areas) == sum(each["area_px"] for each in scan["slices"])
        assert scan["tumour_volume_ml"] is None


def test_a_mask_lies_in_the_rows_and_columns_of_the_file(tmp_path: Path) -> None:
    head = phantoms.slice_picture(size=128)[0][:, :96]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(head).save(tmp_path / "turned.png", exif=exif)
    _, answer = run(tmp_path, tmp_path / "turned.png")
    mask = np.asarray(Image.open(tmp_path / "m" / answer["scans"][0]["slices"][0]["mask"]))
    assert np.array_equal(mask > 0, head > 200)


def test_unreadable_inputs_get_a_sentence_and_the_others_their_answer(tmp_path: Path) -> None:
    good = phantoms.write_picture(tmp_path / "good.png", phantoms.slice_picture(size=128)[0])
    broken = phantoms.write_picture(tmp_path / "broken.png", phantoms.slice_picture(size=128)[0][:77])
    (tmp_path / "text.png").write_text("no picture")
    status, answer = run(tmp_path, tmp_path / "text.png", good, tmp_path / "absent.png", broken)
    assert status == 1
    assert ["error" in scan for scan in answer["scans"]] == [True, False, True, True]
    assert all(scan["error"].endswith(".") for scan in answer["scans"] if "error" in scan)


def test_millimetres_where_the_file_has_them(tmp_path: Path) -> None:
    path = phantoms.write_nifti(tmp_path / "head.nii.gz", phantoms.volume()[0])
    _, answer = run(tmp_path, path)
    pixels = sum(each["area_px"] for each in answer["scans"][0]["slices"])
    assert answer["scans"][0]["tumour_volume_ml"] == pytest.approx(pixels * 5.0 * 0.9 * 0.8 / 1000, rel=1e-3)


@pytest.mark.parametrize("words", [[], ["predict"], ["predict", "x.png", "--batch", "0"], ["predict", "--nonsense"]])
def test_wrong_usage_is_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(words)
    assert left.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["x", "0", "-3", "1.5", ""])
def test_a_batch_that_is_no_number_is_told_in_words(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(["predict", "x.png", f"--batch={given}"])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert f"{given!r} is no number of slices, 1 or more" in said
    assert "_positive" not in said


def test_models_that_cannot_be_used_stop_before_any_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    picture = phantoms.write_picture(tmp_path / "one.png", phantoms.slice_picture(size=128)[0])
    (tmp_path / "models").mkdir()
    answers = ["--json", str(tmp_path / "o.json"), "--models", str(tmp_path / "models")]
    assert command.main(["predict", str(picture), *answers, "--quiet"]) == 2
    assert not (tmp_path / "o.json").exists()
    assert "manifest.json cannot be read" in capsys.readouterr().err


def test_a_mask_that_is_given_by_name_is_a_scan_and_one_in_a_folder_is_not(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("1", "1_mask"):
        phantoms.write_picture(tmp_path / "folder" / f"{name}.png", phantoms.slice_picture(size=128)[0])
    _, answer = run(tmp_path, tmp_path / "folder", tmp_path / "folder" / "1_mask.png")
    assert [len(scan["slices"]) for scan in answer["scans"]] == [1, 1]


class TestResultsThatCannotBeWritten:
    @pytest.fixture
    def picture(self, tmp_path: Path) -> Path:
        return phantoms.write_picture(tmp_path / "one.png", phantoms.slice_picture(size=128)[0])

    @pytest.mark.parametrize("option", ["--json", "--masks"])
    def test_it_is_said_before_anything_is_analysed(
        self, picture: Path, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(predict, "_load", None)
        assert command.main(["predict", str(picture), option, "/proc/1/nowhere", "--quiet"]) == 2
        assert "Nothing can be written to /proc/1" in capsys.readouterr().err

    def test_a_folder_is_no_file(self, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(["predict", str(picture), "--json", str(tmp_path), "--quiet"]) == 2
        assert "Name a file" in capsys.readouterr().err

    def test_masks_that_cannot_be_written_cost_only_themselves(self, picture: Path, tmp_path: Path) -> None:
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "one").write_text("in the way")
        other = phantoms.write_picture(tmp_path / "other.png", phantoms.slice_picture(size=128)[0])
        status, answer = run(tmp_path, picture, other)
        first, second = answer["scans"]
        assert status == 1
        assert "masks could not be written" in first["error"]
        assert first["verdict"] == second["verdict"] == "tumour"
        assert first["slices"][0]["mask"] is None
        assert (tmp_path / "m" / second["slices"][0]["mask"]).exists()
        assert "error" not in second

    def test_answers_are_printed_when_their_file_cannot_be_written(
        self, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "out").mkdir()
        find = BrightIsTumour.find

        def vanishing(self: BrightIsTumour, volume: Volume) -> Findings:
            (tmp_path / "out").rmdir()
            return find(self, volume)

        monkeypatch.setattr(BrightIsTumour, "find", vanishing)
        arguments = ["predict", str(picture), "--json", str(tmp_path / "out" / "o.json"), "--quiet"]
        assert command.main(arguments) == 1
        said = capsys.readouterr()
        assert json.loads(said.out)["scans"][0]["verdict"] == "tumour"
        assert "o.json could not be written" in said.err

    def test_what_was_answered_before_a_stop_is_kept(
        self, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        find = BrightIsTumour.find
        later = phantoms.write_picture(tmp_path / "later.png", phantoms.slice_picture(size=96)[0])

        def stopped(self: BrightIsTumour, volume: Volume) -> Findings:
            if volume.rows == 96:
                raise KeyboardInterrupt
            return find(self, volume)

        monkeypatch.setattr(BrightIsTumour, "find", stopped)
        monkeypatch.setattr(predict, "BATCHES_A_CALL", 1)
        arguments = ["--json", str(tmp_path / "o.json"), "--batch", "1", "--quiet"]
        with pytest.raises(KeyboardInterrupt):
            command.main(["predict", str(picture), str(later), *arguments])
        first, second = json.loads((tmp_path / "o.json").read_text())["scans"]
        assert first["verdict"] == "tumour"
        assert second["error"] == predict.STOPPED
