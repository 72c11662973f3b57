"""A Siemens mosaic, many slices side by side in one image, is found and told: it is not taken apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from pydicom import Dataset

from tests import phantoms, phantoms_dicom
from tests.imaging.door import files_taken_in, taken_in, volume_of


def mosaic(number: int = 1, **tags: Any) -> Dataset:
    """Sixteen slices of 64 x 64 as a picture of 256 x 256, as the scanner writes a time of an echo-planar series."""
    head = phantoms.volume(slices=16, size=64)[0].astype(np.uint16)
    tiles = head.reshape(4, 4, 64, 64).swapaxes(1, 2).reshape(256, 256)
    (dataset,) = phantoms_dicom.series(tiles[None], InstanceNumber=number, **tags)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0A, "US", 16)  # NumberOfImagesInMosaic
    return dataset


def test_by_itself_it_is_shown_as_one_picture_and_told(tmp_path: Path) -> None:
    volume = volume_of(taken_in(tmp_path, [mosaic()]))
    assert (volume.kind, len(volume), volume.rows) == ("image", 1, 256)
    assert any("mosaic of many slices in one image" in note for note in volume.notes)


def test_one_of_a_real_scanner_is_found(tmp_path: Path) -> None:
    """A Siemens diffusion series that nibabel publishes."""
    folder = Path(nibabel.__file__).parent / "nicom" / "tests" / "data"
    volume = volume_of(files_taken_in(tmp_path, [folder / "0.dcm"]))
    assert "This is a mosaic of many slices in one image. For a result, export the slices one by one." in volume.notes


def test_a_series_of_mosaics_beside_a_head_is_set_aside_and_told(tmp_path: Path) -> None:
    series = [mosaic(number, SeriesInstanceUID="1.2.3", SeriesNumber=5) for number in range(1, 4)]
    head = phantoms_dicom.series(phantoms.volume(slices=4, size=64)[0], SeriesNumber=2)
    plan = taken_in(tmp_path, [*series, *head])
    assert [len(scan.files) for scan in plan.scans] == [4]
    (aside,) = plan.set_aside
    assert (aside.label, aside.files) == ("Series 5", 3)
    assert "Export the slices one by one" in aside.reason


def test_a_name_that_the_device_wrote_twice_is_told_once(tmp_path: Path) -> None:
    series = [
        mosaic(number, SeriesInstanceUID="1.2.3", SeriesNumber=5, SeriesDescription="Resting", ProtocolName="Resting")
        for number in range(1, 4)
    ]
    head = phantoms_dicom.series(phantoms.volume(slices=4, size=64)[0], SeriesNumber=2)
    (aside,) = taken_in(tmp_path, [*series, *head]).set_aside
    assert aside.label == "Series 5: Resting"


def test_its_slices_are_never_measured_as_one(tmp_path: Path) -> None:
    """Mixed into the head's own series it is no slice of it."""
    head = phantoms_dicom.series(phantoms.volume(slices=4, size=64)[0], SeriesNumber=2)
    odd = mosaic(9, SeriesInstanceUID=head[0].SeriesInstanceUID, SeriesNumber=2)
    plan = taken_in(tmp_path, [odd, *head])
    assert [len(scan.files) for scan in plan.scans] == [4]
    assert any("mosaic" in aside.reason for aside in plan.set_aside)
