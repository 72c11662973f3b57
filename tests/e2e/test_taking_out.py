"""Taking results out with a real browser: a file arrives under a safe name, and a reason is a page and not a broken download."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import machines
from tests.e2e.conftest import Watch, sign_in


@pytest.mark.parametrize(("label", "name"), [("Report (PDF)", "report.pdf"), ("Masks and tables (zip)", "masks.zip")])
def test_a_link_gives_a_file(
    page: Page, watch: Watch, served: machines.Brainscan, tmp_path: Path, label: str, name: str
):
    sign_in(page, served)
    page.goto(f"{served.address}/scans/{served.seeded['series']['scan']}/")
    with page.expect_download(timeout=120_000) as coming:
        page.get_by_role("link", name=label).click()
    assert coming.value.suggested_filename == f"{served.seeded['series']['scan']}-{name}"
    file = tmp_path / name
    coming.value.save_as(file)
    if name.endswith(".pdf"):
        assert file.read_bytes().startswith(b"%PDF-1.7")
    else:
        assert "slices.csv" in zipfile.ZipFile(file).namelist()


def test_what_a_scan_does_not_have_is_told_with_the_reason(page: Page, served: machines.Brainscan):
    sign_in(page, served)
    page.goto(f"{served.address}/scans/{served.seeded['series']['scan']}/")
    page.get_by_text("Not for this scan").click()
    expect(page.get_by_text("Only for scans that came as DICOM")).to_be_visible()
    answer = page.goto(f"{served.address}/scans/{served.seeded['series']['scan']}/exports/segmentation.dcm")
    assert answer is not None
    assert answer.status == 409
    expect(page.get_by_role("heading", name="Not taken out")).to_be_visible()
    page.get_by_role("link", name="Go back").click()
    expect(page.get_by_role("heading", name="Download")).to_be_visible()
