"""The viewer in a real browser: a volume opened, scrolled and windowed with real events, in headless Chromium without a GPU."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import FLAGS
from tests.e2e.machines import brainscan
from tests.e2e.viewing import Speed, speed

OPENINGS = 3
USABLE_AIM_S, STEP_AIM_MS = 2.0, 50


def opened() -> list[Speed]:
    """What each opening of a seeded volume of 150 slices took, each in a browser with an empty cache."""
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="brainscan-bench-") as folder,
        brainscan(Path(folder, "home"), seeded=True) as served,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=FLAGS
        )
        for _ in range(OPENINGS):
            context = browser.new_context()
            found.append(speed(context.new_page(), served))
            context.close()
        browser.close()
    return found


def measure() -> list[tuple[str, str, str]]:
    """Rows of the report: what, measured, aim."""
    found = opened()
    usable = median(each.usable for each in found) / 1000
    rows = [
        (
            "First picture of 150 slices of 256 x 256 there",
            f"{median(each.picture for each in found) / 1000:.2f} s",
            "",
        ),
        (f"Volume usable, median of {OPENINGS} openings", f"{usable:.2f} s", f"{USABLE_AIM_S:.0f} s"),
    ]
    steps = {
        "Scrolling by the wheel, one plane": "wheel",
        "Scrolling by the slider": "slider",
        "Window by dragging, one plane": "window",
        "Scrolling by the wheel, three planes": "wheel_of_three",
        "Window by dragging, three planes": "window_of_three",
    }
    for what, name in steps.items():
        rows.append(
            (f"{what}, event to painted frame", *told([wait for each in found for wait in getattr(each, name)]))
        )
    return rows


def told(waits: Sequence[float]) -> tuple[str, str]:
    """Median and 95th percentile of milliseconds, and the aim."""
    late = sorted(waits)[int(0.95 * (len(waits) - 1))]
    return f"{median(waits):.0f} ms (p95 {late:.0f})", f"{STEP_AIM_MS} ms"
