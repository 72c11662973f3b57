"""What decides a run, and each network's own plan. Without TensorFlow: `train --help` tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A part of the run: input side in pixels, wall minutes, slices a batch."""

    side: int
    minutes: float
    batch: int


@dataclass(frozen=True)
class Plan:
    """All that decides a run; written beside the weights as `plan.json`."""

    stages: tuple[Stage, ...]
    rate: float
    """peak learning rate"""
    decay: float
    """AdamW weight decay"""
    averaging: float
    """share of the old averaged weights kept at each step"""
    seed: int
    steps: int | None = None
    """ends the run early (tests); None: only time ends it"""
    save_minutes: float = 4.0
    validate_minutes: float = 12.0

    @property
    def minutes(self) -> float:
        """Wall minutes of all stages."""
        return sum(stage.minutes for stage in self.stages)


PLANS = {
    "classifier": Plan(stages=(Stage(128, 25, 48),), rate=2e-3, decay=2e-2, averaging=0.998, seed=11),
    "segmenter": Plan(stages=(Stage(128, 50, 24), Stage(160, 70, 20)), rate=2e-3, decay=1e-2, averaging=0.998, seed=7),
}
"""The plan of each network unless another is asked for."""


def stages_of(text: str) -> tuple[Stage, ...]:
    """Stages from "SIDE:MINUTES:BATCH,...". Raises ValueError with a sentence."""
    stages = []
    for part in text.split(","):
        try:
            side, minutes, batch = part.split(":")
            stage = Stage(int(side), float(minutes), int(batch))
        except ValueError as error:
            raise ValueError(f"{part!r} is not SIDE:MINUTES:BATCH, as in 128:20:24") from error
        if stage.side < 16 or stage.side % 16 or not stage.minutes > 0 or stage.batch < 1:
            raise ValueError(f"{part!r}: the side is a multiple of 16, minutes and batch are more than nothing")
        stages.append(stage)
    return tuple(stages)


def told(stages: tuple[Stage, ...]) -> str:
    """Stages in words, for help and for reports."""
    return ", then ".join(
        f"{each.minutes:g} minutes at {each.side} pixels in batches of {each.batch}" for each in stages
    )
