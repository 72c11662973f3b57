"""A training run that is stopped, taken up, mistaken for another, or has nothing to learn from: on a network of one weight."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from ml.__main__ import main
from ml.training import cache, datasets, loop, recipe, segmenter
from ml.training.loop import Batch
from ml.training.plan import Plan, Stage
from tests.ml.conftest import write_lgg

PLAN = Plan(stages=(Stage(32, 5, 4),), rate=1e-3, decay=0.0, averaging=0.9, seed=7, steps=3)


@dataclass
class Watched:
    """A recipe that remembers what was drawn: slices, NumPy's numbers, TensorFlow's numbers."""

    units: int = 1
    drawn: list[tuple[float, ...]] = field(default_factory=list)
    in_graph: list[float] = field(default_factory=list)

    def recipe(self) -> recipe.Recipe:
        return recipe.Recipe(self.build, segmenter.MIX, self.inputs, self.loss, lambda *_: {"figure": 0.5})

    def build(self) -> keras.Model:
        given = keras.Input((1,))
        return keras.Model(given, keras.layers.Dense(self.units)(given))

    def inputs(self, slices: cache.Slices, places: np.ndarray, random: np.random.Generator) -> Batch:
        self.drawn.append((*places.tolist(), float(random.random())))
        return (np.ones((len(places), 1), np.float32),)

    def loss(self, model: keras.Model, batch: tuple[tf.Tensor, ...], side: int) -> tf.Tensor:
        number = tf.random.uniform(())
        tf.py_function(lambda value: self.in_graph.append(float(value)), [number], [])
        return tf.reduce_mean(model(batch[0])) * number


@pytest.fixture
def cases(own_splits: Path, lgg_folder: Path) -> list[datasets.Case]:
    assert own_splits.exists()
    return datasets.find(lgg_folder)


class TestARunThatIsTakenUp:
    def test_it_does_not_see_its_beginning_again(self, cases: list[datasets.Case], tmp_path: Path) -> None:
        watched = Watched()
        watched.recipe().train(cases, tmp_path / "run", plan=PLAN, quiet=True)
        watched.recipe().train(cases, tmp_path / "run", plan=replace(PLAN, steps=6), resume=True, quiet=True)
        assert len(watched.drawn) == len(watched.in_graph) == 6
        assert len(set(watched.drawn)) == 6
        assert len(set(watched.in_graph)) == 6

    def test_the_same_seed_is_the_same_run(self, cases: list[datasets.Case], tmp_path: Path) -> None:
        once, again = Watched(), Watched()
        for watched, out in ((once, "once"), (again, "again")):
            watched.recipe().train(cases, tmp_path / out, plan=PLAN, quiet=True)
        assert once.drawn == again.drawn
        assert once.in_graph == again.in_graph

    def test_a_finished_one_gives_its_figures_again(self, cases: list[datasets.Case], tmp_path: Path) -> None:
        first = Watched().recipe().train(cases, tmp_path / "run", plan=PLAN, quiet=True)
        again = Watched()
        assert (
            again.recipe().train(cases, tmp_path / "run", plan=PLAN, resume=True, quiet=True)
            == first
            == {"figure": 0.5}
        )
        assert not again.drawn

    def test_without_a_checkpoint_it_says_that_it_begins(
        self, cases: list[datasets.Case], tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        Watched().recipe().train(cases, tmp_path / "run", plan=PLAN, resume=True, quiet=True)
        assert "no checkpoint" in caplog.text

    def test_what_it_leaves_is_what_is_read(self, cases: list[datasets.Case], tmp_path: Path) -> None:
        Watched().recipe().train(cases, tmp_path / "run", plan=PLAN, quiet=True)
        left = {path.name for path in (tmp_path / "run").iterdir()}
        assert left == {"cache", "checkpoint.npz", "history.json", "plan.json"}


class TestARunThatIsMistaken:
    def test_one_is_not_replaced_unasked(
        self, lgg_folder: Path, cases: list[datasets.Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "run"
        Watched().recipe().train(cases, out, plan=PLAN, quiet=True)
        kept = (out / "checkpoint.npz").read_bytes()
        assert main(["train", "segmenter", "--data", str(lgg_folder), "--out", str(out), "--quiet"]) == 2
        said = capsys.readouterr().err
        assert "checkpoint.npz" in said
        assert "--resume" in said
        assert (out / "checkpoint.npz").read_bytes() == kept
        assert json.loads((out / "plan.json").read_text())["seed"] == PLAN.seed

    @pytest.mark.parametrize("units", [2, 3])
    def test_another_networks_checkpoint_is_not_taken_up(
        self, cases: list[datasets.Case], tmp_path: Path, units: int
    ) -> None:
        Watched(units=1).recipe().train(cases, tmp_path / "run", plan=PLAN, quiet=True)
        other = replace(PLAN, seed=99)
        with pytest.raises(datasets.DataFault, match=r"checkpoint\.npz: belongs to another network"):
            Watched(units=units).recipe().train(cases, tmp_path / "run", plan=other, resume=True, quiet=True)
        assert json.loads((tmp_path / "run" / "plan.json").read_text())["seed"] == PLAN.seed

    def test_nor_are_its_averages(self, cases: list[datasets.Case], tmp_path: Path) -> None:
        Watched().recipe().train(cases, tmp_path / "run", plan=PLAN, quiet=True)
        given = keras.Input((1,))
        for other in (keras.layers.Dense(2)(given), keras.layers.Dense(1)(keras.layers.Dense(1)(given)), given):
            with pytest.raises(datasets.DataFault, match="another network"):
                loop.take_averages(keras.Model(given, other), tmp_path / "run" / "checkpoint.npz")

    def test_a_damaged_checkpoint(self, cases: list[datasets.Case], tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "checkpoint.npz").write_bytes(b"PK\x03\x04 cut off")
        with pytest.raises(datasets.DataFault, match="cannot be read"):
            Watched().recipe().train(cases, tmp_path / "run", plan=PLAN, resume=True, quiet=True)


class TestNothingToLearnFrom:
    def train(self, folder: Path, out: Path) -> int:
        return main(["train", "segmenter", "--data", str(folder), "--out", str(out), "--quiet"])

    def test_patients_that_no_split_knows(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.train(write_lgg(tmp_path / "strangers"), tmp_path / "run") == 2
        said = capsys.readouterr().err
        assert "TCGA_XX_0000_20000101 is in no split, as 2 of 2" in said
        assert "lgg.json" in said

    def test_only_patients_who_judge(self, cases: list[datasets.Case], tmp_path: Path) -> None:
        with pytest.raises(datasets.DataFault, match="split 'train'"):
            Watched().recipe().train(cases[1:], tmp_path / "run", plan=PLAN, quiet=True)

    def test_no_tumour_anywhere(self, cases: list[datasets.Case], tmp_path: Path) -> None:
        from PIL import Image

        for case in cases:
            for mask in case.masks:
                assert mask is not None
                Image.new("L", (128, 128)).save(mask)
        with pytest.raises(datasets.DataFault, match="shows a tumour"):
            Watched().recipe().train(cases, tmp_path / "run", plan=PLAN, quiet=True)

    def test_a_loss_that_is_no_number(
        self, lgg_folder: Path, cases: list[datasets.Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        def lost(*_: object, **__: object) -> recipe.Recipe:
            return replace(Watched().recipe(), loss=lambda model, batch, side: tf.reduce_mean(model(batch[0])) / 0.0)

        monkeypatch.setattr(segmenter, "recipe", lost)
        assert self.train(lgg_folder, tmp_path / "run") == 1
        assert "lower the rate" in capsys.readouterr().err

    def test_nowhere_to_write(self, lgg_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.train(lgg_folder, Path("/proc/run")) == 2
        assert "/proc/run" in capsys.readouterr().err
