"""Heads by CT that BRISC calls MRI: known by name, and not among what the classifier learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml.training import classifier
from ml.training.ct_heads import is_ct
from ml.training.datasets import Case, Family
from ml.training.recipe import Recipe

CT = "brisc2025_train_02571_no_ax_t1"
MRI = "brisc2025_train_02569_no_ax_t1"


def case(name: str, family: Family = "brisc") -> Case:
    return Case(name=name, family=family, images=(Path(f"{name}.jpg"),), masks=(None,), plane="ax", kind="no")


def test_they_are_known_by_their_numbers() -> None:
    assert is_ct(case(CT))
    assert not is_ct(case(MRI))
    assert not is_ct(case(CT.replace("train", "test")))
    assert not is_ct(case(CT, "lgg"))


def test_the_classifier_does_not_learn_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[Case] = []

    def train(self: Recipe, cases: list[Case], out: Path, **options: Any) -> dict[str, float]:
        learnt.extend(cases)
        return {}

    monkeypatch.setattr(Recipe, "train", train)
    classifier.train([case(CT), case(MRI)], tmp_path)
    assert [each.name for each in learnt] == [MRI]
