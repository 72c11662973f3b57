"""The training loop that both networks share: budgeted, averaged, checkpointed, resumable.

Time is a budget, not a wish: the learning rate follows max(step / steps, elapsed / budget), so
that a busy machine shortens the run instead of leaving the decay unfinished.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ml.training.datasets import DataFault
from ml.training.plan import Plan, Stage

log = logging.getLogger(__name__)


Batch = tuple[np.ndarray, ...]
CHECKPOINT, PLAN = "checkpoint.npz", "plan.json"


class Trainer:
    """Runs a plan over one network.

    `loss(model, batch, side)` is traced into a graph and gives a scalar; `batches(stage, step)` yields
    tuples of arrays for ever, others for each step that it begins at; `validate(model, side)` gives named figures of the averaged weights.
    """

    def __init__(
        self,
        model: keras.Model,
        plan: Plan,
        folder: Path,
        *,
        loss: Callable[[keras.Model, tuple[tf.Tensor, ...], int], tf.Tensor],
        batches: Callable[[Stage, int], Iterator[Batch]],
        validate: Callable[[keras.Model, int], dict[str, float]],
    ) -> None:
        self.model, self.plan, self.folder = model, plan, folder
        self._loss, self._batches, self._validate = loss, batches, validate
        self._optimizer = keras.optimizers.AdamW(plan.rate, weight_decay=plan.decay, global_clipnorm=5.0)
        self._optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        self._optimizer.build(model.trainable_variables)
        self._average = [tf.Variable(weight, trainable=False) for weight in model.weights]
        self._step, self._elapsed = 0, 0.0
        self._history: list[dict[str, float]] = []

    @property
    def checkpoint(self) -> Path:
        """The file that `resume` continues from."""
        return self.folder / CHECKPOINT

    def resume(self) -> bool:
        """Takes up the checkpoint if there is one; says whether there was.

        What is drawn from here on is not what the run's beginning drew, nor what it would have drawn uninterrupted.
        Raises DataFault when the checkpoint cannot be read or is another network's.
        """
        if not self.checkpoint.exists():
            return False
        with _opened(self.checkpoint) as kept:
            for name, variables in self._kept().items():
                _assign(variables, kept, name, self.checkpoint)
            state = json.loads(str(kept["state"]))
        self._step, self._elapsed, self._history = state["step"], state["elapsed"], state["history"]
        keras.utils.set_random_seed(self.plan.seed + self._step)
        log.info("resumed at step %d, %.1f minutes", self._step, self._elapsed / 60)
        return True

    def start_from(self, checkpoint: Path) -> None:
        """Begins with the averaged weights of another run."""
        take_averages(self.model, checkpoint)
        self.begin_here()

    def begin_here(self) -> None:
        """Takes the model's weights of now for its averaged ones too."""
        for kept, weight in zip(self._average, self.model.weights, strict=True):
            kept.assign(weight)

    def run(self) -> dict[str, float]:
        """Trains to the end of the plan, leaves the averaged weights in the model, gives its last figures.

        Raises FloatingPointError, with a sentence, when the loss is no number any more.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / PLAN).write_text(json.dumps(asdict(self.plan), indent=1) + "\n")
        figures = self._last_figures()
        begun = 0.0
        for stage in self.plan.stages:
            end = begun + stage.minutes * 60
            if self._elapsed < end and not self._finished():
                figures = self._run_stage(stage, begun, end)
            begun = end
        self._use_average()
        return figures

    def _last_figures(self) -> dict[str, float]:
        """Those of the last validation, also one before the run was resumed."""
        for entry in reversed(self._history):
            if "loss" not in entry:
                return {name: value for name, value in entry.items() if name not in ("step", "minute")}
        return {}

    def _finished(self) -> bool:
        return self.plan.steps is not None and self._step >= self.plan.steps

    def _run_stage(self, stage: Stage, begun: float, end: float) -> dict[str, float]:
        log.info("stage %d px, batch %d, until minute %.1f", stage.side, stage.batch, end / 60)
        learn = self._make_step(stage.side)
        saved = validated = self._elapsed
        last = time.monotonic()
        losses: list[float] = []
        for batch in self._batches(stage, self._step):
            self._optimizer.learning_rate.assign(self._rate())
            averaging = min(self.plan.averaging, (1 + self._step) / (10 + self._step))
            losses.append(float(learn(batch, tf.constant(averaging, tf.float32))))
            self._step += 1
            now = time.monotonic()
            self._elapsed += now - last
            last = now
            if self._step % 50 == 0:
                share = np.mean(losses[-50:])
                log.info("step %d minute %.1f loss %.4f rate %.2e", self._step, self._elapsed / 60, share, self._rate())
                self._history.append({"step": self._step, "minute": self._elapsed / 60, "loss": float(share)})
            if not math.isfinite(losses[-1]):
                raise FloatingPointError(f"the loss became {losses[-1]} at step {self._step}; lower the rate.")
            done = self._elapsed >= end or self._finished()
            if done or self._elapsed - saved > self.plan.save_minutes * 60:
                self._save()
                saved = self._elapsed
            if done or self._elapsed - validated > self.plan.validate_minutes * 60:
                figures = self._measure(stage.side)
                validated = self._elapsed
                # Measuring counts against the budget: the clock on the wall is what was promised.
                self._elapsed += time.monotonic() - last
                last = time.monotonic()
                if done:
                    self._save()
                    return figures
        raise RuntimeError("the batches ended")

    def _make_step(self, side: int) -> Callable[[Batch, tf.Tensor], tf.Tensor]:
        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def learn(batch: tuple[tf.Tensor, ...], averaging: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                value = self._loss(self.model, batch, side)
            gradients = tape.gradient(value, self.model.trainable_variables)
            self._optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
            for kept, weight in zip(self._average, self.model.weights, strict=True):
                kept.assign_add((1 - averaging) * (tf.cast(weight, kept.dtype) - kept))
            return value

        return learn

    def _rate(self) -> float:
        progress = self._elapsed / (self.plan.minutes * 60)
        if self.plan.steps is not None:
            progress = max(progress, self._step / self.plan.steps)
        warm = min(1.0, (self._step + 1) / 150)
        return self.plan.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))

    def _measure(self, side: int) -> dict[str, float]:
        kept = [weight.numpy() for weight in self.model.weights]
        self._use_average()
        figures = self._validate(self.model, side)
        for weight, value in zip(self.model.weights, kept, strict=True):
            weight.assign(value)
        log.info("validation at step %d: %s", self._step, {name: round(value, 4) for name, value in figures.items()})
        self._history.append({"step": self._step, "minute": self._elapsed / 60, **figures})
        (self.folder / "history.json").write_text(json.dumps(self._history) + "\n")
        return figures

    def _use_average(self) -> None:
        for weight, value in zip(self.model.weights, self._average, strict=True):
            weight.assign(value)

    def _kept(self) -> dict[str, list[Any]]:
        return {"model": self.model.weights, "average": self._average, "optimizer": self._optimizer.variables}

    def _save(self) -> None:
        """Writes the checkpoint aside and moves it into place, so that a kill never leaves half a file."""
        arrays = {
            f"{name}{index}": np.asarray(variable)
            for name, variables in self._kept().items()
            for index, variable in enumerate(variables)
        }
        state = json.dumps({"step": self._step, "elapsed": self._elapsed, "history": self._history})
        aside = self.checkpoint.with_name("checkpoint.part.npz")
        np.savez(aside, state=state, **arrays)  # type: ignore[arg-type]
        aside.replace(self.checkpoint)


def take_averages(model: keras.Model, checkpoint: Path) -> None:
    """Gives a model the averaged weights of a run's checkpoint.

    Raises DataFault when it cannot be read or is another network's.
    """
    with _opened(checkpoint) as kept:
        _assign(model.weights, kept, "average", checkpoint)


def refuse_overwriting(folder: Path) -> None:
    """Raises DataFault when a run that was not asked for would be replaced."""
    if (folder / CHECKPOINT).exists():
        raise DataFault(f"{folder / CHECKPOINT}: a run is kept here; go on with --resume, or give another --out.")


@contextlib.contextmanager
def _opened(checkpoint: Path) -> Iterator[Mapping[str, np.ndarray]]:
    try:
        with np.load(checkpoint) as kept:
            yield kept
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataFault(f"{checkpoint}: cannot be read ({error}); begin anew in another folder.") from error


def _assign(variables: Sequence[Any], kept: Mapping[str, np.ndarray], name: str, checkpoint: Path) -> None:
    """Sets variables to the arrays NAME0, NAME1, ... Raises DataFault when they do not fit."""
    values = [kept.get(f"{name}{index}") for index in range(len(variables))]
    fits = all(v is not None and v.shape == tuple(own.shape) for own, v in zip(variables, values, strict=True))
    if not fits or f"{name}{len(variables)}" in kept:
        raise DataFault(f"{checkpoint}: belongs to another network; give the --out of a run of this one.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
