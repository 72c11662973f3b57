"""A hospital's export goes in through the real browser: a folder is one row, its series become scans, the doctor corrects one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom.uid import generate_uid

from tests import phantoms, phantoms_dicom
from tests.e2e import machines
from tests.e2e.conftest import Watch, sign_in

pytestmark = pytest.mark.e2e
FLAIR: dict[str, Any] = {
    "SeriesDescription": "t2_tirm_tra_dark-fluid",
    "RepetitionTime": 9000,
    "EchoTime": 100,
    "InversionTime": 2500,
}
T1: dict[str, Any] = {"SeriesDescription": "T1 SE ax", "RepetitionTime": 500, "EchoTime": 12}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a CD holds: two series that lie on each other, a planning picture, a viewer and its licence."""
    folder = tmp_path_factory.mktemp("cd") / "EXPORT"
    frame, study = generate_uid(), generate_uid()
    number = 0
    for place, (contrast, tags) in enumerate((("flair", FLAIR), ("t1", T1), ("flair", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}))):  # fmt: skip
        voxels = phantoms.volume(slices=6, size=128, contrast=contrast)[0].astype(np.uint16)
        shared: dict[str, Any] = {
            "FrameOfReferenceUID": frame,
            "StudyInstanceUID": study,
            "SeriesNumber": place + 1,
            "StudyDate": "20240131",
        }
        series = folder / "DICOM" / f"SE{place}"
        series.mkdir(parents=True)
        for dataset in phantoms_dicom.series(voxels, **shared, **tags):
            phantoms_dicom.write(series / f"IM{number:04d}", dataset)
            number += 1
    (folder / "viewer.exe").write_bytes(b"MZ" + bytes(100))
    (folder / "LICENSE").write_text("nothing to see")
    return folder


def test_a_folder_becomes_a_study(page: Page, served: machines.Brainscan, watch: Watch, export: Path) -> None:
    sign_in(page, served)
    page.goto(f"{served.address}/scans/new/")
    page.set_input_files("[data-folder]", export)
    row = page.locator("[data-list] li")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("18 files")
    expect(row).to_contain_text("2 left out")
    page.click("[data-submit]")
    expect(page).to_have_url(re.compile(r"/studies/[0-9a-f-]{36}/$"), timeout=60_000)
    for words in ("FLAIR", "T1 without contrast", "Fused", "A planning picture"):
        expect(page.locator("main")).to_contain_text(words)
    expect(page.locator("[data-live]")).to_have_count(0, timeout=180_000)

    page.get_by_role("link", name="T1 without contrast").first.click()
    page.get_by_role("heading", name="Sequence: ").click()
    page.select_option("#sequence-is", "T1c")
    page.get_by_role("button", name="Correct and analyse again").click()
    expect(page.locator("section[aria-labelledby=sequence]")).to_contain_text("T1 with contrast, as")


def test_two_patients_are_refused_and_nothing_is_lost(
    page: Page, served: machines.Brainscan, watch: Watch, tmp_path: Path
) -> None:
    watch.expected = ("400 (Bad Request)",)
    paths = [
        phantoms_dicom.write(tmp_path / f"IM{patient}", phantoms_dicom.series(phantoms.volume(slices=1)[0], PatientID=patient)[0])
        for patient in ("A", "B")
    ]  # fmt: skip
    sign_in(page, served)
    page.goto(f"{served.address}/scans/new/")
    page.set_input_files("[data-files]", paths)
    page.click("[data-submit]")
    expect(page.locator("[data-alert]")).to_contain_text("more than one patient", timeout=60_000)
    expect(page.locator("[data-list] li")).to_have_count(2)
