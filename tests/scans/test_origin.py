"""Where a result came from: the hash that a doctor can make of the file in their own hand."""

from __future__ import annotations

import pytest

from detection.models import StoredFile
from ml.findings import Verdict
from tests import cast, rows


@pytest.mark.django_db
def test_the_page_shows_the_hash_of_the_file_as_it_was_sent() -> None:
    alice = cast.alice()
    (scan,) = rows.done(alice, Verdict.TUMOUR)
    stored = scan.files.get().sha256
    StoredFile.objects.update(sha256_received="f" * 64)
    page = cast.signed_in(alice).get(f"/scans/{scan.pk}/").content.decode()
    assert f"<small>{'f' * 64}</small>" in page
    assert f"Stored without what names the patient: {stored}" in page
