"""The structured report's Image Library (TID 1600): every original once, and what all have in common as it is known."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from highdicom.sr import srread
from pydicom import Dataset, dcmread

from ml.imaging.writers.dicom import to_bytes
from ml.imaging.writers.dicom_sr import report
from ml.imaging.writers.source import SourceSeries
from tests.imaging.writers.geometry import (
    COLUMN_MM,
    PROVENANCE,
    ROW_MM,
    SHAPE,
    SLICE_MM,
    enhanced,
    mr_series,
    scan_of,
    wedge,
)
from tests.imaging.writers.standard import validate

PLACED = {
    "Frame of Reference UID", "Horizontal Pixel Spacing", "Vertical Pixel Spacing", "Slice Thickness", "Spacing between slices",
    *(f"Image Orientation (Patient) {way} {axis}" for way in ("Row", "Column") for axis in "XYZ"),
}  # fmt: skip


def name(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def library(source: SourceSeries) -> tuple[list[str], dict[str, Any]]:
    """The instances that it names, and what it says of all of them; read back from the file."""
    written = to_bytes(report(source, scan_of(wedge()), PROVENANCE, None))
    assert validate(written) == []
    srread(BytesIO(written))
    content = list(dcmread(BytesIO(written)).ContentSequence)
    names = [name(item) for item in content]
    assert names.index("Image Library") == names.index("Imaging Measurements") - 1
    (group,) = content[names.index("Image Library")].ContentSequence
    images = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
    shared = {}
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            shared[name(item)] = float(item.MeasuredValueSequence[0].NumericValue)
        elif item.ValueType == "CODE":
            shared[name(item)] = item.ConceptCodeSequence[0].CodeMeaning
        elif item.ValueType == "UIDREF":
            shared[name(item)] = item.UID
    return [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in images], shared


def test_it_names_every_original_in_slice_order_and_what_they_share():
    series = mr_series("oblique")
    for dataset in series:
        dataset.SpacingBetweenSlices = 1  # and that is not so
    instances, shared = library(SourceSeries(series))
    assert instances == [dataset.SOPInstanceUID for dataset in series]
    assert shared["Modality"] == "Magnetic Resonance"
    assert shared["Target Region"] == "Brain"
    assert shared["Frame of Reference UID"] == series[0].FrameOfReferenceUID
    assert (shared["Pixel Data Rows"], shared["Pixel Data Columns"]) == SHAPE[1:]
    assert (shared["Vertical Pixel Spacing"], shared["Horizontal Pixel Spacing"]) == (ROW_MM, COLUMN_MM)
    assert (shared["Slice Thickness"], shared["Spacing between slices"]) == (3, SLICE_MM)
    stated = [float(value) for value in series[0].ImageOrientationPatient]
    told = [shared[f"Image Orientation (Patient) {way} {axis}"] for way in ("Row", "Column") for axis in "XYZ"]
    assert max(abs(a - b) for a, b in zip(told, stated, strict=True)) < 1e-5


def test_what_is_not_known_or_not_the_same_in_all_is_left_out():
    series = mr_series()
    series[3].SliceThickness = 2
    del series[1]
    source = SourceSeries(series)
    masks = wedge()[[0, *range(2, SHAPE[0])]]
    written = dcmread(BytesIO(to_bytes(report(source, scan_of(masks), PROVENANCE, None))))
    told = names_in(written)
    assert not {"Slice Thickness", "Spacing between slices"} & told
    assert "Vertical Pixel Spacing" in told


def test_without_positions_it_names_the_originals_alone():
    series = mr_series()
    for dataset in series:
        del dataset.ImagePositionPatient
    instances, shared = library(SourceSeries(series))
    assert len(instances) == len(series)
    assert not PLACED & shared.keys()
    assert shared["Pixel Data Rows"] == SHAPE[1]


def test_a_multi_frame_original_is_named_once():
    dataset, frames = enhanced()
    instances, shared = library(SourceSeries([dataset] * len(frames), frames))
    assert instances == [dataset.SOPInstanceUID]
    assert shared["Spacing between slices"] == SLICE_MM


def names_in(item: Dataset) -> set[str]:
    found = {name(item)} if item.get("ConceptNameCodeSequence") else set()
    for each in item.get("ContentSequence") or ():
        found |= names_in(each)
    return found
