"""The models beside the plain way, by `python -m ml benchmark`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent


def measure() -> list[tuple[str, str, str]]:
    """Rows of the report: what, measured, aim."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "benchmark.json")
        answer = subprocess.run(
            [sys.executable, "-m", "ml", "benchmark", "--json", str(target)],
            cwd=CHECKOUT,
            check=False,
            stdout=subprocess.DEVNULL,
        )
        if answer.returncode:
            raise SystemExit("bench: `python -m ml benchmark` failed.")
        return [(name, value, "") for name, value in flat(json.loads(target.read_text(encoding="utf-8")))]


def flat(found: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Every number of the benchmark's answer, under its name."""
    for key, value in found.items():
        name = f"{before}{key}".replace("_", " ")
        if isinstance(value, dict):
            yield from flat(value, f"{name}: ")
        elif isinstance(value, bool | str):
            yield name, str(value)
        elif isinstance(value, int | float):
            yield name, f"{value:,.4g}"
