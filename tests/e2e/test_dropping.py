"""Files and folders dropped onto the upload page in the real browser, the folder picker, and the page on a phone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import phantoms, phantoms_cd, phantoms_dicom
from tests.e2e import machines
from tests.e2e.conftest import Watch, sign_in

pytestmark = pytest.mark.e2e
FLAIR: dict[str, Any] = {
    "SeriesDescription": "sT2W/FLAIR",
    "RepetitionTime": 9000,
    "EchoTime": 100,
    "InversionTime": 2500,
}


@pytest.fixture(scope="module")
def brainix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated disc like the sample case BRAINIX: 22 slices in folders with spaces, an index, a viewer."""
    folder = tmp_path_factory.mktemp("discs") / "BRAINIX"
    voxels = phantoms.volume(slices=22, size=96)[0].astype(np.uint16)
    phantoms_cd.write_cd(folder, phantoms_dicom.series(voxels, SeriesNumber=401, **FLAIR), left_out=[21])
    (folder / "DICOM" / "S0").rename(folder / "DICOM" / "sT2W FLAIR - 401")
    (folder / "Viewer.exe").write_bytes(b"MZ" + bytes(100))
    (folder / ".DS_Store").write_bytes(b"\0" * 10)
    return folder


def drop(page: Page, paths: list[Path]) -> None:
    """As the desktop does it: the browser itself makes files and folders of these paths."""
    box = page.locator("[data-drop]").bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 20}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    browser = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})


def upload_page(page: Page, served: machines.Brainscan) -> Page:
    sign_in(page, served)
    page.goto(f"{served.address}/scans/new/")
    return page


def sent_and_told(page: Page) -> None:
    """One scan of 21 slices; the 22nd is only in the index."""
    page.click("[data-submit]")
    expect(page).to_have_url(re.compile(r"/scans/[0-9a-f-]{36}/$"), timeout=60_000)
    expect(page.locator("main")).to_contain_text("names 1 image that is not in this upload: 1 of series 401")
    expect(page.locator("header .ident")).to_contain_text("slice 001.dcm and 20 more")


def test_a_dropped_folder_is_one_row_and_goes_in_whole(
    page: Page, served: machines.Brainscan, watch: Watch, brainix: Path
) -> None:
    drop(upload_page(page, served), [brainix])
    row = page.locator("[data-list] li")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("BRAINIX")
    expect(row).to_contain_text("22 files")  # 21 slices and the index
    expect(row).to_contain_text("2 left out")
    sent_and_told(page)


def test_a_folder_and_a_file_dropped_together_are_two_rows(
    page: Page, served: machines.Brainscan, watch: Watch, brainix: Path, tmp_path: Path
) -> None:
    picture = phantoms.write_pictures(tmp_path, phantoms.volume(slices=1)[0])[0]
    drop(upload_page(page, served), [brainix, picture])
    expect(page.locator("[data-list] li")).to_have_count(2)
    expect(page.locator("[data-list] li").last).to_contain_text(picture.name)
    page.get_by_role("button", name="Remove BRAINIX").click()
    expect(page.locator("[data-list] li")).to_have_count(1)


def test_dropped_files_are_a_row_each(page: Page, served: machines.Brainscan, watch: Watch, tmp_path: Path) -> None:
    paths = phantoms.write_pictures(tmp_path, phantoms.volume(slices=3)[0])
    drop(upload_page(page, served), paths)
    expect(page.locator("[data-list] li")).to_have_count(3)
    expect(page.locator("[data-list] canvas")).to_have_count(3)


def test_an_empty_folder_says_so(page: Page, served: machines.Brainscan, watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "EMPTY").mkdir()
    drop(upload_page(page, served), [tmp_path / "EMPTY"])
    expect(page.locator("[data-list] li")).to_contain_text("There is no image in it.")
    page.locator("[data-submit]").press("Enter")  # aria-disabled, and says why
    expect(page.get_by_role("alert")).to_contain_text("Remove 1 row first.")


def test_a_picked_folder_goes_in_whole(page: Page, served: machines.Brainscan, watch: Watch, brainix: Path) -> None:
    upload_page(page, served).set_input_files("[data-folder]", brainix)
    expect(page.locator("[data-list] li")).to_contain_text("22 files")
    sent_and_told(page)


def test_on_a_phone_nothing_is_cut_off_and_a_zip_goes_in(
    page: Page, served: machines.Brainscan, watch: Watch, brainix: Path, tmp_path: Path
) -> None:
    archive = shutil.make_archive(str(tmp_path / "BRAINIX"), "zip", brainix)
    page.set_viewport_size({"width": 390, "height": 844})
    upload_page(page, served)
    page.set_input_files("[data-files]", archive)
    expect(page.locator("[data-list] li")).to_contain_text("BRAINIX.zip")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.locator("[data-submit], .file-pick:visible, [data-list] button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24  # WCAG 2.2, 2.5.8
        assert box["x"] + box["width"] <= 390
    sent_and_told(page)
