"""An HTML report: figures with intervals, curves, and a gallery of the best and worst cases.

One file without scripts or other files. It shows patients: never publish it.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from ml.evaluation import metrics
from ml.evaluation.charts import Line, chart
from ml.evaluation.run import Result

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  background: light-dark(#fff, #14171a); color: light-dark(#1a1d21, #e8eaed) }
.warning { border-left: 4px solid light-dark(#b3261e, #ff8a80); padding: .5rem 1rem }
table { border-collapse: collapse; margin: 1rem 0 2rem } caption { text-align: left; font-weight: 600 }
td, th { border-bottom: 1px solid light-dark(#ccd, #445); padding: .3rem 1rem .3rem 0; text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; font-weight: 400 }
thead th { font-weight: 600 } tr.baseline { font-style: italic }
figure { display: inline-block; margin: .5rem 1rem .5rem 0; vertical-align: top }
figcaption { font-size: 14px; max-width: 340px } img { width: 256px; height: 256px; object-fit: contain; background: #000 }
.scroll { overflow-x: auto } svg { width: 340px; height: 260px; font: 12px system-ui, sans-serif }
svg text { fill: currentColor } .grid { stroke: light-dark(#dde, #334) }
polyline { fill: none; stroke-width: 2 } .line0 { stroke: light-dark(#0b57d0, #8ab4f8) }
.line1 { stroke: light-dark(#6b6f76, #9aa0a6) }
"""
_SHOWN = 8
_NAMES = {"outline": "Outlines", "slices": "Verdict of each slice", "scans": "Verdict of each scan"}


