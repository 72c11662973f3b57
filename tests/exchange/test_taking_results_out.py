"""Results out: each format reads back on the original, with its marks, for whom it is meant."""

from __future__ import annotations

import gzip
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import nibabel as nib
import numpy as np
import pytest
from django.urls import reverse
from highdicom.seg import segread
from PIL import Image
from pydicom import dcmread

from detection import provenance
from detection.exchange import makers, orders
from detection.exchange.formats import FORMATS
from detection.models import AuditEntry, Scan
from ml.findings import Verdict
from tests import cast, rows
from tests.exchange import scans
from tests.exchange.scans import content
from tests.imaging.writers.geometry import LPS, PLANES, SHAPE, enhanced, mr_series, place, wedge
from tests.imaging.writers.standard import validate

pytestmark = pytest.mark.django_db

EMPTY = np.zeros(SHAPE, bool)


def take(scan: Scan, name: str):
    return cast.signed_in(scan.owner).get(reverse("export", args=[scan.pk, name]))


def taken(scan: Scan, name: str) -> bytes:
    """The file as the address gives it, made by the limited process."""
    answer = take(scan, name)
    assert answer.status_code == 200, answer.content
    return content(answer)


def made(scan: Scan, name: str) -> bytes:
    """The same file, made here: a process for each of many would take minutes."""
    assert scan.current_analysis is not None
    order = json.loads(json.dumps(orders.order(scan, scan.current_analysis, FORMATS[name])))
    out = io.BytesIO()
    makers.make(order, out)
    return out.getvalue()


def pixels_of(segmentation: bytes) -> np.ndarray:
    """Every outlined pixel as a point, mm LPS."""
    read = segread(io.BytesIO(segmentation))
    shared = read.SharedFunctionalGroupsSequence[0]
    row_mm, column_mm = (float(value) for value in shared.PixelMeasuresSequence[0].PixelSpacing)
    along = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    points = []
    for frame, group in zip(read.pixel_array, read.PerFrameFunctionalGroupsSequence, strict=True):
        origin = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        points += [origin + along[:3] * c * column_mm + along[3:] * r * row_mm for r, c in np.argwhere(frame)]
    return np.array(points)


def same_points(found: np.ndarray, truth: np.ndarray) -> bool:
    distances = np.linalg.norm(found[:, None] - truth[None], axis=2)
    return len(found) == len(truth) and distances.min(axis=1).max() < 0.01 and distances.min(axis=0).max() < 0.01


RIGHT_HANDED = [name for name, axes in PLANES.items() if np.linalg.det(axes) > 0]


