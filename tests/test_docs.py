"""The documents tell every setting and every command, and no other."""

from __future__ import annotations

import re

import pytest

from brainscan.config import CHECKOUT, Config

VARIABLES = sorted(str(field.alias) for field in Config.model_fields.values())


@pytest.mark.parametrize("document", ["README.md", "docs/configuration.md"])
def test_every_setting_is_told(document):
    text = (CHECKOUT / document).read_text(encoding="utf-8")
    assert [name for name in VARIABLES if f"`{name}`" not in text] == []


@pytest.mark.parametrize("document", ["README.md", "docs/configuration.md"])
def test_no_setting_is_told_that_does_not_exist(document):
    text = (CHECKOUT / document).read_text(encoding="utf-8")
    told = set(re.findall(r"\b(?:BRAINSCAN|AUTH0|TWILIO)_[A-Z0-9_]+\b", text))
    assert told - set(VARIABLES) == set()


def test_descriptions_in_the_table_are_those_of_the_code():
    text = (CHECKOUT / "docs/configuration.md").read_text(encoding="utf-8")
    for field in Config.model_fields.values():
        assert field.description
        assert field.description in text


def test_every_link_to_a_file_of_ours_leads_somewhere():
    broken = []
    for document in [CHECKOUT / "README.md", *CHECKOUT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", document.read_text(encoding="utf-8")):
            if not (document.parent / target).exists():
                broken.append(f"{document.relative_to(CHECKOUT)}: {target}")
    assert broken == []


def test_every_make_target_of_the_readme_exists():
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z0-9-]+)`", readme)) - targets == set()


def test_only_config_reads_the_environment():
    readers = []
    for folder in ("brainscan", "detection"):
        for path in (CHECKOUT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if re.search(r"os\.(environ\[|environ\.get|getenv)", text) and path.name != "config.py":
                readers.append(str(path.relative_to(CHECKOUT)))
    # `account add --password-env VAR` reads the variable that its caller names; children that open
    # people's files get two variables of the loader and nothing else.
    assert set(readers) - {"detection/management/commands/account.py", "detection/processes.py"} == set()
