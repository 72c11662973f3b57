"""The guide tells the viewer's keys as the viewer's own table does, all of them and no other."""

from __future__ import annotations

import re

from brainscan.config import CHECKOUT


def test_the_guide_lists_the_keys_of_the_table() -> None:
    table = (CHECKOUT / "static/js/viewer/keyboard.js").read_text(encoding="utf-8")
    guide = (CHECKOUT / "docs/guide/viewer.md").read_text(encoding="utf-8")
    known = set(re.findall(r'shown: "([^"]+)",\s*says: "([^"]+)"', table))
    told = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", guide.split("## Keys")[1], flags=re.MULTILINE)
    assert len(known) > 20
    assert set(told) == known
