"""The window that DICOM files state is one of the presets, in the voxels' own values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from detection.analysis.decoder import Decoder
from ml.imaging import readers
from ml.imaging.volume import Volume
from tests import phantoms_dicom
from tests.viewer import corners
from tests.viewer.rendering import rendered


def of(folder: Path, *stated: dict[str, Any], **tags: Any) -> Volume:
    """A series whose slices take turns in what they state."""
    datasets = phantoms_dicom.series(corners.marked(), **tags)
    for number, dataset in enumerate(datasets):
        for name, value in stated[number % len(stated)].items():
            setattr(dataset, name, value)
    phantoms_dicom.write_series(folder, datasets)
    return readers.read([folder])


def preset(volume: Volume) -> list[float] | None:
    """In the files' own values."""
    told = rendered(volume)[0]
    edges = told["windows"].get("file")
    return edges and [edge * told["slope"] + told["intercept"] for edge in edges]


def test_it_is_told_as_lowest_and_highest_value(tmp_path: Path) -> None:
    # PS3.3 C.11.2.1.2.1: from c - 0.5 - (w - 1) / 2 to c - 0.5 + (w - 1) / 2
    assert preset(of(tmp_path, {"WindowCenter": 100, "WindowWidth": 81})) == pytest.approx([59.5, 139.5], abs=0.01)


def test_it_counts_rescaled_values_and_the_first_of_several(tmp_path: Path) -> None:
    stated = {"WindowCenter": [300, 5], "WindowWidth": [101, 9]}
    found = of(tmp_path, stated, RescaleSlope=2, RescaleIntercept=100)
    assert preset(found) == pytest.approx([249.5, 349.5], abs=0.01)


def test_of_slices_that_differ_it_is_the_middle_one(tmp_path: Path) -> None:
    three = ({"WindowCenter": centre, "WindowWidth": 41} for centre in (80, 100, 200))
    assert of(tmp_path, *three).window == pytest.approx((79.5, 119.5))


def test_an_enhanced_file_states_it_for_its_frames(tmp_path: Path) -> None:
    dataset = phantoms_dicom.multiframe(corners.marked())
    window = Dataset()
    window.WindowCenter, window.WindowWidth = 100, 81
    dataset.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence = [window]
    assert preset(readers.read([phantoms_dicom.write(tmp_path / "head.dcm", dataset)])) == pytest.approx([59.5, 139.5])


@pytest.mark.parametrize(
    "stated",
    [
        [{}],
        [{"WindowCenter": 100, "WindowWidth": 81}, {}],
        [{"WindowCenter": 100, "WindowWidth": 0}],
        [{"WindowCenter": 100, "WindowWidth": 1}],
        [{"WindowCenter": 100, "WindowWidth": 81, "PhotometricInterpretation": "MONOCHROME1"}],
        [{"WindowCenter": 30000, "WindowWidth": 81}],
    ],
    ids=["none", "only some slices", "no width", "one value", "a negative", "outside of all values"],
)
def test_what_would_show_nothing_or_something_else_is_no_preset(tmp_path: Path, stated: list[dict[str, Any]]) -> None:
    assert preset(of(tmp_path, *stated)) is None


@pytest.mark.parametrize("centre", ["1e308", "nonsense", "", "NaN"])
def test_a_broken_one_harms_nobody(tmp_path: Path, centre: str) -> None:
    datasets = phantoms_dicom.series(corners.marked())
    for dataset in datasets:
        dataset.WindowWidth = "1e308" if centre == "1e308" else 80
        dataset[0x00281050] = RawDataElement(Tag(0x00281050), "DS", len(centre), centre.encode(), 0, False, True)
    phantoms_dicom.write_series(tmp_path, datasets)
    assert preset(readers.read([tmp_path])) is None


def test_it_survives_the_decoders_process(tmp_path: Path) -> None:
    volume = of(tmp_path, {"WindowCenter": 100, "WindowWidth": 81})
    paths = sorted(tmp_path.iterdir())
    with Decoder() as decoder:
        again = decoder.read(paths, names=[path.name for path in paths], as_series=True)
    assert again.window == volume.window == (59.5, 139.5)
