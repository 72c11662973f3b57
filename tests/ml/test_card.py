"""Measured figures go into the model card's tables by themselves; the text around them stays."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ml import weights
from ml.evaluation import card

CARD = """# Card

A sentence with | in it.

| BRISC | validation, 2 pictures | test, 3 pictures |
|---|---|---|
| mean IoU of lesions | 0.1 | 0.2 |
| uncertain | 0.5 | 0.5 |
| something that nobody measures | 7 | 8 |

| Group | validation | test |
|---|---|---|
| site: CS | 1, 0.1, 0.1 | 1, 0.1, 0.1 |
"""
BRISC: dict[str, Any] = {
    "model": {"version": "9.9"},
    "data": {"family": "brisc", "split": "validation", "flair_only": False, "alone": False, "plane": None},
    "outline": {"mean_iou": {"value": 0.7512, "interval_95": [0.7, 0.8]}},
    "slices": {"uncertain_share": 0.0654},
}


@pytest.fixture
def written(tmp_path: Path) -> list[str]:
    """A card, and the figures of both parts."""
    (tmp_path / "CARD.md").write_text(CARD)
    (tmp_path / "validation.json").write_text(json.dumps(BRISC))
    test = copy.deepcopy(BRISC)
    test["data"]["split"], test["slices"]["uncertain_share"] = "test", 0.1
    (tmp_path / "test.json").write_text(json.dumps(test))
    return [str(tmp_path / name) for name in ("CARD.md", "validation.json", "test.json")]


def test_rows_are_found_by_their_words(written: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert card.main(written) == 0
    text = Path(written[0]).read_text()
    assert "| mean IoU of lesions | 0.751 (0.700 to 0.800) | 0.751 (0.700 to 0.800) |" in text
    assert "| uncertain | 0.065 | 0.100 |" in text
    assert "| something that nobody measures | 7 | 8 |" in text
    assert "A sentence with | in it." in text
    said = capsys.readouterr().out
    assert "something that nobody measures" in said
    assert "site: CS" in said


def test_a_plane_has_a_table_of_its_own(tmp_path: Path) -> None:
    rows = ["| LGG | validation | test |", "|---|---|---|", "| volume Dice, worst | 0.5 | 0.5 |", ""]
    rows += ["| Composite, sagittal | validation | test |", "|---|---|---|", "| volume Dice, worst | 0.5 | 0.5 |"]
    (tmp_path / "CARD.md").write_text("\n".join(rows) + "\n")
    written = [str(tmp_path / "CARD.md")]
    for part, worst in (("validation", 0.25), ("test", 0.75)):
        data = {"family": "lgg", "split": part, "flair_only": False, "alone": False, "plane": "sagittal"}
        figures = {"model": {"version": "9.9"}, "data": data, "outline": {"volume_dice_worst": worst}}
        (tmp_path / f"{part}.json").write_text(json.dumps(figures))
        written.append(str(tmp_path / f"{part}.json"))
    assert card.main(written) == 0
    after = Path(written[0]).read_text().splitlines()
    assert after[2] == rows[2]
    assert after[-1] == "| volume Dice, worst | 0.250 | 0.750 |"


def test_a_part_that_was_not_measured_leaves_its_rows(written: list[str]) -> None:
    assert card.main(written[:2]) == 0
    assert Path(written[0]).read_text() == CARD


def test_figures_of_two_models_are_not_mixed(written: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    other = json.loads(Path(written[2]).read_text())
    other["model"]["version"] = "1.0"
    Path(written[2]).write_text(json.dumps(other))
    assert card.main(written) == 2
    assert "several models (1.0, 9.9)" in capsys.readouterr().err
    assert Path(written[0]).read_text() == CARD


@pytest.mark.parametrize("content", ["no JSON", "{}", '{"data": {}}'])
def test_a_file_that_holds_no_figures_leaves_the_card(written: list[str], content: str) -> None:
    Path(written[1]).write_text(content)
    assert card.main(written) == 2
    assert Path(written[0]).read_text() == CARD


def test_the_shipped_card_has_every_row_that_is_measured() -> None:
    text = (weights.FOLDER / "MODEL_CARD.md").read_text()
    for head, what in card.HEADS.items():
        assert head in text
        table = text.split(head)[1].split("\n\n")[0]
        if what in ("lgg", "brisc", "lgg alone", "lgg flair alone"):
            rows = {"lgg": card.LGG, "brisc": card.BRISC}.get(what, card.ALONE)
            assert [row for row in rows if f"\n| {row} |" not in table] == []