class TestDicom:
    @pytest.mark.parametrize("plane", RIGHT_HANDED)
    def test_segmentation_lies_on_the_outline_whatever_way_the_slices_run(self, tmp_path: Path, plane: str):
        scan = scans.of_dicom(cast.alice(), tmp_path, mr_series(plane))
        assert same_points(pixels_of(made(scan, "segmentation.dcm")), place(plane, np.argwhere(wedge())))

    @pytest.mark.parametrize("plane", ["coronal", "axial, prone (RAS)"])
    def test_nifti_mask_lies_on_the_outline(self, tmp_path: Path, plane: str):
        scan = scans.of_dicom(cast.alice(), tmp_path, mr_series(plane))
        mask = nib.Nifti1Image.from_bytes(gzip.decompress(made(scan, "mask.nii.gz")))
        points = nib.affines.apply_affine(mask.affine, np.argwhere(np.asarray(mask.dataobj) > 0)) * (-1, -1, 1)
        assert same_points(points, place(plane, np.argwhere(wedge())))

    def test_multi_frame_originals_are_referred_to_by_frame(self, tmp_path: Path):
        dataset, frames = enhanced("oblique")
        scan = scans.of_dicom(cast.alice(), tmp_path, [dataset])
        assert same_points(pixels_of(made(scan, "segmentation.dcm")), place("oblique", np.argwhere(wedge())))
        structures = dcmread(io.BytesIO(made(scan, "rtstruct.dcm")))
        on = {
            contour.ContourImageSequence[0].ReferencedFrameNumber - 1
            for region in structures.ROIContourSequence
            for contour in region.ContourSequence
        }
        assert on == {frames[index] for index in np.flatnonzero(wedge().any(axis=(1, 2)))}

    @pytest.mark.parametrize("name", ["segmentation.dcm", "report.sr.dcm", "rtstruct.dcm", "report.dcm"])
    def test_each_instance_passes_the_validator_and_joins_the_study(self, tmp_path: Path, name: str):
        file = made(scans.of_dicom(cast.alice(), tmp_path), name)
        assert validate(file) == []
        read, original = dcmread(io.BytesIO(file)), mr_series()[0]
        assert read.StudyInstanceUID == original.StudyInstanceUID
        assert read.SeriesInstanceUID != original.SeriesInstanceUID
        assert read.SeriesDescription.startswith("RESEARCH, unverified")
        assert "DOE" not in str(read)

    def test_secondary_captures_are_a_series_of_their_own(self, tmp_path: Path):
        archive = zipfile.ZipFile(io.BytesIO(made(scans.of_dicom(cast.alice(), tmp_path), "secondary-capture.zip")))
        assert len(archive.namelist()) == SHAPE[0]
        for name in archive.namelist():
            assert validate(archive.read(name)) == []

    def test_segments_and_report_name_the_same_lesions(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        segments = dcmread(io.BytesIO(made(scan, "segmentation.dcm")))
        report = str(dcmread(io.BytesIO(made(scan, "report.sr.dcm"))))
        assert len(segments.SegmentSequence) == 2
        for segment in segments.SegmentSequence:
            assert segment.TrackingUID in report
        assert segments.SOPInstanceUID in report

    def test_an_empty_finding_gives_a_report_and_no_segmentation(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path, masks=EMPTY, verdict=Verdict.NO_TUMOUR)
        assert validate(made(scan, "report.sr.dcm")) == []
        for name in ("segmentation.dcm", "rtstruct.dcm"):
            answer = take(scan, name)
            assert answer.status_code == 409
            assert "Nothing is outlined" in answer.content.decode()
        assert len(zipfile.ZipFile(io.BytesIO(made(scan, "secondary-capture.zip"))).namelist()) == SHAPE[0]

    def test_without_positions_the_report_still_comes(self, tmp_path: Path):
        series = mr_series()
        for dataset in series:
            del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        scan = scans.of_dicom(cast.alice(), tmp_path, series)
        assert validate(made(scan, "report.sr.dcm")) == []
        for name in ("segmentation.dcm", "rtstruct.dcm", "mask.nii.gz"):
            answer = take(scan, name)
            assert answer.status_code == 409
            assert "do not say where" in answer.content.decode()


class TestFused:
    """Three series that lie on each other are one scan without files of its own; its result lies on the FLAIR series."""

    @pytest.fixture
    def scan(self, tmp_path: Path) -> Scan:
        return scans.fused(cast.alice(), tmp_path)

    def test_results_refer_to_the_flair_series(self, scan: Scan):
        flair = scan.fused_flair
        assert flair is not None
        segments = dcmread(io.BytesIO(made(scan, "segmentation.dcm")))
        (series,) = segments.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == flair.series_uid
        assert same_points(pixels_of(made(scan, "segmentation.dcm")), place(LPS, np.argwhere(wedge())))

    def test_the_hash_is_of_all_three(self, scan: Scan):
        files = provenance.originals(scan)
        assert len(files) == 3 * SHAPE[0]
        result = json.loads(zipfile.ZipFile(io.BytesIO(made(scan, "masks.zip"))).read("result.json"))
        assert len(result["originals"]) == 3 * SHAPE[0]
        assert result["identity"]["scan_sha256"] == provenance.sha256_of(files)


class TestNifti:
    def test_mask_has_the_geometry_of_the_source(self):
        voxels = np.random.default_rng(2).integers(0, 400, (34, 40, 36)).astype(np.int16)
        voxels[wedge((36, 40, 34)).transpose(2, 1, 0)] = 900
        affine = np.array([[0, 0, 3.5, -40], [-1.25, 0, 0, 30], [0, 0.75, 0, -20], [0, 0, 0, 1]])
        scan = scans.of_nifti(cast.alice(), nib.Nifti1Image(voxels, affine))
        mask = nib.Nifti1Image.from_bytes(gzip.decompress(made(scan, "mask.nii.gz")))
        assert np.allclose(mask.affine, affine)
        assert np.array_equal(np.asarray(mask.dataobj) > 0, voxels == 900)

    def test_there_is_no_dicom_of_it(self):
        voxels = np.zeros((34, 40, 36), np.int16)
        voxels[5:9, 6:20, 8:30] = 900
        scan = scans.of_nifti(cast.alice(), nib.Nifti1Image(voxels, np.eye(4)))
        for name in ("segmentation.dcm", "report.sr.dcm", "rtstruct.dcm", "secondary-capture.zip", "report.dcm"):
            answer = take(scan, name)
            assert answer.status_code == 409
            assert "came as DICOM" in answer.content.decode()


class TestPictures:
    def test_the_zip_holds_the_masks_and_the_tables(self):
        (scan,) = rows.analysed(rows.study(cast.alice(), pictures=3, as_series=True), Verdict.TUMOUR)
        archive = zipfile.ZipFile(io.BytesIO(made(scan, "masks.zip")))
        for index in range(3):
            with Image.open(io.BytesIO(archive.read(f"masks/{index:03d}.png"))) as mask:
                assert np.array_equal(np.asarray(mask) > 0, rows.spot(index))
        result = json.loads(archive.read("result.json"))
        hashes = list(scan.files.order_by("position").values_list("sha256_received", "sha256"))
        assert [found["source"] for found in result["slices"]] == [f"sha256:{new or old}" for new, old in hashes]
        assert b"slice-0" not in b"".join(archive.read(name) for name in archive.namelist() if "png" not in name)

    def test_no_volume_no_nifti(self):
        (scan,) = rows.done(cast.alice(), Verdict.TUMOUR)
        answer = take(scan, "mask.nii.gz")
        assert answer.status_code == 409
        assert "do not say where" in answer.content.decode()


class TestEveryFile:
    @pytest.mark.parametrize("name", FORMATS)
    def test_its_name_is_made_of_ids_and_it_is_kept_nowhere(self, tmp_path: Path, name: str):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        answer = take(scan, name)
        assert answer["Content-Disposition"] == f'attachment; filename="{scan.pk}-{name}"'
        assert answer["Content-Type"] == FORMATS[name].content_type
        assert "no-store" in answer["Cache-Control"]
        assert len(content(answer)) == int(answer["Content-Length"])

    @pytest.mark.parametrize("name", ["masks.zip", "segmentation.dcm"])
    def test_taking_it_is_on_record(self, tmp_path: Path, name: str):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        size = len(taken(scan, name))
        entry = AuditEntry.objects.get(action="exported")
        assert (entry.actor, entry.row_id) == (scan.owner, scan.pk)
        assert entry.details == {"format": name, "analysis": str(scan.current_analysis_id), "bytes": size}

    @pytest.mark.parametrize("name", sorted(set(FORMATS) - {"report.pdf", "report.dcm"}))
    def test_it_is_the_same_each_time(self, tmp_path: Path, name: str):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        first = made(scan, name)
        time.sleep(1.1)
        assert made(scan, name) == first

    def test_asking_what_there_is_makes_nothing(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        answer = cast.signed_in(scan.owner).head(reverse("export", args=[scan.pk, "segmentation.dcm"]))
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom")
        assert not AuditEntry.objects.filter(action="exported").exists()

    def test_identity_and_hash_are_in_it(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        sha256 = provenance.sha256_of(provenance.originals(scan))
        for name in ("segmentation.dcm", "report.sr.dcm", "rtstruct.dcm"):
            text = dcmread(io.BytesIO(made(scan, name))).to_json()
            assert str(scan.pk) in text
            assert sha256 in text

    def test_its_time_is_the_installations_own(self, tmp_path: Path, settings: Any):
        settings.TIME_ZONE = "Asia/Tokyo"
        scan = scans.of_dicom(cast.alice(), tmp_path)
        assert scan.current_analysis is not None
        ended = scan.current_analysis.finished_at
        assert ended is not None
        here = ended.astimezone(ZoneInfo("Asia/Tokyo"))
        report = dcmread(io.BytesIO(made(scan, "report.sr.dcm")))
        assert (report.SeriesDate, report.SeriesTime) == (here.strftime("%Y%m%d"), here.strftime("%H%M%S"))
        assert orders.order(scan, scan.current_analysis, FORMATS["masks.zip"])["identity"]["made"].endswith("+09:00")

    def test_the_json_on_the_page_says_the_same(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        shown = cast.signed_in(scan.owner).get(reverse("scan_result", args=[scan.pk])).json()
        taken_out = json.loads(zipfile.ZipFile(io.BytesIO(made(scan, "masks.zip"))).read("result.json"))
        assert shown["identity"] == taken_out["identity"]
        assert shown["identity"]["scan_id"] == str(scan.pk)
        assert shown["originals"] == taken_out["originals"]
        assert [each["sha256"] for each in shown["originals"]] == [
            file.sha256_received for file in provenance.originals(scan)
        ]
        assert shown["originals"][0]["stored_sha256"] == scan.files.order_by("position")[0].sha256

    def test_what_nobody_offers_is_not_found(self, tmp_path: Path):
        scan = scans.of_dicom(cast.alice(), tmp_path)
        assert take(scan, "report.docx").status_code == 404
        assert take(scan, "..%2fsecret").status_code == 404
