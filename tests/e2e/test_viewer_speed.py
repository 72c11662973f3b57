"""How soon a volume can be read in a real browser, and how quick it is from then on.

The bounds are generous, because a test's machine may be busy; docs/performance.md has what a quiet one measured.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from playwright.sync_api import Page

from tests.e2e import machines
from tests.e2e.conftest import Watch
from tests.e2e.viewing import speed

SOON, AT_ONCE = 20_000, 400
LARGEST_FIRST_PICTURE = 150_000


def test_a_volume_of_150_slices(
    page: Page, watch: Watch, served: machines.Brainscan, record_property: Callable[[str, object], None]
) -> None:
    told = speed(page, served)
    assert told.usable < SOON, told
    assert told.picture < told.usable, "the picture comes first"
    assert told.picture_bytes < LARGEST_FIRST_PICTURE
    record_property("viewer usable", round(told.usable))
    for name in ("wheel", "wheel_handed", "slider", "slider_handed", "window", "wheel_of_three", "window_of_three"):
        waits = getattr(told, name)
        record_property(f"viewer {name}", round(median(waits), 1))
        assert median(waits) < AT_ONCE, (name, waits)
