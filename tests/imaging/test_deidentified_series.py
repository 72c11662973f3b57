"""The door remembers what became of an attribute: each file of a series is cleaned as if it had come alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ml.imaging import intake
from tests import phantoms, phantoms_dicom
from tests.imaging.door import files_taken_in


def cleaned(folder: Path, paths: list[Path]) -> dict[str, bytes]:
    """SHA-256 as received, to the clean copy's bytes."""
    folder.mkdir()
    files: list[intake.CleanFile] = [file for scan in files_taken_in(folder, paths).scans for file in scan.files]
    return {file.sha256_received: file.path.read_bytes() for file in files}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_each_file_is_cleaned_as_if_it_came_alone(tmp_path: Path, syntax: UID) -> None:
    voxels, _ = phantoms.volume(slices=5, size=64, seed=3)
    paths = []
    for number, dataset in enumerate(
        phantoms_dicom.series(voxels.astype(np.uint16) * 14, SeriesDescription="t2 FLAIR")
    ):
        phantoms_dicom.with_names(dataset)
        if number % 2:
            dataset.SpecificCharacterSet, dataset.ImageComments = "ISO_IR 100", "Zabrinska, Müller"
        if number == 4:
            dataset.SeriesDescription = "FLAIR of Wilhelmina Zabrinska"
        dataset.file_meta.TransferSyntaxUID = syntax
        paths.append(tmp_path / f"{number}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True, implicit_vr=syntax.is_implicit_VR, little_endian=True)
    together = cleaned(tmp_path / "together", paths)
    alone: dict[str, bytes] = {}
    for number in (0, 3, 4):
        alone |= cleaned(tmp_path / f"alone {number}", [paths[number]])
    assert len(together) == 5
    assert {received: together[received] for received in alone} == alone
    for content in together.values():
        assert not [name for name in phantoms_dicom.NAMES if name.encode() in content]
