"""The outline as a NIfTI mask: the voxels of the source, 0 outside and the lesion's number inside.

A mask of a NIfTI scan has the source's own shape, axes, affine and codes, so that it lies on
the source in every program whether that reads the sform or the qform. A mask of a DICOM
series gets the affine of its instances. Free text and extensions of the source's header are
not taken over: they may name the patient. An extension of our own, a comment, says whose result it is.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.nifti1 import Nifti1Extension, Nifti1Header, Nifti1Image
from nibabel.nifti2 import Nifti2Header, Nifti2Image
from nibabel.orientations import io_orientation

from ml.imaging.headers.nifti import read_header
from ml.imaging.limits import DEFAULT, Limits
from ml.imaging.readers.nifti import laid_out
from ml.imaging.writers.common import Provenance, lesion_labels
from ml.imaging.writers.marks import MARK_LONG
from ml.imaging.writers.source import SourceSeries

# DICOM grows to the left and back, NIfTI to the right and front.
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# 80 bytes at most.
_DESCRIPTION = b"Brainscan outline, research use only, not verified"


def like_nifti(source: Path, masks: np.ndarray, provenance: Provenance, limits: Limits = DEFAULT) -> bytes:
    """The mask of a scan that came as NIfTI.

    Args:
        source: the scan as stored.
        masks: (slices, rows, columns) bool, uint8 or numbered (`lesion_labels`), upright as `readers.nifti` lays them:
            slices from the feet upwards, rows to the back, columns to the patient's left.
        provenance: written into the header as a comment.
        limits: of the header.

    Returns:
        A .nii.gz of the source's own shape, uint8 (uint16 above 255 lesions).

    Raises:
        UploadRefused: if the source can no longer be read.
        ValueError: if the masks have another shape.
    """
    header = read_header(source, limits)
    kind, image = (Nifti1Header, Nifti1Image) if header.version == 1 else (Nifti2Header, Nifti2Image)
    parsed = kind(header.block, endianness=header.order, check=False)  # type: ignore[no-untyped-call]
    labels = _on_stored_axes(_numbered(masks), laid_out(header))
    if labels.shape != header.shape:
        raise ValueError(f"the masks give {labels.shape}, the source is {header.shape}")

    own = kind(endianness="<")  # type: ignore[no-untyped-call]
    own.set_data_shape(labels.shape)  # type: ignore[no-untyped-call]
    own.set_data_dtype(labels.dtype)  # type: ignore[no-untyped-call]
    for name in ("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d",
                 "qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"):  # fmt: skip
        own[name] = parsed[name]
    own["pixdim"][4:] = 1.0
    return _gzipped(image(labels, None, own), provenance)  # type: ignore[no-untyped-call]


def like_dicom(source: SourceSeries, masks: np.ndarray, provenance: Provenance) -> bytes:
    """The mask of a scan that came as DICOM.

    Args:
        source: the instances, in slice order.
        masks: (slices, rows, columns) bool, uint8 or numbered (`lesion_labels`), as stored.
        provenance: written into the header as a comment.

    Returns:
        A .nii.gz with axes (columns, rows, slices) and the instances' affine.

    Raises:
        NotExportable: if the slices' places are unknown or uneven.
        ValueError: if the masks have another shape.
    """
    if masks.shape != source.shape:
        raise ValueError(f"the masks are {masks.shape}, the source is {source.shape}")
    affine = _LPS_TO_RAS @ source.affine()
    image = Nifti1Image(np.ascontiguousarray(_numbered(masks).transpose(2, 1, 0)), affine)  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]
    image.set_sform(affine, code="scanner")  # type: ignore[no-untyped-call]
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
        image.set_qform(affine, code="scanner")  # type: ignore[no-untyped-call]
    else:  # a qform cannot hold a tilted gantry
        image.set_qform(None, code="unknown")  # type: ignore[no-untyped-call]
    return _gzipped(image, provenance)


def _numbered(masks: np.ndarray) -> np.ndarray:
    """(slices, rows, columns) uint8 or uint16: 0 outside, else the number of the lesion."""
    labels, count = lesion_labels(masks)
    return labels if count > np.iinfo(np.uint8).max else labels.astype(np.uint8)


def _on_stored_axes(upright: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """(slices upwards, rows backwards, columns leftwards) to the file's own (i, j, k)."""
    found = io_orientation(affine)  # type: ignore[no-untyped-call]
    world, sign = found[:, 0].astype(int), found[:, 1]
    # As right, anterior, superior: the reverse of left and of back.
    ras = upright.transpose(2, 1, 0)[::-1, ::-1, :]
    stored = ras.transpose(world)
    for axis in range(3):
        if sign[axis] < 0:
            stored = np.flip(stored, axis)
    return np.ascontiguousarray(stored)


def _gzipped(image: nib.nifti1.Nifti1Pair, provenance: Provenance) -> bytes:
    image.header["descrip"] = _DESCRIPTION
    comment = f"{MARK_LONG} {provenance.sentence}".encode()
    image.header.extensions.append(Nifti1Extension("comment", comment))
    return gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)  # type: ignore[attr-defined]
