"""How far a command is, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

EVERY_SECONDS = 10.0


class Progress:
    """Counts scans. Nothing is shown when quiet."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total, self._quiet = total, quiet
        self._done = 0
        self._fractions: dict[int, float] = {}
        self._last = time.monotonic()
        self._bar = None
        if not quiet and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="scan", file=sys.stderr, bar_format="{l_bar}{bar}| {n:.1f}/{total}")

    def within(self, volume: int, fraction: float) -> None:
        """Note that the analysis of one volume of the present call is so far, 0..1."""
        self._fractions[volume] = fraction
        self._show()

    def done(self) -> None:
        """Note that one more scan is answered."""
        self._done += 1
        self._fractions.clear()
        self._show()

    def tell(self, line: str) -> None:
        """Say something without breaking the bar."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Say the last word."""
        self._fractions.clear()
        self._show(now=True)
        if self._bar is not None:
            self._bar.close()

    def _show(self, *, now: bool = False) -> None:
        reached = min(self._done + sum(self._fractions.values()), self._total)
        if self._bar is not None:
            self._bar.n = max(self._bar.n, reached)
            self._bar.refresh()
        elif now or time.monotonic() - self._last >= EVERY_SECONDS:
            self._last = time.monotonic()
            self.tell(f"{int(reached):,} of {self._total:,} scans")
