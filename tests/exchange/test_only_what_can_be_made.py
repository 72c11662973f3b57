"""The page lists what can be made of a scan and nothing else, whatever its DICOM files leave out."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.urls import reverse
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from detection import storage
from detection.analysis.decoder import Decoder
from detection.exchange import formats, makers, orders
from detection.models import Scan
from ml.findings import Verdict
from ml.imaging.errors import ImagingError
from tests import cast
from tests.exchange import scans
from tests.imaging.writers.geometry import SLICE_MM, enhanced, mr_series, rotation, wedge

pytestmark = pytest.mark.django_db

DICOM = {"segmentation.dcm", "report.sr.dcm", "rtstruct.dcm", "secondary-capture.zip", "report.dcm"}
REPORTS = {"report.pdf", "report.dcm"}
"""Drawn in seconds, and made of every scan: other tests take them out."""
PLACED = {"mask.nii.gz", "segmentation.dcm", "rtstruct.dcm"}
Change = Callable[[list[Dataset]], list[Dataset]]


def without(name: str, *, of: slice = slice(None)) -> Change:
    def change(series: list[Dataset]) -> list[Dataset]:
        for dataset in series[of]:
            del dataset[name]
        return series

    return change


def saying(name: str, value: str, *, of: slice = slice(None)) -> Change:
    """With a value that pydicom would not let anybody write."""

    def change(series: list[Dataset]) -> list[Dataset]:
        for dataset in series[of]:
            element = dataset[name]
            dataset[name] = RawDataElement(
                Tag(element.tag), element.VR, len(value), value.encode(), 0, False, True
            )  # fmt: skip
        return series

    return change


def both(*changes: Change) -> Change:
    def change(series: list[Dataset]) -> list[Dataset]:
        for each in changes:
            series = each(series)
        return series

    return change


def uneven(series: list[Dataset]) -> list[Dataset]:
    x, y, z = series[-1].ImagePositionPatient
    series[-1].ImagePositionPatient = [x, y, z + SLICE_MM / 2]
    return series


def turned(degrees: float) -> Change:
    """One slice is turned about the head's axis."""

    def change(series: list[Dataset]) -> list[Dataset]:
        along_row, along_column = rotation((0, 0, degrees))[:, 0], rotation((0, 0, degrees))[:, 1]
        series[3].ImageOrientationPatient = [f"{value:.9g}"[:16] for value in (*along_row, *along_column)]
        return series

    return change


def finer(series: list[Dataset]) -> list[Dataset]:
    series[3].PixelSpacing = [float(series[3].PixelSpacing[0]) * 1.0005, float(series[3].PixelSpacing[1])]
    return series


def lone(series: list[Dataset]) -> list[Dataset]:
    return series[4:5]


def one_instance(series: list[Dataset]) -> list[Dataset]:
    return [enhanced()[0]]


def two_instances(series: list[Dataset]) -> list[Dataset]:
    """One concatenation (PS3.3 C.7.6.16.2.2.4) of two files."""
    parts = []
    for number, kept in enumerate((slice(0, 4), slice(4, None)), 1):
        part, _ = enhanced()
        size = int(part.Rows) * int(part.Columns) * 2
        part.PixelData = part.PixelData[kept.start * size : None if kept.stop is None else kept.stop * size]
        part.PerFrameFunctionalGroupsSequence = list(part.PerFrameFunctionalGroupsSequence)[kept]
        part.NumberOfFrames = len(part.PerFrameFunctionalGroupsSequence)
        part.SOPInstanceUID = f"{part.SOPInstanceUID}.{number}"
        part.file_meta.MediaStorageSOPInstanceUID = part.SOPInstanceUID
        part.ConcatenationUID = "1.2.826.0.1.3680043.8.498.9"
        part.InConcatenationNumber, part.InConcatenationTotalNumber = number, 2
        parts.append(part)
    return parts


