"""An installation may let the picture come first, without the AI's marks, until somebody asks for them."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client, override_settings

from detection.models import Scan
from ml.findings import Verdict
from tests import cast, rows

pytestmark = pytest.mark.django_db

MARK = 'class="mk"'


@pytest.fixture
def scan() -> Scan:
    return rows.done(cast.alice(), Verdict.TUMOUR)[0]


def page(scan: Scan, query: str = "", *, first: bool) -> str:
    with override_settings(CONFIG=settings.CONFIG.model_copy(update={"overlay_first": first})):
        client = Client()
        client.force_login(scan.owner, backend="django.contrib.auth.backends.ModelBackend")
        return client.get(f"/scans/{scan.pk}/{query}").content.decode()


def test_usually_the_marks_are_there_at_once(scan: Scan) -> None:
    shown = page(scan, first=True)
    assert MARK in shown
    assert 'data-marks="on"' in shown


def test_switched_off_the_picture_comes_bare_and_the_viewer_is_told(scan: Scan) -> None:
    shown = page(scan, first=False)
    assert MARK not in shown
    assert 'data-marks="off"' in shown
    assert 'data-act="mask" aria-label="Outline" title="Outline" aria-pressed="false"' in shown


def test_whoever_has_no_script_may_ask_by_a_link(scan: Scan) -> None:
    assert 'href="?slice=1&amp;marks=1"' in page(scan, first=False)
    assert MARK in page(scan, "?slice=1&marks=1", first=False)
