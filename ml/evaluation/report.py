"""An HTML report with figures and a gallery of the best and worst cases. It shows patients: never publish it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from ml.evaluation import metrics
from ml.evaluation.run import Result

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse } td, th { border-bottom: 1px solid #8886; padding: .25rem .75rem; text-align: left }
figure { display: inline-block; margin: .5rem } figcaption { font-size: 13px } img { width: 256px; image-rendering: auto }
"""
_SHOWN = 8


def write(folder: Path, figures: dict[str, Any], results: Sequence[Result]) -> Path:
    """Writes `index.html` and its pictures into a folder; gives the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    ranked = sorted((result for result in results if result.truth.any()), key=lambda r: metrics.dice(r.masks, r.truth))
    parts = [f"<h1>Evaluation of {html.escape(str(figures['model']['version']))}</h1>"]
    parts.append(
        "<p>True outline green, found outline red. These pictures show patients: do not publish this page.</p>"
    )
    parts += _table(figures)
    for title, shown in (("Worst", ranked[:_SHOWN]), ("Best", ranked[::-1][:_SHOWN])):
        parts.append(f"<h2>{title}</h2>")
        for number, result in enumerate(shown):
            name = f"{title.lower()}-{number}.png"
            _picture(result).save(folder / name)
            value = metrics.dice(result.masks, result.truth)
            caption = f"{html.escape(result.case.name)}: Dice {value:.3f}, {result.findings.verdict.value}"
            parts.append(f'<figure><img src="{name}" alt=""><figcaption>{caption}</figcaption></figure>')
    page = folder / "index.html"
    body = "\n".join(parts)
    page.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title><style>{_STYLE}</style>{body}'
    )
    return page


def _table(figures: dict[str, Any]) -> list[str]:
    rows = []
    for section in ("outline", "outline_baselines", "slices", "scans"):
        for name, value in figures[section].items():
            if name != "by_case":
                rows.append(
                    f"<tr><td>{section}</td><td>{html.escape(name)}</td><td>{html.escape(str(value))}</td></tr>"
                )
    return ["<table>", *rows, "</table>"]


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
