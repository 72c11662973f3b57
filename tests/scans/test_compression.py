"""A result page of many slices comes compressed, pictures as they lie in storage."""

from __future__ import annotations

import gzip

import pytest

from ml.findings import Verdict
from tests import rows
from tests.cast import alice, signed_in

pytestmark = pytest.mark.django_db


def test_the_page_is_compressed_for_whoever_can_unpack_it() -> None:
    (scan,) = rows.done(alice(), Verdict.TUMOUR)
    browser = signed_in(scan.owner)
    plain = browser.get(f"/scans/{scan.pk}/")
    packed = browser.get(f"/scans/{scan.pk}/", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert b"scan-viewer" in gzip.decompress(packed.content)
    assert len(packed.content) < len(plain.content) / 2


def test_pictures_are_not_compressed_twice() -> None:
    (scan,) = rows.done(alice(), Verdict.TUMOUR)
    picture = signed_in(scan.owner).get(f"/scans/{scan.pk}/slices/0/image.png", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in picture.headers
    assert b"".join(picture).startswith(b"\x89PNG")
