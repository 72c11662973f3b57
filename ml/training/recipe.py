"""What both trainings share: the split, the draw of a batch, the loop. A network brings what is its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ml import weights
from ml.gate import Family
from ml.training import cache, loop, released, splits
from ml.training.datasets import Case, DataFault
from ml.training.loop import Batch, Trainer
from ml.training.plan import Plan, Stage
from ml.training.planes import Recut, recut
from ml.training.sequences import teaches_flair

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mix:
    """What a batch is made of.

    `lgg` share of a batch (the rest is BRISC; a set that is absent gives its share away), `sick` share
    of slices with a tumour in each set, `kinds` how often a BRISC kind ("gl", "me", "pi", "no") is
    drawn against its share of the set, `recut` the same of an LGG volume cut in another plane.
    """

    lgg: float
    sick: Mapping[str, float]
    kinds: Mapping[str, float] = field(default_factory=dict)
    recut: float = 0.5


@dataclass(frozen=True)
class Recipe:
    """A network and how it learns.

    `build()` the network; `inputs(slices, places, random)` the arrays of a batch for the slices at
    `places`;
    `loss(model, batch, side)` a scalar; `validate(model, held, side)` named figures.
    """

    build: Callable[[], keras.Model]
    mix: Mix
    inputs: Callable[[cache.Slices, np.ndarray, np.random.Generator], Batch]
    loss: Callable[[keras.Model, tuple[tf.Tensor, ...], int], tf.Tensor]
    validate: Callable[[keras.Model, cache.Slices, int], dict[str, float]]
    released_as: Family | None = None
    """whose U-Net it is among released models; None: the classifier"""

    def train(
        self,
        cases: Sequence[Case],
        out: Path,
        *,
        plan: Plan,
        resume: bool = False,
        quiet: bool = False,
        start: Path | None = None,
    ) -> dict[str, float]:
        """Trains on the committed split's part "train" of `cases`, checks on "validation".

        Begins with what another run or a release in `start` learnt, where given. Leaves `checkpoint.npz`,
        `history.json` and `plan.json` in `out` and gives the last validation figures.
        Raises DataFault for cases that no split knows or of which none is to be learnt from, for a run in `out`
        that `resume` does not ask for, and for one of another network.
        """
        learnt, kept_out = (
            [*part, *recut(part)] for part in (splits.choose(cases, "train"), splits.choose(cases, "validation"))
        )
        if not learnt:
            raise DataFault(f"None of the {len(cases)} cases is in the split 'train'; give more, or another folder.")
        if not resume:
            loop.refuse_overwriting(out)
        keras.utils.set_random_seed(plan.seed)
        slices = cache.open_or_make(learnt, out / "cache", quiet=quiet)
        held = cache.open_or_make(kept_out, out / "cache", quiet=quiet) if kept_out else None
        trainer = self.trainer(slices, out, plan, held=held)
        resumed = resume and trainer.resume()
        if resume and not resumed:
            log.warning("%s: there is no checkpoint, so the run begins at the beginning", trainer.checkpoint)
        if start is not None and not resumed:
            if (start / weights.MANIFEST).exists():
                released.take(trainer.model, start, self.released_as)
                trainer.begin_here()
            else:
                trainer.start_from(start / trainer.checkpoint.name)
        return trainer.run()

    def trainer(
        self,
        slices: cache.Slices,
        out: Path,
        plan: Plan,
        *,
        held: cache.Slices | None = None,
        only: np.ndarray | None = None,
    ) -> Trainer:
        """A trainer on slices, or `only` on some of them, bool (slices,); checked on `held` if there is any."""
        return Trainer(
            self.build(),
            plan,
            out,
            loss=self.loss,
            batches=lambda stage, step: self.batches(slices, stage, [plan.seed, stage.side, step], only),
            validate=lambda network, side: {} if held is None else self.validate(network, held, side),
        )

    def batches(
        self, slices: cache.Slices, stage: Stage, seed: Sequence[int], only: np.ndarray | None = None
    ) -> Iterator[Batch]:
        """Batches of the mix, for ever."""
        random = np.random.default_rng(seed)
        for places in draw(slices, self.mix, stage.batch, random, only):
            yield self.inputs(slices, places, random)


def draw(
    slices: cache.Slices, mix: Mix, batch: int, random: np.random.Generator, only: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Places of slices, int (batch,), for ever: each batch of the mix's sets, sick shares and kinds.

    `only`: bool (slices,), which of them may be drawn. Raises DataFault when none of those shows a tumour.
    """
    # BRISC's FLAIR without a tumour is what LGG lacks: heads that are not sick.
    family = np.array(["lgg" if teaches_flair(case) else "brisc" for case in slices.cases])[slices.case]
    may = np.ones(len(family), bool) if only is None else only
    pools = {
        (name, sick): np.flatnonzero((family == name) & (slices.tumour == sick) & may)
        for name in ("lgg", "brisc")
        for sick in (True, False)
    }
    often = [mix.kinds.get(case.kind, 1.0) * (mix.recut if isinstance(case, Recut) else 1.0) for case in slices.cases]
    wanted = np.asarray(often)[slices.case]
    chances = {key: wanted[pool] / wanted[pool].sum() for key, pool in pools.items() if len(pool)}
    present = [name for name in ("lgg", "brisc") if len(pools[name, True])]
    if not present:
        raise DataFault("None of the slices to be learnt from shows a tumour; give cases with one.")
    while True:
        places: list[int] = []
        for number in range(batch):
            name = present[0] if len(present) == 1 or (number + 0.5) / batch < mix.lgg else present[1]
            sick = bool(random.random() < mix.sick[name]) or not len(pools[name, False])
            places.append(int(random.choice(pools[name, sick], p=chances[name, sick])))
        yield np.asarray(places)


def families(slices: cache.Slices) -> np.ndarray:
    """The set of each slice, "lgg" or "brisc": str (n,)."""
    return np.array([slices.cases[index].family for index in slices.case])
