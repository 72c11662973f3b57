"""Writes measured figures into the tables of a model card, so that nobody copies numbers by hand.

    python -m ml.evaluation.card models/MODEL_CARD.md FIGURES.json ...

FIGURES are files of `evaluate --json`, of the validation and of the test part: each tells itself what was measured. A
row of the card is found by its words, in the table whose head names its data; rows that are not known here, and all
text around the tables, stay as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

PARTS = ("validation", "test")
"""The columns of every table, in order."""

Figures = Mapping[str, Any]
Cell = Callable[[Figures], str]


def _found(figures: Figures, path: str) -> Any:
    """What stands at "a.b.c"."""
    return reduce(lambda found, key: found[key], path.split("."), figures)


def _at(path: str, digits: int = 3) -> Cell:
    """The figure at a path, with its interval where it has one."""

    def cell(figures: Figures) -> str:
        found = _found(figures, path)
        if not isinstance(found, Mapping):
            return f"{found:.{digits}f}"
        low, high = found["interval_95"]
        return f"{found['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

    return cell


def _both(one: Cell, other: Cell) -> Cell:
    return lambda figures: f"{one(figures)}; {other(figures)}"


def _percent(path: str) -> Cell:
    """A share at a path as a percentage, without its interval."""

    def cell(figures: Figures) -> str:
        found = _found(figures, path)
        return f"{100 * (found['value'] if isinstance(found, Mapping) else found):.1f} %"

    return cell


_VERDICTS = {
    '*baseline: always "no tumour", accuracy*': _at("slices.baselines.always_no_tumour_accuracy"),
    "*baseline: ring only, AUC*": _at("slices.baselines.ring_only_auc"),
    "*baseline: size only, AUC*": _at("slices.baselines.size_only_auc"),
    "*baseline: mean only, AUC*": _at("slices.baselines.mean_only_auc"),
    "interval's high end against its low end, median": _at("size_interval.high_by_low_median", 2),
    "accuracy outside the uncertain band": _at("slices.accuracy_outside_the_band"),
}
LGG: dict[str, Cell] = _VERDICTS | {
    "volume Dice, mean": _at("outline.volume_dice_mean"),
    "volume Dice, median": _at("outline.volume_dice_median"),
    "volume Dice, worst": _at("outline.volume_dice_worst"),
    "volume IoU, mean": _at("outline.volume_iou_mean"),
    "Dice of tumour slices, mean": _at("outline.dice_of_tumour_slices_mean"),
    "HD95, median, pixels": _at("outline.hd95_px_median", 2),
    "surface Dice within 2 pixels": _at("outline.nsd_2px_mean"),
    "relative volume error, mean": _at("outline.relative_volume_error_mean"),
    "lesion-wise sensitivity": _at("outline.lesion_sensitivity"),
    "false lesions a scan": _at("outline.false_lesions_per_scan"),
    "*baseline: neighbour's true mask, Dice*": _at("outline_baselines.neighbours_true_mask_dice"),
    "slice accuracy": _at("slices.accuracy"),
    "slice AUC": _at("slices.auc"),
    "slice calibration error": _at("slices.ece"),
    "slices uncertain": _at("slices.uncertain_share"),
    "interval holds the true size, share of patients": _at("size_interval.covered"),
}
BRISC: dict[str, Cell] = _VERDICTS | {
    "mean IoU of lesions": _at("outline.mean_iou"),
    "mean IoU, axial": _at("outline.iou_by_plane.ax"),
    "mean IoU, coronal": _at("outline.iou_by_plane.co"),
    "mean IoU, sagittal": _at("outline.iou_by_plane.sa"),
    "mean IoU, glioma": _at("outline.iou_by_kind.gl"),
    "mean IoU, meningioma": _at("outline.iou_by_kind.me"),
    "mean IoU, pituitary": _at("outline.iou_by_kind.pi"),
    "mean Dice": _at("outline.mean_dice"),
    "IoU of all pixels together": _at("outline.pooled_iou"),
    "HD95, median, pixels": _at("outline.hd95_px_median", 2),
    "surface Dice within 2 pixels": _at("outline.nsd_2px_mean"),
    "lesions missed altogether": _at("outline.missed_share"),
    "accuracy": _at("slices.accuracy"),
    "AUC": _at("slices.auc"),
    "sensitivity": _at("slices.sensitivity"),
    "specificity": _at("slices.specificity"),
    "calibration error": _at("slices.ece"),
    "uncertain": _at("slices.uncertain_share"),
    "brain slices refused": _at("slices.refused_share"),
    "interval holds the true size, share of groups": _at("size_interval.covered"),
}
ALONE: dict[str, Cell] = {
    "accuracy": _at("slices.accuracy"),
    "AUC": _at("slices.auc"),
    "uncertain; right outside the band": _both(
        _percent("slices.uncertain_share"), _percent("slices.accuracy_outside_the_band")
    ),
    "calibration error": _at("slices.ece"),
    "refused": _percent("slices.refused_share"),
    "Dice of slices with a tumour": _at("outline.mean_dice"),
}
_OUTLINES = ("volume Dice, mean", "volume Dice, median", "volume Dice, worst", "false lesions a scan")
_SLICES = ("accuracy", "AUC", "uncertain; right outside the band", "calibration error", "refused")
RECUT: dict[str, Cell] = {name: LGG[name] for name in _OUTLINES} | {name: ALONE[name] for name in _SLICES}
HEADS = {
    "| LGG |": "lgg",
    "| BRISC |": "brisc",
    "| Composite, alone |": "lgg alone",
    "| FLAIR in grey, alone |": "lgg flair alone",
    "| Composite, sagittal |": "lgg sagittal",
    "| FLAIR in grey, sagittal |": "lgg flair sagittal",
    "| Composite, coronal |": "lgg coronal",
    "| FLAIR in grey, coronal |": "lgg flair coronal",
    "| Group |": "groups",
}
"""How the head of each table begins, and what it holds."""
_ROWS = {
    "lgg": LGG,
    "brisc": BRISC,
    "lgg alone": ALONE,
    "lgg flair alone": ALONE,
    **{f"lgg{way} {plane}": RECUT for way in ("", " flair") for plane in ("sagittal", "coronal")},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrites the card. Gives 0, or 2 when a file cannot be read or is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", type=Path)
    parser.add_argument("figures", type=Path, nargs="+")
    args = parser.parse_args(arguments)
    try:
        measured: dict[tuple[str, str], Figures] = {}
        for path in args.figures:
            figures = json.loads(path.read_text())
            measured[_what(figures)] = figures
        versions = {figures["model"]["version"] for figures in measured.values()}
        if len(versions) > 1:
            raise ValueError(f"the figures are of several models ({', '.join(sorted(versions))}); give those of one")
        text, left = filled(args.card.read_text(), measured)
        args.card.write_text(text)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        sys.stderr.write(f"The card stays as it was: {fault}\n")
        return 2
    for row in left:
        sys.stdout.write(f"stays as it was: {row}\n")
    return 0


def _what(figures: Figures) -> tuple[str, str]:
    """What a file of figures was measured on, and the part."""
    data = figures["data"]
    what = " ".join([data["family"], *["flair"] * data["flair_only"], *["alone"] * data["alone"]])
    what = f"{what} {data['plane']}" if data["plane"] else what
    return what, data["split"]


def filled(card: str, measured: Mapping[tuple[str, str], Figures]) -> tuple[str, list[str]]:
    """The card with the figures in its tables, and the rows of those tables that stay because nothing is known of them."""
    table, lines, left = "", [], []
    for line in card.splitlines():
        if not line.startswith("|"):
            table = ""
        head = next((what for start, what in HEADS.items() if line.startswith(start)), "")
        table = head or table
        label = line.split("|")[1].strip() if table else ""
        if not table or head or set(label) <= set("- "):
            lines.append(line)
            continue
        cells = [_cell(table, label, part, measured) for part in PARTS]
        if None in cells:
            left.append(line)
            lines.append(line)
            continue
        lines.append(f"| {label} | {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n", left


def _cell(table: str, label: str, part: str, measured: Mapping[tuple[str, str], Figures]) -> str | None:
    if table == "groups":
        figures = measured.get(("lgg", part))
        group, _, value = label.partition(": ")
        if figures is None or group not in figures["subgroups"]:
            return None
        found = figures["subgroups"][group].get(value)
        if found is None:
            return "none"
        return f"{found['patients']}, {found['volume_dice_mean']:.3f}, {found['slice_accuracy']:.3f}"
    figures, row = measured.get((table, part)), _ROWS[table].get(label)
    return None if figures is None or row is None else row(figures)


if __name__ == "__main__":
    sys.exit(main())
