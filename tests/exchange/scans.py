"""Analysed scans whose files are real DICOM and NIfTI, and whose outline is known voxel by voxel.

The files are read by the real reader, the result is recorded by the worker's service.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
from pydicom import Dataset

from detection import storage
from detection.analysis import services as analysis_services
from detection.models import Scan, User
from detection.models.scan import Kind
from detection.uploads.handlers import StreamedFile
from ml.findings import Compartment, Findings, Mask, SliceFinding, Verdict
from ml.imaging import readers
from ml.imaging.volume import Volume, to_upright
from ml.measure import lesions
from tests import rows
from tests.imaging.writers.geometry import mr_series, wedge


def of_dicom(
    owner: User,
    folder: Path,
    datasets: list[Dataset] | None = None,
    masks: np.ndarray | None = None,
    *,
    verdict: Verdict = Verdict.TUMOUR,
) -> Scan:
    """A DICOM series with its result. `masks` are (slices, rows, columns) bool, as stored, in the reader's order."""
    datasets = mr_series() if datasets is None else datasets
    scan = stored(owner, folder, datasets)
    masks = wedge() if masks is None else masks
    return analysed(scan, masks, verdict=verdict)


def stored(owner: User, folder: Path, datasets: list[Dataset]) -> Scan:
    """A DICOM series as the door takes it in, its files in no order and named as scanners name them."""
    order = np.random.default_rng(4).permutation(len(datasets)).tolist()
    files: list[StreamedFile] = []
    for position, place in enumerate(order):
        path = folder / f"{position:04d}"
        datasets[place].save_as(path, enforce_file_format=True)
        files.append(rows.streamed(f"DOE^JANE {position}.dcm", path.read_bytes()))
    try:
        return rows.upload_services.receive(owner=owner, files=files).scans.get()
    finally:
        for file in files:
            file.close()


def fused(owner: User, folder: Path) -> Scan:
    """T1, FLAIR and T1 with contrast of one examination in one upload, with the result of the three together."""
    files: list[StreamedFile] = []
    for number, tags in enumerate(SEQUENCES, 1):
        for dataset in mr_series():
            for name, value in tags.items():
                setattr(dataset, name, value)
            dataset.SeriesInstanceUID = f"1.2.826.0.1.3680043.8.498.2.{number}"
            dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID}.{number}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            path = folder / f"{len(files):04d}"
            dataset.save_as(path, enforce_file_format=True)
            files.append(rows.streamed(path.name, path.read_bytes()))
    try:
        study = rows.upload_services.receive(owner=owner, files=files)
    finally:
        for file in files:
            file.close()
    scan = study.scans.get(fused_flair__isnull=False)
    assert scan.fused_flair is not None
    volume = volume_of(scan.fused_flair)
    three = replace(volume, voxels=np.repeat(volume.voxels, 3, axis=3) + np.arange(3, dtype=np.uint16))
    return recorded(scan, three, to_upright(wedge(), volume.stored_orientation, axis=1))


SEQUENCES = (
    {"SeriesDescription": "t1_se_tra", "EchoTime": 12, "RepetitionTime": 500},
    {"SeriesDescription": "t2_flair_tra", "EchoTime": 120, "RepetitionTime": 9000, "InversionTime": 2500, "ScanningSequence": ["SE", "IR"]},
    {"SeriesDescription": "t1_se_tra_gd", "EchoTime": 12, "RepetitionTime": 500, "ContrastBolusAgent": "Gadovist"},
)  # fmt: skip


def of_nifti(owner: User, image: nib.nifti1.Nifti1Image) -> Scan:
    """A NIfTI volume with its result: everything above 500 is the lesion."""
    file = rows.streamed("scan.nii.gz", nifti_bytes(image))
    try:
        study = rows.upload_services.receive(owner=owner, files=[file])
    finally:
        file.close()
    scan = study.scans.get()
    volume = volume_of(scan)
    return recorded(scan, volume, volume.voxels[..., 0] > 500)


def nifti_bytes(image: nib.nifti1.Nifti1Image) -> bytes:
    return gzip.compress(image.to_bytes(), mtime=0)


def volume_of(scan: Scan) -> Volume:
    files = list(scan.files.order_by("position"))
    return readers.read(
        [storage.original_path(file.key) for file in files],
        names=[file.original_name for file in files],
        as_series=scan.kind == Kind.SERIES,
    )


def analysed(scan: Scan, masks: np.ndarray, *, verdict: Verdict = Verdict.TUMOUR) -> Scan:
    """End the waiting analysis of a scan with this outline, given as its files store it."""
    volume = volume_of(scan)
    return recorded(scan, volume, to_upright(masks, volume.stored_orientation, axis=1), verdict=verdict)


def recorded(scan: Scan, volume: Volume, masks: np.ndarray, *, verdict: Verdict = Verdict.TUMOUR) -> Scan:
    (claimed,) = [each for each in analysis_services.claim(worker=rows.WORKER, limit=100) if each.scan_id == scan.pk]
    analysis_services.record(claimed, findings(volume, masks, verdict), volume=volume, model=rows.MODEL)
    return Scan.objects.with_result().get(pk=scan.pk)


def findings(volume: Volume, masks: np.ndarray, verdict: Verdict) -> Findings:
    if verdict is Verdict.REFUSED:
        return Findings.refused(volume, "This is not an MRI of a brain.")
    sizes = lesions(masks, volume.spacing)
    share = {Verdict.TUMOUR: 0.93, Verdict.NO_TUMOUR: 0.04, Verdict.UNCERTAIN: 0.41}[verdict]
    return Findings(
        kind=volume.kind,
        verdict=verdict,
        reason="The probability lies between the two thresholds." if verdict is Verdict.UNCERTAIN else None,
        tumour_probability=share,
        compartment=Compartment.FLAIR_ABNORMALITY if masks.any() else None,
        tumour_volume_ml=sizes.volume_ml,
        lesions=sizes.lesions,
        slices=tuple(
            SliceFinding(
                index,
                source,
                0.97 if mask.any() else 0.02,
                Verdict.TUMOUR if mask.any() else Verdict.NO_TUMOUR,
                Mask(mask),
                sizes.area_mm2[index] if sizes.area_mm2 else None,
            )
            for index, (source, mask) in enumerate(zip(volume.sources, masks, strict=True))
        ),
    )


def content(answer) -> bytes:
    """The body of a streamed answer."""
    return b"".join(answer.streaming_content)