def write(folder: Path, figures: dict[str, Any], results: Sequence[Result]) -> Path:
    """Writes `index.html` into a folder; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    data = figures["data"]
    title = f"Evaluation of model {figures['model']['version']}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        (
            '<p class="warning"><strong>These pictures show patients.</strong> Keep this page where the scans are kept; '
            "do not publish it.</p>"
        ),
        (
            f"<p>Data: {html.escape(str(data['folder']))}, part {html.escape(str(data['split'] or 'all'))}; "
            f"{figures['cases']} cases in {figures['groups']} groups. Intervals are 95 % bootstrap intervals over patients "
            f"or groups. {html.escape(figures['empty_masks'])} Research use only.</p>"
        ),
    ]
    if data.get("trained_on"):
        parts.append(
            f'<p class="warning"><strong>The networks learnt from {data["trained_on"]} of these {figures["cases"]} cases.'
            "</strong> The figures flatter them: only the test part says what they do with patients they never saw.</p>"
        )
    parts += [_table(_NAMES[section], figures[section], _baselines(figures, section)) for section in _NAMES]
    if figures.get("size_interval"):
        parts.append(_table("Size interval: how often it holds the truth", figures["size_interval"], {}))
    parts.append("<h2>Curves</h2>" + _curves(figures["slices"]["curves"]))
    if figures.get("subgroups"):
        parts.append("<h2>Subgroups</h2>" + _subgroups(figures["subgroups"]))
    parts += _gallery(results)
    page = folder / "index.html"
    page.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n",
        encoding="utf-8",
    )
    return page


def _baselines(figures: dict[str, Any], section: str) -> dict[str, Any]:
    if section == "outline":
        return dict(figures["outline_baselines"])
    return dict(figures["slices"]["baselines"]) if section == "slices" else {}


def _table(title: str, values: dict[str, Any], baselines: dict[str, Any]) -> str:
    rows = _rows(values, "") + _rows(baselines, "baseline: ", ' class="baseline"')
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Figure", "Value", "95 % interval"))
    return (
        f'<div class="scroll"><table><caption>{html.escape(title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _rows(values: dict[str, Any], prefix: str, row: str = "") -> list[str]:
    rows: list[str] = []
    for name, value in values.items():
        words = f"{prefix}{name.replace('_', ' ')}"
        if name in ("by_case", "baselines", "curves"):
            continue
        if isinstance(value, dict) and "value" not in value:
            rows += _rows(value, f"{words}, ", row)
            continue
        number, interval = (value["value"], value["interval_95"]) if isinstance(value, dict) else (value, None)
        between = f"{interval[0]} to {interval[1]}" if interval else ""
        shown = "not defined" if number is None else str(number)
        rows.append(
            f'<tr{row}><th scope="row">{html.escape(words)}</th><td>{html.escape(shown)}</td><td>{between}</td></tr>'
        )
    return rows


def _curves(curves: dict[str, Any]) -> str:
    risk = [(point["coverage"], point["error"]) for point in curves["risk_coverage"]]
    top = max(0.02, max(error for _, error in risk) * 1.15)
    said = f"Answering all, {risk[-1][1]:.1%} are wrong; answering the surest half, {risk[len(risk) // 2 - 1][1]:.1%}."
    shown = [
        chart(
            "Risk and coverage",
            "share answered, surest first",
            "share wrong",
            [Line("this model", risk)],
            top=top,
            said=said,
        )
    ]
    points = [(each["said"], each["true"]) for each in curves["reliability"]]
    diagonal = Line("what it should be", [(0, 0), (1, 1)], dashed=True)
    shown.append(
        chart("Calibration", "probability said", "share with tumour", [Line("this model", points), diagonal],
              said="The nearer to the diagonal, the better calibrated.")
    )  # fmt: skip
    if curves["roc"]:
        guess = Line("guessing", [(0, 0), (1, 1)], dashed=True)
        lines = [Line("this model", [tuple(point) for point in curves["roc"]]), guess]
        shown.append(chart("ROC curve", "1 - specificity", "sensitivity", lines))
    return "".join(shown)


def _subgroups(groups: dict[str, Any]) -> str:
    names = ("patients", "volume_dice_mean", "volume_dice_worst", "slice_accuracy")
    head = "".join(f'<th scope="col">{html.escape(name.replace("_", " "))}</th>' for name in ("group", *names))
    rows = []
    for group, values in groups.items():
        for value, found in values.items():
            cells = "".join(f"<td>{html.escape(str(found[name]))}</td>" for name in names)
            rows.append(f'<tr><th scope="row">{html.escape(group)}: {html.escape(value)}</th>{cells}</tr>')
    note = "Codes as published with the data. Groups are small: read differences with care."
    return f'<p>{note}</p><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _gallery(results: Sequence[Result]) -> list[str]:
    scored = [(metrics.dice(r.masks, r.truth), r) for r in results if r.truth.any()]
    ranked = sorted(scored, key=lambda pair: pair[0])
    parts = [
        "<h2>Gallery</h2><p>True outline green, found outline red, on the slice with the largest true outline.</p>"
    ]
    for title, shown in (("Worst", ranked[:_SHOWN]), ("Best", ranked[::-1][:_SHOWN])):
        parts.append(f"<h3>{title} cases</h3>")
        for value, result in shown:
            with io.BytesIO() as file:
                _picture(result).save(file, "PNG")
                code = base64.b64encode(file.getvalue()).decode()
            caption = f"{result.case.name}: Dice {value:.3f}, {result.findings.verdict.value.replace('_', ' ')}"
            safe = html.escape(caption, quote=True)
            parts.append(
                f'<figure><img src="data:image/png;base64,{code}" alt="Slice of {safe}"><figcaption>{safe}</figcaption></figure>'
            )
    return parts


def _picture(result: Result) -> Image.Image:
    """The slice with the largest true outline, as RGB, both outlines drawn."""
    index = int(result.truth.sum(axis=(1, 2)).argmax())
    voxels, _ = result.case.read()
    grey = (
        voxels[index].astype(np.float32).mean(axis=2) if voxels.shape[3] == 1 else voxels[index][..., 1].astype(float)
    )
    level = np.clip(grey / max(float(np.percentile(grey, 99.5)), 1.0), 0, 1) * 255
    picture = np.repeat(level.astype(np.uint8)[..., None], 3, axis=2)
    for mask, colour in ((result.truth[index], (0, 230, 60)), (result.masks[index], (255, 40, 40))):
        picture[mask & ~ndimage.binary_erosion(mask)] = colour
    return Image.fromarray(picture)
