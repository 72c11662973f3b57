"""The one door: volumes in, findings out, with the real weights on drawn heads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml import gate, weights
from ml.classify import Band
from ml.findings import Compartment, Verdict
from ml.imaging.volume import Spacing, Volume
from ml.pipeline import Pipeline
from tests import phantoms


def picture(**options: object) -> Volume:
    pixels, _ = phantoms.slice_picture(**options)
    return Volume(pixels[None, ..., None], "image", ("head.png",))


def series(**options: object) -> Volume:
    pixels, _ = phantoms.volume(**options)
    names = tuple(f"{index}.png" for index in range(len(pixels)))
    return Volume(pixels[..., None], "series", names, Spacing(5.0, 1.0, 1.0))


class TestOnePicture:
    def test_the_mask_has_the_files_own_rows_and_columns(self, pipeline: Pipeline) -> None:
        volume = Volume(np.pad(phantoms.slice_picture()[0], ((10, 40), (0, 70)))[None, ..., None], "image", ("a.png",))
        found = pipeline([volume])[0]
        assert found.slices[0].mask.pixels.shape == (306, 326)

    def test_a_drawn_head_is_not_refused(self, pipeline: Pipeline) -> None:
        for contrast in ("flair", "t1c"):
            found = pipeline([picture(contrast=contrast)])[0]
            assert found.verdict is not Verdict.REFUSED
            assert found.tumour_probability is not None

    def test_a_drawn_tumour_is_outlined_where_it_is(self, pipeline: Pipeline) -> None:
        volume, (_, truth) = picture(contrast="t1c"), phantoms.slice_picture(contrast="t1c")
        found = pipeline([volume])[0]
        assert found.verdict in (Verdict.TUMOUR, Verdict.UNCERTAIN)
        assert found.compartment is not None
        mask = found.slices[0].mask.pixels > 0
        assert (mask & truth).sum() > 0.5 * mask.sum()

    @pytest.mark.parametrize("kind", ["noise", "blank", "stripes"])
    def test_what_is_no_head_is_refused_with_a_reason(self, pipeline: Pipeline, kind: str) -> None:
        pixels = {
            "noise": np.random.default_rng(3).integers(0, 256, (200, 200)),
            "blank": np.full((200, 200), 90),
            "stripes": np.tile(np.arange(200) // 10 % 2 * 255, (200, 1)),
        }[kind].astype(np.uint8)
        found = pipeline([Volume(pixels[None, ..., None], "image", ("x.png",))])[0]
        assert found.verdict is Verdict.REFUSED
        assert found.reason
        assert found.tumour_probability is None

    def test_three_equal_channels_answer_as_one(self, pipeline: Pipeline) -> None:
        grey = picture()
        colour = Volume(np.repeat(grey.voxels, 3, axis=3), "image", ("head.png",))
        one, three = pipeline([grey, colour])
        assert one.tumour_probability == pytest.approx(three.tumour_probability, abs=1e-3)

    def test_the_tint_of_compression_is_no_colour(self) -> None:
        grey = np.repeat(phantoms.slice_picture()[0][None, ..., None], 3, axis=3).astype(int)
        tinted = np.clip(grey + np.random.default_rng(1).integers(-3, 4, grey.shape), 0, 255).astype(np.uint8)
        assert not gate.is_colour(tinted)
        assert gate.is_colour(np.stack([tinted[..., 0], tinted[..., 0] // 2, tinted[..., 0]], axis=3))


class TestASeries:
    def test_every_slice_has_its_finding_in_order(self, pipeline: Pipeline) -> None:
        volume = series(slices=9, size=96)
        found = pipeline([volume])[0]
        assert [slice_.source for slice_ in found.slices] == list(volume.sources)
        assert found.kind == "series"

    def test_blank_end_slices_do_not_refuse_it(self, pipeline: Pipeline) -> None:
        pixels, _ = phantoms.volume(slices=9, size=96)
        with_ends = np.concatenate([np.zeros((3, 96, 96), np.uint8), pixels, np.zeros((3, 96, 96), np.uint8)])
        names = tuple(str(index) for index in range(15))
        found = pipeline([Volume(with_ends[..., None], "series", names)])[0]
        assert found.verdict is not Verdict.REFUSED

    def test_volume_is_told_only_with_spacing(self, pipeline: Pipeline) -> None:
        known = series(slices=9, size=128)
        unknown = Volume(known.voxels, "series", known.sources)
        with_spacing, without = pipeline([known, unknown])
        assert without.tumour_volume_ml is None
        assert with_spacing.tumour_volume_ml is not None

    def test_a_flair_series_outlines_the_flair_abnormality(self, pipeline: Pipeline) -> None:
        plain = series(slices=9, size=128)
        told = Volume(plain.voxels, "series", plain.sources, sequence="FLAIR")
        found = pipeline([told])[0]
        assert found.compartment is Compartment.FLAIR_ABNORMALITY


class TestBatches:
    def test_company_and_batch_size_do_not_change_an_answer(self, pipeline: Pipeline) -> None:
        volumes = [picture(seed=seed) for seed in (3, 4, 5)] + [series(slices=7, size=96)]
        together = pipeline(volumes, batch=16)
        for volume, found in zip(volumes, together, strict=True):
            alone = pipeline([volume], batch=1)[0]
            assert alone.verdict is found.verdict
            assert alone.tumour_probability == pytest.approx(found.tumour_probability, abs=0.02)

    def test_progress_reaches_one_for_every_volume(self, pipeline: Pipeline) -> None:
        told: dict[int, list[float]] = {0: [], 1: []}
        pipeline([picture(), series(slices=5, size=96)], progress=lambda number, part: told[number].append(part))
        for parts in told.values():
            assert parts == sorted(parts)
            assert parts[-1] == pytest.approx(1.0)

    def test_nothing_in_nothing_out(self, pipeline: Pipeline) -> None:
        assert pipeline([]) == []

    def test_a_batch_below_one_is_an_error(self, pipeline: Pipeline) -> None:
        with pytest.raises(ValueError, match="at least one"):
            pipeline([picture()], batch=0)


class TestLoading:
    @pytest.fixture
    def models(self, tmp_path: Path) -> Path:
        return Path(shutil.copytree(weights.FOLDER, tmp_path / "models"))

    def test_a_changed_weight_file_does_not_load(self, models: Path) -> None:
        with (models / "unet_t1c.npz").open("ab") as file:
            file.write(b"x")
        with pytest.raises(weights.WeightsFault, match=r"unet_t1c\.npz is not the one"):
            Pipeline.load(models)

    def test_a_missing_weight_file_does_not_load(self, models: Path) -> None:
        (models / "classifier.npz").unlink()
        with pytest.raises(weights.WeightsFault, match=r"classifier\.npz is missing"):
            Pipeline.load(models)

    @pytest.mark.parametrize("name", ["classifier.npz", "unet_flair.npz", "unet_t1c.npz", "gate.npz"])
    def test_a_weight_file_that_the_manifest_does_not_name_is_not_read(self, models: Path, name: str) -> None:
        manifest = json.loads((models / "manifest.json").read_text())
        del manifest["files"][name]
        (models / "manifest.json").write_text(json.dumps(manifest))
        read = weights.read_manifest(models)
        with pytest.raises(weights.WeightsFault, match=f"does not name the weight file {name}"):
            weights.read_arrays(models, name, read)

    def test_models_with_a_weight_file_that_the_manifest_does_not_name_do_not_load(self, models: Path) -> None:
        manifest = json.loads((models / "manifest.json").read_text())
        del manifest["files"]["unet_flair.npz"]
        (models / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(weights.WeightsFault, match="unet_flair"):
            Pipeline.load(models)

    def test_a_damaged_manifest_does_not_load(self, models: Path) -> None:
        manifest = json.loads((models / "manifest.json").read_text())
        del manifest["families"]["flair"]["cut_off"]
        (models / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(weights.WeightsFault, match="damaged"):
            Pipeline.load(models)

    def test_a_lone_slice_is_judged_by_numbers_of_its_own(self, pipeline: Pipeline, models: Path) -> None:
        manifest = json.loads((models / "manifest.json").read_text())
        for numbers in manifest["families"].values():
            for name in ("calibration", "fusion"):
                numbers[name]["image"]["offset"] -= 2.0
        (models / "manifest.json").write_text(json.dumps(manifest))
        pixels = phantoms.slice_picture()[0][None, ..., None]
        lone, one_of_a_series = (Volume(pixels, kind, ("head.png",)) for kind in ("image", "series"))
        other = Pipeline.load(models)

        def probability(pipe: Pipeline, volume: Volume) -> float | None:
            return pipe([volume])[0].slices[0].tumour_probability

        before, after = probability(pipeline, lone), probability(other, lone)
        assert before is not None
        assert after is not None
        assert after < before
        assert probability(other, one_of_a_series) == probability(pipeline, one_of_a_series)

    def test_the_committed_weights_are_small(self) -> None:
        assert sum(path.stat().st_size for path in weights.FOLDER.iterdir()) < 40e6

    def test_importing_the_door_does_not_import_tensorflow(self) -> None:
        code = "import sys, ml.pipeline, ml.preprocess, ml.gate; sys.exit('tensorflow' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], cwd=weights.FOLDER.parent, check=False).returncode == 0


class TestTheBand:
    def test_verdicts_follow_the_thresholds(self) -> None:
        band = Band(0.2, 0.8)
        assert [band.verdict(value) for value in (0.19, 0.2, 0.79, 0.8)] == [
            Verdict.NO_TUMOUR, Verdict.UNCERTAIN, Verdict.UNCERTAIN, Verdict.TUMOUR,
        ]  # fmt: skip

    def test_thresholds_in_disorder_are_an_error(self) -> None:
        with pytest.raises(ValueError, match="in order"):
            Band(0.8, 0.2)