CASES: dict[str, tuple[Change, dict[str, set[str]]]] = {
    "all is said": (lambda series: series, {}),
    "no study": (without("StudyInstanceUID"), {formats.NO_UIDS: DICOM}),
    "no series": (without("SeriesInstanceUID"), {formats.NO_UIDS: DICOM}),
    "no instance": (without("SOPInstanceUID"), {formats.NO_UIDS: DICOM}),
    "no class": (without("SOPClassUID"), {formats.NO_UIDS: DICOM}),
    "an empty study": (saying("StudyInstanceUID", ""), {formats.NO_UIDS: DICOM}),
    "one file without an instance": (without("SOPInstanceUID", of=slice(3, 4)), {formats.NO_UIDS: DICOM}),
    "another study in one file": (
        saying("StudyInstanceUID", "1.2.3 ", of=slice(3, 4)),
        {formats.SEVERAL_SERIES: DICOM | {"mask.nii.gz"}},
    ),
    "another frame of reference in one file": (
        saying("FrameOfReferenceUID", "1.2.3 ", of=slice(3, 4)),
        {formats.SEVERAL_SERIES: DICOM | {"mask.nii.gz"}},
    ),
    "no frame of reference": (without("FrameOfReferenceUID"), {formats.NO_GEOMETRY: PLACED}),
    "no positions": (without("ImagePositionPatient"), {formats.NO_GEOMETRY: PLACED}),
    "one file without a position": (
        without("ImagePositionPatient", of=slice(3, 4)),
        {formats.NO_GEOMETRY: PLACED},
    ),
    "a position that is no number": (
        saying("ImagePositionPatient", r"NaN\22.25\-2 ", of=slice(3, 4)),
        {formats.NO_GEOMETRY: PLACED},
    ),
    "no directions": (without("ImageOrientationPatient"), {formats.NO_GEOMETRY: PLACED}),
    "no pixel spacing": (without("PixelSpacing"), {formats.NO_GEOMETRY: PLACED}),
    "neither places nor instances": (
        both(without("ImagePositionPatient"), without("SOPInstanceUID")),
        {formats.NO_UIDS: DICOM, formats.NO_GEOMETRY: {"mask.nii.gz"}},
    ),
    "uneven": (uneven, {formats.UNEVEN_BUT_SEGMENTED: {"mask.nii.gz"}}),
    "uneven and no thickness": (
        both(uneven, without("SliceThickness")),
        {formats.UNEVEN: {"mask.nii.gz"}, formats.NO_THICKNESS: {"segmentation.dcm"}},
    ),
    "even and no thickness": (without("SliceThickness"), {}),
    "a thickness that is no number": (both(uneven, saying("SliceThickness", "NaN ")), {
        formats.UNEVEN: {"mask.nii.gz"}, formats.NO_THICKNESS: {"segmentation.dcm"}}),
    "a slice turned by a thousandth of a degree": (turned(0.001), {}),
    "a slice turned by half a degree": (turned(0.5), {formats.NOT_PARALLEL: {"mask.nii.gz", "segmentation.dcm"}}),
    "a slice with pixels that differ in the fourth digit": (finer, {}),
    "one slice": (lone, {}),
    "one slice and no thickness": (
        both(lone, without("SliceThickness")),
        {formats.NO_LONE_THICKNESS: {"mask.nii.gz", "segmentation.dcm"}},
    ),
    "one multi-frame file": (one_instance, {}),
    "one multi-frame file without a frame of reference": (
        both(one_instance, without("FrameOfReferenceUID")),
        {formats.NO_GEOMETRY: PLACED},
    ),
    "one multi-frame file without thickness": (
        both(one_instance, lambda series: without("SliceThickness")(
            [series[0].SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]]) and series),
        {},
    ),
    "several multi-frame files": (two_instances, {formats.SEVERAL_FILES: {"segmentation.dcm"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_listed_can_be_made_and_the_rest_is_told(name: str, tmp_path: Path):
    change, missing = CASES[name]
    scan = scan_of(change(mr_series()), tmp_path)
    client = cast.signed_in(scan.owner)
    page = html.unescape(client.get(reverse("scan", args=[scan.pk])).content.decode())
    listed = {each for each in formats.FORMATS if f'href="{reverse("export", args=[scan.pk, each])}"' in page}
    assert listed == set(formats.FORMATS) - {each for names in missing.values() for each in names}
    for reason, names in missing.items():
        assert reason in page
        for each in names:
            answer = client.get(reverse("export", args=[scan.pk, each]))
            assert (answer.status_code, reason in html.unescape(answer.content.decode())) == (409, True), each
            assert not is_made(scan, each), f"{each} could be made"
    for each in listed - REPORTS:
        assert is_made(scan, each), each


def test_the_decoder_hands_on_what_the_files_say(tmp_path: Path):
    scan = scan_of(without("FrameOfReferenceUID")(mr_series()), tmp_path)
    file_rows = list(scan.files.order_by("position"))
    with Decoder() as decoder:
        volume = decoder.read(
            [storage.original_path(file.key) for file in file_rows],
            names=[file.original_name for file in file_rows],
            as_series=True,
        )
    assert volume.references == scans.volume_of(scan).references
    assert volume.references is not None
    assert (volume.references.identified, volume.references.placed) == (True, False)


def test_a_run_of_an_earlier_version_lists_what_it_may_have(tmp_path: Path):
    scan = scan_of(mr_series(), tmp_path)
    analysis = scan.current_analysis
    assert analysis is not None
    assert analysis.findings is not None
    del analysis.findings["references"]
    analysis.save(update_fields=["findings"])
    page = cast.signed_in(scan.owner).get(reverse("scan", args=[scan.pk])).content.decode()
    assert f'href="{reverse("export", args=[scan.pk, "segmentation.dcm"])}"' in page


def scan_of(series: list[Dataset], folder: Path) -> Scan:
    scan = scans.stored(cast.alice(), folder, series)
    count = len(scans.volume_of(scan))
    masks = wedge() if count == len(wedge()) else wedge()[4:5]
    assert len(masks) == count
    return scans.analysed(scan, masks, verdict=Verdict.TUMOUR)


def is_made(scan: Scan, name: str) -> bool:
    """Whether the maker itself has the file, asked in this process."""
    assert scan.current_analysis is not None
    order = json.loads(json.dumps(orders.order(scan, scan.current_analysis, formats.FORMATS[name])))
    out = io.BytesIO()
    try:
        makers.make(order, out)
    except ImagingError:
        return False
    return bool(out.getvalue())
