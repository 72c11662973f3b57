"""Figures by sex, age, grade and site of LGG patients, from the table beside the data (`data.csv`)."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml.evaluation import metrics
from ml.evaluation.run import Result
from ml.training.splits import site_of

TABLE = "data.csv"
_COLUMNS = {"sex": "gender", "grade": "neoplasm_histologic_grade", "histology": "histological_type"}
_AGES = ((0, 40, "under 40"), (40, 60, "40 to 59"), (60, 200, "60 and over"))


def by_case(folder: Path, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """For each case its groups: {"site": "CS", "sex": "code 1", ...}. Codes stay as published; unknown is left out.

    The site is the second part of a TCGA name; the rest needs the table, which may be missing.
    """
    rows: dict[str, dict[str, str]] = {}
    table = folder / TABLE
    if table.is_file():
        with table.open(newline="", encoding="utf-8") as file:
            rows = {row["Patient"]: row for row in csv.DictReader(file) if row.get("Patient")}
    result = {}
    for name in names:
        site = site_of(name)
        groups = {"site": site} if site else {}
        row = rows.get("_".join(name.split("_")[:3]), {})
        groups |= {group: f"code {row[column]}" for group, column in _COLUMNS.items() if row.get(column)}
        age = row.get("age_at_initial_pathologic") or ""
        if age.isdigit():
            groups["age"] = next(text for low, high, text in _AGES if low <= int(age) < high)
        result[name] = groups
    return result


def figures(results: Sequence[Result], groups: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Volume Dice and slice accuracy of each subgroup, with how many patients it has."""
    members: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        for group, value in groups.get(result.case.name, {}).items():
            members[group][value].append(result)
    return {
        group: {value: _of(found) for value, found in sorted(values.items())}
        for group, values in sorted(members.items())
    }


def _of(results: Sequence[Result]) -> dict[str, Any]:
    dice = [metrics.dice(result.masks, result.truth) for result in results if result.truth.any()]
    right = np.concatenate([(result.probabilities >= 0.5) == result.sick for result in results])
    return {
        "patients": len(results),
        "volume_dice_mean": round(float(np.mean(dice)), 4) if dice else None,
        "volume_dice_worst": round(min(dice), 4) if dice else None,
        "slice_accuracy": round(float(right.mean()), 4),
    }
