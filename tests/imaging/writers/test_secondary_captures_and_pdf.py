"""Secondary captures and the encapsulated report: sound instances that refer to the originals and carry their marks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from ml.imaging.burnt_in import BURNT_IN
from ml.imaging.writers.common import NotExportable
from ml.imaging.writers.dicom import to_bytes
from ml.imaging.writers.dicom_pdf import encapsulated
from ml.imaging.writers.dicom_sc import secondary_captures
from ml.imaging.writers.dicom_seg import segmentation
from ml.imaging.writers.dicom_sr import report
from ml.imaging.writers.source import SourceSeries
from tests.imaging.writers.geometry import PROVENANCE, SHAPE, enhanced, mr_series, scan_of, wedge
from tests.imaging.writers.standard import validate

GREY = np.full(SHAPE, 90, np.uint8)
EMPTY = np.zeros(SHAPE, bool)
PDF = b"%PDF-1.7\nnot much of a report\n%%EOF\n"


def made(
    source: SourceSeries | None = None, masks: np.ndarray | None = None, notes: tuple[str, ...] = ()
) -> list[Dataset]:
    masks = wedge() if masks is None else masks
    source = source or SourceSeries(mr_series())
    scan = scan_of(masks) | {"notes": list(notes)}
    series = secondary_captures(source, GREY.__getitem__, masks, scan, PROVENANCE)
    return [dcmread(BytesIO(to_bytes(dataset))) for dataset in series]


def test_every_picture_passes_the_validator():
    dataset, frames = enhanced()
    for each in (made(), made(masks=EMPTY), made(SourceSeries([dataset] * len(frames), frames))):
        assert len(each) == SHAPE[0]
        for picture in each:
            assert validate(to_bytes(picture)) == []


def test_without_geometry_it_says_nothing_about_place_and_still_passes():
    series = mr_series()
    for dataset in series:
        del dataset.ImagePositionPatient, dataset.PixelSpacing
    for picture in made(SourceSeries(series)):
        assert "ImagePositionPatient" not in picture
        assert "PixelSpacing" not in picture
        assert validate(to_bytes(picture)) == []


def test_one_new_series_in_the_study_of_the_originals():
    pictures, originals = made(), mr_series()
    assert len({picture.SeriesInstanceUID for picture in pictures}) == 1
    assert pictures[0].SeriesInstanceUID != originals[0].SeriesInstanceUID
    assert len({picture.SOPInstanceUID for picture in pictures}) == len(pictures)
    for picture, original in zip(pictures, originals, strict=True):
        assert picture.StudyInstanceUID == original.StudyInstanceUID
        assert (picture.PatientID, picture.PatientName) == (original.PatientID, original.PatientName)
        assert picture.SourceImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    assert [picture.SOPInstanceUID for picture in made()] == [picture.SOPInstanceUID for picture in pictures]


def test_each_picture_is_marked():
    for picture in made():
        assert picture.SeriesDescription.startswith("RESEARCH, unverified")
        assert "not verified by a doctor" in picture.ImageComments
        assert PROVENANCE.scan_sha256 in picture.ImageComments
        assert list(picture.ImageType[:2]) == ["DERIVED", "SECONDARY"]


def test_what_is_in_doubt_is_drawn_as_a_broken_line():
    masks = wedge()
    shown = {}
    for verdict in ("tumour", "uncertain"):
        scan = scan_of(masks) | {"verdict": verdict}
        series = secondary_captures(SourceSeries(mr_series()), GREY.__getitem__, masks, scan, PROVENANCE)
        pixels = [np.frombuffer(picture.PixelData, np.uint8) for picture in series]
        shown[verdict] = sum(
            int(np.ptp(plane.reshape(-1, 3).astype(int), axis=1).astype(bool).sum()) for plane in pixels
        )
    assert 0 < shown["uncertain"] < 0.8 * shown["tumour"]


def of_stored(**tags: str) -> SourceSeries:
    series = mr_series()
    for dataset in series:
        dataset.PatientIdentityRemoved = "YES"
        for name, value in tags.items():
            setattr(dataset, name, value)
    return SourceSeries(series)


@pytest.mark.parametrize("stated", ["YES", "NO", None])
def test_what_the_original_says_of_burnt_in_text_is_said_of_its_pixels(stated: str | None):
    picture = made(of_stored(**{"BurnedInAnnotation": stated} if stated else {}))[0]
    assert picture.get("BurnedInAnnotation") == stated
    assert picture.PatientIdentityRemoved == ("NO" if stated == "YES" else "YES")
    assert validate(to_bytes(picture)) == []


@pytest.mark.parametrize("stated", ["NO", ""])
def test_text_that_was_seen_counts_for_more_than_the_originals_word(stated: str):
    for picture in made(of_stored(BurnedInAnnotation=stated), notes=("Another note.", BURNT_IN)):
        assert picture.BurnedInAnnotation == "YES"
        assert picture.PatientIdentityRemoved == "NO"


@pytest.mark.parametrize(
    ("offset", "date", "time"),
    [
        ("+0100", "20261125", "000500"),
        ("-0500", "20261124", "180500"),
        ("nonsense", "20261124", "230500"),
        (None, "20261124", "230500"),
    ],
)
def test_results_count_their_times_as_the_study_does(offset: str | None, date: str, time: str):
    late = replace(PROVENANCE, made=datetime(2026, 11, 24, 23, 5, tzinfo=UTC))
    source = of_stored(**{"TimezoneOffsetFromUTC": offset} if offset else {})
    for made_ in (
        encapsulated(source, PDF, late),
        segmentation(source, wedge(), scan_of(wedge()), late),
        report(source, scan_of(wedge()), late, None),
    ):
        assert (made_.SeriesDate, made_.SeriesTime) == (date, time)
        assert made_.get("TimezoneOffsetFromUTC") == (offset if offset in ("+0100", "-0500") else None)


def test_without_a_stated_zone_they_are_as_local_as_the_installation():
    there = replace(PROVENANCE, made=datetime(2026, 11, 24, 23, 5, tzinfo=UTC).astimezone(timezone(timedelta(hours=9))))
    made_ = encapsulated(of_stored(), PDF, there)
    assert (made_.SeriesDate, made_.SeriesTime) == ("20261125", "080500")


def test_the_report_never_claims_to_name_nobody():
    report = encapsulated(of_stored(BurnedInAnnotation="NO"), PDF, PROVENANCE)
    assert report.BurnedInAnnotation == "YES"
    assert report.PatientIdentityRemoved == "NO"


def test_text_stands_below_the_picture_and_never_on_it():
    plain = np.asarray(made(masks=EMPTY)[0].pixel_array)
    rows, columns = SHAPE[1] * 4, SHAPE[2] * 4
    assert (plain[:rows, :columns] == 90).all()
    assert len(plain) > rows
    assert (plain[rows:] == 255).any()


def test_the_line_shows_in_black_and_white():
    picture = np.asarray(made()[4].pixel_array[: SHAPE[1] * 4]).astype(float)
    grey = picture @ (0.299, 0.587, 0.114)
    line = (picture == (255, 176, 0)).all(axis=2)
    assert line.any()
    assert grey[line].min() > 170
    beside = np.zeros_like(line)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        beside |= np.roll(line, step, axis) & ~line
    assert (grey[beside] < 20).mean() > 0.5


def test_a_refused_scan_has_no_pictures():
    refused = scan_of(EMPTY) | {"verdict": "refused", "tumour_probability": None, "reason": "No brain."}
    with pytest.raises(NotExportable, match="not analysed"):
        next(secondary_captures(SourceSeries(mr_series()), GREY.__getitem__, EMPTY, refused, PROVENANCE))


def test_the_report_is_wrapped_whole_and_passes_the_validator():
    source = SourceSeries(mr_series())
    content = to_bytes(encapsulated(source, PDF, PROVENANCE))
    assert validate(content) == []
    read = dcmread(BytesIO(content))
    assert read.EncapsulatedDocument[: read.EncapsulatedDocumentLength] == PDF
    assert read.VerificationFlag == "UNVERIFIED"
    (made_by,) = read.ContributingEquipmentSequence
    assert PROVENANCE.scan_sha256 in made_by.ContributionDescription
    assert str(PROVENANCE.scan_id) in made_by.ContributionDescription
    assert [item.ReferencedSOPInstanceUID for item in read.SourceInstanceSequence] == [
        original.SOPInstanceUID for original in mr_series()
    ]


def test_only_a_pdf_is_wrapped():
    with pytest.raises(ValueError, match="not a PDF"):
        encapsulated(SourceSeries(mr_series()), b"<html>", PROVENANCE)
