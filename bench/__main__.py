"""`python -m bench [models] [server] [series] [memory] [viewer]`: measure, print, and write docs/performance.md."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from bench import machine

REPORT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
PARTS = {
    "models": "The networks, one warm process",
    "server": "The program, over HTTP",
    "series": "Whole series, over HTTP",
    "memory": "Memory of one large volume",
    "viewer": "The viewer, in headless Chromium without a GPU",
}
INTRODUCTION = """# Performance

Written by `make bench`; measured, not promised. The program is `manage.py serve` in an empty home (SQLite, one
worker), driven over HTTP by a signed-in doctor who uploads generated heads of 256 x 256 pixels one after the other.
“Visible” is: the upload is sent, the status asked as often as the page asks, the result's page and its picture loaded.
The page to upload on was open for a second before: a person takes that to choose files, and meanwhile the process that will
look at them starts. A series is generated DICOM, a file a slice. The networks' bare time is what they alone take for exactly
the batches of that series (each slice and its mirror image), in one warm process with nothing beside them, median of three,
measured in the same run; the rest is upload, de-identification, reading, preparing, measuring, pictures and record. Bytes to the first picture are of the page of the longer series: the page, its style sheets, scripts
and typeface as sent, and the picture itself. The viewer is driven by real events of mouse and wheel; each is timed until
the frame that it led to was painted.
"""


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sections(report: str) -> dict[str, str]:
    """The parts of an earlier report by their headings."""
    found = re.split(r"^## (.+)\n", report, flags=re.MULTILINE)
    return {heading: text.strip() for heading, text in zip(found[1::2], found[2::2], strict=True)}


def main() -> None:
    """Measure the parts that were asked for, all by default; parts not asked for stay in the report as they are."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure speed and memory.")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="what to measure; everything by default")
    parser.add_argument("--no-report", action="store_true", help="print only")
    arguments = parser.parse_args()
    known = sections(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}
    head = table(("Machine", ""), machine.facts())
    print(head, flush=True)
    for part in arguments.parts or PARTS:
        from importlib import import_module

        when = machine.now()
        rows = import_module(f"bench.{part}").measure()
        known[PARTS[part]] = f"{when}\n\n{table(('What', 'Measured', 'Aim'), rows)}"
        print(f"\n## {PARTS[part]}\n\n{known[PARTS[part]]}", flush=True)
    if not arguments.no_report:
        parts = [f"## {heading}\n\n{known[heading]}" for heading in PARTS.values() if heading in known]
        REPORT.write_text("\n\n".join([INTRODUCTION.rstrip(), head, *parts]) + "\n", encoding="utf-8")
        print(f"\nWritten to {REPORT.relative_to(Path.cwd()) if REPORT.is_relative_to(Path.cwd()) else REPORT}.")


if __name__ == "__main__":
    main()
