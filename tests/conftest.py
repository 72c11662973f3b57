"""What every test starts from: no network but this machine (pyproject.toml), and a scan folder of its own."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from ml import processor

processor.use_onednn()  # whichever test imports TensorFlow first


@pytest.fixture(autouse=True)
def scan_folder(tmp_path: Path) -> Iterator[Path]:
    """The empty folder that a test's scans are stored in: what lies in it afterwards is what was left behind."""
    folder = tmp_path / "scans"
    storages: dict[str, Any] = copy.deepcopy(settings.STORAGES)
    storages["default"]["OPTIONS"]["location"] = folder
    with override_settings(STORAGES=storages):
        yield folder
