"""What the networks compute with follows from the processor, and the outlines do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml import processor, weights
from tests.phantoms import slice_picture

ZEN3 = "fpu vme sse sse2 avx fma f16c avx2 bmi1 bmi2 vaes vpclmulqdq"
CASCADE_LAKE = "fpu sse2 avx2 avx512f avx512bw avx512vl avx512_vnni"
ZEN4 = "fpu sse2 avx2 avx512f avx512_bf16 avx512_vnni"
SAPPHIRE_RAPIDS = "fpu sse2 avx2 avx512f avx512_vnni amx_bf16 amx_tile amx_int8"

WORKER = """
import logging
from detection.management.commands.work import load_models
logging.basicConfig(level=logging.INFO)
load_models()
"""
COMMAND = """
from ml import processor
from ml.__main__ import main
try:
    main(["benchmark", "--help"])
except SystemExit:
    print(processor.computing())
"""


def said(code: str, **environment: str) -> str:
    """All that a new process says; of TensorFlow's own settings it inherits none."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**inherited, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout + done.stderr


class TestPrecision:
    @pytest.mark.parametrize("flags", [ZEN4, SAPPHIRE_RAPIDS])
    def test_is_bfloat16_where_the_processor_multiplies_it(self, flags: str) -> None:
        assert processor.precision(flags.split()) == "mixed_bfloat16"

    @pytest.mark.parametrize("flags", [ZEN3, CASCADE_LAKE, ""])
    def test_is_float32_elsewhere(self, flags: str) -> None:
        assert processor.precision(flags.split()) == "float32"

    @pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
    def test_is_what_the_networks_are_built_with(self, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
        from ml.networks import load

        monkeypatch.setattr(processor, "precision", lambda: precision)
        manifest = weights.read_manifest(weights.FOLDER)
        computes = precision.removeprefix("mixed_")
        assert load.folded_classifier(weights.FOLDER, manifest).get_layer("conv1").compute_dtype == computes
        assert load.folded_unet(weights.FOLDER, manifest, "flair").get_layer("refine").compute_dtype == computes

    def test_moves_hardly_a_pixel(self) -> None:
        from ml.networks import load
        from ml.networks.inference import Compiled

        manifest = weights.read_manifest(weights.FOLDER)
        heads = np.stack([slice_picture(seed=seed, size=256)[0] for seed in (3, 4)])
        pictures = np.repeat(heads[..., None], 3, axis=3)
        fine, coarse = (
            Compiled(load.folded_unet(weights.FOLDER, manifest, "flair", policy=policy))(pictures)[0]
            for policy in ("float32", "mixed_bfloat16")
        )
        cut_off = manifest["families"]["flair"]["cut_off"]
        outlined = [outline >= cut_off for outline in (fine, coarse)]
        assert all(mask.any() for mask in outlined)
        assert 2 * np.logical_and(*outlined).sum() / sum(mask.sum() for mask in outlined) >= 0.99

    def test_keeps_rounded_weights_and_gives_the_same_to_the_bit(self) -> None:
        import keras

        from ml.networks import load
        from ml.networks.classifier import classifier
        from ml.networks.inference import Compiled, classifying
        from ml.networks.norm import fold

        manifest = weights.read_manifest(weights.FOLDER)
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        rounding = classifier(folded=True)
        keras.config.set_dtype_policy(before)
        weights.fill(rounding, fold(weights.read_arrays(weights.FOLDER, load.CLASSIFIER, manifest)))
        kept = load.folded_classifier(weights.FOLDER, manifest, policy="mixed_bfloat16")
        assert {weight.dtype for weight in kept.get_layer("conv3").weights} == {"bfloat16"}
        pictures = np.repeat(slice_picture(seed=3, size=256)[0][None, ..., None], 3, axis=3)
        for one, other in zip(
            Compiled(classifying(rounding))(pictures), Compiled(classifying(kept))(pictures), strict=True
        ):
            np.testing.assert_array_equal(one, other)


class TestTheFlags:
    def test_are_the_first_processors(self, tmp_path: Path) -> None:
        told = tmp_path / "cpuinfo"
        told.write_text(f"processor\t: 0\nflags\t\t: {ZEN3}\nbugs\t\t: amx_bf16\n\nprocessor\t: 1\nflags\t\t: {ZEN4}\n")
        assert processor._flags(told) == set(ZEN3.split())

    def test_are_none_where_the_system_does_not_tell_them(self, tmp_path: Path) -> None:
        told = tmp_path / "cpuinfo"
        assert processor._flags(told) == set()
        told.write_bytes(b"Features : fp asimd bf16\nname \xff\n")
        assert processor._flags(told) == set()


class TestTheKernels:
    def test_are_onednns_in_the_worker_which_says_so(self) -> None:
        text = said(WORKER, DJANGO_SETTINGS_MODULE="tests.settings")
        assert f"oneDNN, {processor.precision()}." in text
        assert "without oneDNN" not in text

    def test_are_onednns_in_every_command(self) -> None:
        assert ", oneDNN, " in said(COMMAND)

    def test_stay_what_the_environment_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
        processor.use_onednn()
        assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
