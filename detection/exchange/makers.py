"""From an order to a file, a function a format. Runs in the limited process of `maker_child`; knows no Django.

Pictures and masks come from what the analysis wrote (upright 8-bit PNG), so that no hostile pixels are
decoded again; of the originals only headers are read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import numpy as np
from PIL import Image

from ml.findings import Verdict
from ml.imaging.volume import to_stored
from ml.imaging.writers.archive import Origin, write_archive
from ml.imaging.writers.common import Provenance, lesion_labels

Order = Mapping[str, Any]


def make(order: Order, out: IO[bytes]) -> None:
    """Write the file that was ordered.

    Raises
    ------
    ImagingError
        When this scan has no such file, with the reason.
    """
    MAKERS[order["format"]](order, out)


def _provenance(order: Order) -> Provenance:
    given = order["identity"]
    return Provenance(
        scan_id=UUID(given["scan_id"]),
        analysis_id=UUID(given["analysis_id"]),
        scan_sha256=given["scan_sha256"],
        model_version=given["model_version"],
        software_version=given["software_version"],
        made=datetime.fromisoformat(given["made"]),
    )


def _picture(order: Order, index: int, kind: str) -> np.ndarray:
    """One picture of the analysis, upright: (rows, columns) uint8, or (rows, columns, 3) in colour."""
    with Image.open(Path(order["pictures"], f"{index}-{kind}.png")) as picture:
        return np.asarray(picture if picture.mode in ("L", "RGB") else picture.convert("L"))


def _labels(order: Order) -> np.ndarray:
    """The numbered lesions, upright: (slices, rows, columns) uint16."""
    masks = np.stack([_picture(order, index, "mask") for index in range(len(order["scan"]["slices"]))])
    return lesion_labels(masks)[0]


def _stored(order: Order, upright: np.ndarray, axis: int) -> np.ndarray:
    return np.ascontiguousarray(to_stored(upright, int(order["scan"]["stored_orientation"]), axis=axis))


def _files(order: Order) -> list[tuple[Path, str]]:
    return [(Path(file["path"]), str(file["name"])) for file in order["files"]]


def _sources(order: Order) -> list[str]:
    return [str(found["source"]) for found in order["scan"]["slices"]]


def _series(order: Order, *, referred: bool = True) -> Any:
    from ml.imaging.writers.source import SourceSeries

    return SourceSeries.of(_files(order), _sources(order), referred=referred)


def _nifti_mask(order: Order, out: IO[bytes]) -> None:
    from ml.imaging.writers import nifti

    labels = _labels(order)
    if order["files"][0]["format"] == "nifti":
        out.write(nifti.like_nifti(_files(order)[0][0], labels, _provenance(order)))
    else:
        out.write(nifti.like_dicom(_series(order, referred=False), _stored(order, labels, 1), _provenance(order)))


def _segmentation(order: Order, out: IO[bytes]) -> None:
    from ml.imaging.writers.dicom import to_bytes
    from ml.imaging.writers.dicom_seg import segmentation

    made = segmentation(_series(order), _stored(order, _labels(order), 1), order["scan"], _provenance(order))
    out.write(to_bytes(made))


def _structured_report(order: Order, out: IO[bytes]) -> None:
    from ml.imaging.writers.common import NotExportable
    from ml.imaging.writers.dicom import to_bytes
    from ml.imaging.writers.dicom_seg import segmentation
    from ml.imaging.writers.dicom_sr import report

    source, provenance, segments = _series(order), _provenance(order), None
    if order["scan"]["lesions"]:
        try:
            segments = segmentation(source, _stored(order, _labels(order), 1), order["scan"], provenance)
        except NotExportable:
            segments = None  # the report then names the slices of each lesion
    out.write(to_bytes(report(source, order["scan"], provenance, segments)))


def _structure_set(order: Order, out: IO[bytes]) -> None:
    from ml.imaging.writers.dicom import to_bytes
    from ml.imaging.writers.dicom_rtstruct import structure_set

    made = structure_set(_series(order), _stored(order, _labels(order), 1), order["scan"], _provenance(order))
    out.write(to_bytes(made))


def _secondary_captures(order: Order, out: IO[bytes]) -> None:
    from ml.imaging.writers.archive import DAY_ONE
    from ml.imaging.writers.dicom import to_bytes
    from ml.imaging.writers.dicom_sc import secondary_captures

    def grey(index: int) -> np.ndarray:
        picture = _picture(order, index, "image")
        # A colour original is shown in its own colours on the page; here the outline alone is coloured.
        return _stored(order, picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L")), 0)

    made = secondary_captures(
        _series(order), grey, _stored(order, _labels(order), 1), order["scan"], _provenance(order)
    )
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number, dataset in enumerate(made, 1):
            archive.writestr(zipfile.ZipInfo(f"SC/{number:04d}.dcm", DAY_ONE), to_bytes(dataset), zipfile.ZIP_DEFLATED)


def _archive(order: Order, out: IO[bytes]) -> None:
    from ml.imaging.writers.source import locate

    files = _files(order)
    hashes = {Path(file["path"]): str(file["sha256"]) for file in order["files"]}
    origins = [Origin(hashes[path], frame) for path, frame in locate(files, _sources(order))]
    masks = (_stored(order, _picture(order, index, "mask"), 0) for index in range(len(origins)))
    write_archive(
        out,
        masks,
        order["scan"],
        _provenance(order),
        origins=origins,
        originals=order["originals"],
        model=order["model"],
    )


def _report(order: Order, out: IO[bytes]) -> None:
    out.write(_pdf(order))


def _report_in_dicom(order: Order, out: IO[bytes]) -> None:
    from ml.imaging.writers.dicom import to_bytes
    from ml.imaging.writers.dicom_pdf import encapsulated

    out.write(to_bytes(encapsulated(_series(order), _pdf(order), _provenance(order))))


def _pdf(order: Order) -> bytes:
    from detection.reports import drawn, pdf

    wanted = order["report"]
    labels = _labels(order)
    in_doubt = order["scan"]["verdict"] == Verdict.UNCERTAIN
    pictures = {
        each["name"]: drawn.key_picture(
            _picture(order, each["index"], "image"), labels[each["index"]], in_doubt=in_doubt
        )
        for each in wanted["pictures"]
    }
    return pdf.to_pdf(wanted["html"], pictures, fonts={name: Path(path) for name, path in wanted["fonts"].items()})


MAKERS: dict[str, Callable[[Order, IO[bytes]], None]] = {
    "report.pdf": _report,
    "masks.zip": _archive,
    "mask.nii.gz": _nifti_mask,
    "segmentation.dcm": _segmentation,
    "report.sr.dcm": _structured_report,
    "rtstruct.dcm": _structure_set,
    "secondary-capture.zip": _secondary_captures,
    "report.dcm": _report_in_dicom,
}
