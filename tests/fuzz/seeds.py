"""Good files to start from, small, each with a patient's names planted wherever its format has room for them."""

from __future__ import annotations

import gzip
import io
import zipfile
from functools import cache

import nibabel
import numpy as np
from PIL import Image, PngImagePlugin
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tests import phantoms_cd, phantoms_dicom

NAMES = ("Zabrinska", "Wilhelmina", "Quackenbush", "Elsewhere")
"""Looked for afterwards. Words only: a broken tag may turn a number into a date, and dates stay."""

KINDS: dict[str, str | tuple[str, ...]] = {
    "": "",
    "dicom": ".dcm",
    "nifti": (".nii", ".nii.gz"),
    "picture": (".png", ".jpg", ".webp", ".tif", ".bmp"),
    "zip": ".zip",
}
"""How the names end of the good files of each kind; "" for all."""

SIDE = 40


def _pixels(slices: int = 1) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    disc = ((rows - SIDE / 2) ** 2 + (columns - SIDE / 2) ** 2 < (SIDE / 3) ** 2) * 150
    return np.stack([disc + number for number in range(slices)]).astype(np.uint16)


def _dicom(syntax: UID) -> bytes:
    dataset = phantoms_dicom.with_names(phantoms_dicom.series(_pixels())[0])
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = _pixels()[0].astype(">u2").tobytes()
    return _saved(dataset)


def _saved(dataset) -> bytes:
    target = io.BytesIO()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def _nifti(version: int) -> bytes:
    kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    image = kind(_pixels(4).transpose(2, 1, 0).astype(np.int16), np.diag([1.0, 1.0, 5.0, 1.0]))
    image.header["descrip"], image.header["aux_file"] = "Zabrinska", "Wilhelmina"
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Dr Quackenbush, St Elsewhere"))
    return image.to_bytes()


def _picture(kind: str, **options: object) -> bytes:
    image = Image.fromarray(_pixels()[0].astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x013B] = 6, "Zabrinska Wilhelmina", "Dr Quackenbush"
    target = io.BytesIO()
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Patient", "Zabrinska")
        image.save(target, kind, pnginfo=text, exif=exif)
    elif kind == "TIFF":
        image.save(target, kind, tiffinfo={270: "Zabrinska", 315: "Dr Quackenbush", 65000: "St Elsewhere"}, **options)
    elif kind == "BMP":
        image.save(target, kind)
    else:
        image.save(target, kind, exif=exif, **options)
    return target.getvalue()


def _zip(entries: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return target.getvalue()


@cache
def seeds() -> dict[str, bytes]:
    """Name to content of every good file."""
    made = {
        "implicit.dcm": _dicom(ImplicitVRLittleEndian),
        "explicit.dcm": _dicom(ExplicitVRLittleEndian),
        "big_endian.dcm": _dicom(ExplicitVRBigEndian),
        "deflated.dcm": _dicom(DeflatedExplicitVRLittleEndian),
        "rle.dcm": _dicom(RLELossless),
        "frames.dcm": _saved(phantoms_dicom.with_names(phantoms_dicom.multiframe(_pixels(4)))),
        "one.nii": _nifti(1),
        "two.nii": _nifti(2),
        "one.nii.gz": gzip.compress(_nifti(1), mtime=0),
        "picture.png": _picture("PNG"),
        "picture.jpg": _picture("JPEG", quality=90, comment=b"Zabrinska"),
        "progressive.jpg": _picture("JPEG", progressive=True),
        "picture.webp": _picture("WEBP", lossless=True, xmp=b"<x>Zabrinska</x>"),
        "picture.tif": _picture("TIFF"),
        "packed.tif": _picture("TIFF", compression="tiff_lzw", save_all=True),
        "picture.bmp": _picture("BMP"),
    }
    parts = [phantoms_dicom.with_names(each) for each in phantoms_dicom.series(_pixels(2))]
    made["index.dcm"] = phantoms_cd.index(parts, [["IM0"], ["IM1"]])
    made["cd.zip"] = _zip({"DICOMDIR": made["index.dcm"], "IM0": _saved(parts[0])})
    made["head.zip"] = _zip({f"{number}.png": made["picture.png"] for number in range(3)})
    made["exam.zip"] = _zip({"IM1": made["explicit.dcm"], "IM2": made["implicit.dcm"], "one.nii": made["one.nii"]})
    return made
