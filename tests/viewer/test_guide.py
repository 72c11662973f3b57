"""Guide and help page tell the viewer's keys as its own table does, all of them and no other; the help names every tool."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from brainscan.config import CHECKOUT
from tests import cast


def keys() -> set[tuple[str, str]]:
    """What is pressed and what it does, of the viewer's own table."""
    table = (CHECKOUT / "static/js/viewer/keyboard.js").read_text(encoding="utf-8")
    return set(re.findall(r'shown: "([^"]+)",\s*says: "([^"]+)"', table))


@pytest.fixture
def help_page(db: None) -> str:
    browser: Client = cast.signed_in(cast.alice())
    return browser.get("/help/").content.decode()


def test_the_guide_lists_the_keys_of_the_table() -> None:
    guide = (CHECKOUT / "docs/guide/viewer.md").read_text(encoding="utf-8")
    known = keys()
    told = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", guide.split("## Keys")[1], flags=re.MULTILINE)
    assert len(known) > 20
    assert set(told) == known


def test_the_help_lists_the_keys_of_the_table(help_page: str) -> None:
    assert set(re.findall(r"<dt><kbd>([^<]+)</kbd></dt><dd>([^<]+)</dd>", help_page)) == keys()


def test_the_help_names_every_tool(help_page: str) -> None:
    viewer = (CHECKOUT / "templates/scans/_viewer.html").read_text(encoding="utf-8")
    tools = set(re.findall(r'data-act="[^"]+" aria-label="([^"]+)"', viewer))
    assert len(tools) > 15
    text = re.sub(r"<[^>]+>", " ", help_page)
    assert [tool for tool in sorted(tools) if tool not in text] == []


@pytest.mark.parametrize(
    "words",
    ["Analyse again", "Withdraw", "Send again", "Correct and analyse again", "Not for this scan", "smaller|Small lesions",
     "Mask|mask’s opacity", "Drag on the picture", "As in the file", "Close outline", "No longer current"],
)  # fmt: skip
def test_the_help_names_what_a_page_offers(help_page: str, words: str) -> None:
    assert re.search(words, help_page)
