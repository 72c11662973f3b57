"""The zip: masks, tables and JSON that agree with each other and name nobody's files."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from ml.imaging.writers.archive import Origin, write_archive
from tests.imaging.writers.geometry import PROVENANCE, SHAPE, scan_of, wedge

HASHES = [f"{number:02x}" * 32 for number in range(SHAPE[0])]
ORIGINALS = [{"sha256": value, "bytes": 1000 + place, "format": "dicom"} for place, value in enumerate(HASHES)]
MODEL = {"version": "2026.11.24", "files": {"unet.npz": "cd" * 32}}


def made(masks: np.ndarray | None = None, **lesion) -> zipfile.ZipFile:
    masks = wedge() if masks is None else masks
    scan = scan_of(masks)
    for found in scan["slices"]:
        found["source"] = f"DOE^JANE/{found['index']}.dcm"
        found["outline"] = [[[0.0, 0.0]]]
    if scan["lesions"]:
        scan["lesions"][0] |= lesion
    out = io.BytesIO()
    write_archive(
        out,
        (mask.astype(np.uint8) * 255 for mask in masks),
        scan,
        PROVENANCE,
        origins=[Origin(value, None) for value in HASHES],
        originals=ORIGINALS,
        model=MODEL,
    )
    return zipfile.ZipFile(out)


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def test_masks_are_exactly_what_was_outlined():
    archive = made()
    for index in range(SHAPE[0]):
        with Image.open(io.BytesIO(archive.read(f"masks/{index:03d}.png"))) as picture:
            assert picture.mode == "L"
            assert np.array_equal(np.asarray(picture), wedge()[index] * 255)


def test_the_table_of_slices_agrees_with_masks_and_json():
    archive = made()
    lines, result = table(archive, "slices.csv"), json.loads(archive.read("result.json"))
    assert [int(line["slice"]) for line in lines] == list(range(1, SHAPE[0] + 1))
    for line, found, mask, sha256 in zip(lines, result["slices"], wedge(), HASHES, strict=True):
        assert int(line["area_px"]) == found["area_px"] == np.count_nonzero(mask)
        assert line["mask"] == found["mask"]
        assert line["original_sha256"] == sha256
        assert found["source"] == f"sha256:{sha256}"


def test_the_table_of_lesions_leaves_what_is_unknown_empty():
    first, second = table(made(diameters_mm=[14.2, 9.5], measurable=False, side="left"), "lesions.csv")
    assert (first["longest_diameter_mm"], first["perpendicular_diameter_mm"]) == ("14.2", "9.5")
    assert (first["measurable"], first["side"]) == ("no", "left")
    assert (second["longest_diameter_mm"], second["measurable"], second["volume_ml_low"]) == ("", "", "")
    assert float(first["volume_ml"]) > float(second["volume_ml"]) > 0


def test_it_says_whose_result_it_is_and_that_it_is_research():
    archive = made()
    readme, result = archive.read("README.txt").decode(), json.loads(archive.read("result.json"))
    for text in (readme, json.dumps(result)):
        assert str(PROVENANCE.scan_id) in text
        assert PROVENANCE.scan_sha256 in text
        assert "Research use only" in text
    assert result["model"] == MODEL
    assert [each["sha256"] for each in result["originals"]] == HASHES


def test_no_name_of_a_file_is_in_it():
    archive = made()
    for name in archive.namelist():
        assert "DOE" not in name
        assert b"DOE" not in archive.read(name)


def test_an_empty_finding_has_empty_masks_and_no_lesion():
    archive = made(np.zeros(SHAPE, bool))
    assert table(archive, "lesions.csv") == []
    with Image.open(io.BytesIO(archive.read("masks/000.png"))) as picture:
        assert not np.asarray(picture).any()
    assert "Nothing is outlined" in archive.read("README.txt").decode()


def test_a_mask_too_few_is_refused():
    with pytest.raises(ValueError, match="zip"):
        write_archive(
            io.BytesIO(), [], scan_of(wedge()), PROVENANCE,
            origins=[Origin(value, None) for value in HASHES], originals=ORIGINALS, model=MODEL,
        )  # fmt: skip
