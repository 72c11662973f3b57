"""A door to knock at: Alice's browser, and what is left behind afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from detection.models import Analysis, Delivery, Scan, StoredFile, Study
from tests import cast


@pytest.fixture
def alice(db: None) -> Client:
    return cast.signed_in(cast.alice())


@pytest.fixture
def nothing_is_left(scan_folder: Path) -> Callable[[], None]:
    """Holds that a refused upload left no row, no stored file and no temporary file."""

    def check() -> None:
        for rows in (Study, Scan, StoredFile, Analysis, Delivery):
            assert not rows.objects.exists(), rows.__name__
        assert not [path for path in scan_folder.rglob("*") if path.is_file()]
        assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())

    return check
