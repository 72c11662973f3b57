"""Line charts as inline SVG for the report: no script, colours from the page, a title for screen readers."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

_SIZE, _LEFT, _BOTTOM, _RIGHT, _TOP = (340, 260), 52, 42, 12, 12


@dataclass(frozen=True)
class Line:
    """A line with its name, points (x, y) in 0..`Chart.top`, and whether it is dashed."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def chart(title: str, x: str, y: str, lines: Sequence[Line], *, top: float = 1.0, said: str = "") -> str:
    """One chart, x from 0 to 1 and y from 0 to `top`; `said` is its content in a sentence."""
    width, height = _SIZE
    across, down = width - _LEFT - _RIGHT, height - _BOTTOM - _TOP

    def place(point: tuple[float, float]) -> str:
        return f"{_LEFT + point[0] * across:.1f},{_TOP + (1 - min(point[1] / top, 1)) * down:.1f}"

    parts = [f'<figure class="chart"><svg viewBox="0 0 {width} {height}" role="img" aria-label="{_safe(title, said)}">']
    for step in range(5):
        level = step / 4
        gx, gy = _LEFT + level * across, _TOP + (1 - level) * down
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{gy:.1f}" y2="{gy:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{gy + 4:.1f}" text-anchor="end">{_tick(level * top, top)}</text>')
        parts.append(f'<text x="{gx:.1f}" y="{height - _BOTTOM + 16}" text-anchor="middle">{level:.3g}</text>')
    for number, line in enumerate(lines):
        dash = ' stroke-dasharray="4 4"' if line.dashed else ""
        points = " ".join(place(point) for point in line.points)
        parts.append(f'<polyline class="line{number}" points="{points}"{dash}/>')
    parts.append(f'<text x="{_LEFT + across / 2}" y="{height - 8}" text-anchor="middle">{html.escape(x)}</text>')
    middle = _TOP + down / 2
    parts.append(
        f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{html.escape(y)}</text>'
    )
    names = ", ".join(f"{'dashed' if line.dashed else 'line'}: {line.name}" for line in lines)
    parts.append(
        f"</svg><figcaption><strong>{html.escape(title)}</strong><br>{html.escape(names)}</figcaption></figure>"
    )
    return "".join(parts)


def _tick(value: float, top: float) -> str:
    """Small shares as percent: they stay short."""
    return f"{value:.1%}" if top < 0.5 else f"{value:.3g}"


def _safe(title: str, said: str) -> str:
    return html.escape(f"{title}. {said}".strip(), quote=True)
