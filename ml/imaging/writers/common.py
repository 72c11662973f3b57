"""What every export shares: whose result it is, what an outline is called, and the marks it carries."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from scipy import ndimage

from ml.findings import Compartment
from ml.imaging.errors import ImagingError
from ml.imaging.writers.marks import MARK_LONG

MANUFACTURER = "Brainscan"
MODEL_NAME = "Brainscan"

WRITERS = 3
"""Raised when a writer makes another file of the same run than before."""

_NAMESPACE = uuid.UUID("6f1e4b0e-53f3-5f0c-9a5c-0f5a2f4b7d11")
# Pixels that touch by a side, an edge or a corner belong together, as in ml.measure.
_NEIGHBOURS = np.ones((3, 3, 3), bool)


class NotExportable(ImagingError):
    """A result that cannot be written in the wanted format, with the reason for the person who asked."""


NO_OUTLINE = "Nothing is outlined in this scan, so there is no outline to export. Choose the structured report instead."
NO_GEOMETRY = "The scan's files do not say where its slices lie in the patient, so this format cannot be made. Choose the zip instead."
UNEVEN = "The slices of this scan are not evenly spaced, so this format cannot be made. Choose the DICOM Segmentation instead."


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a result was made from, by what and when; every export carries it.

    Attributes:
        scan_id: the scan's UUID.
        analysis_id: the UUID of the run; the same run always exports under the same UIDs, by the same writers.
        scan_sha256: hex SHA-256 of the scan as received.
        model_version: of the networks.
        software_version: of Brainscan.
        made: when the analysis ended, with its time zone.
    """

    scan_id: uuid.UUID
    analysis_id: uuid.UUID
    scan_sha256: str
    model_version: str
    software_version: str
    made: datetime

    def __post_init__(self) -> None:
        if self.made.tzinfo is None:
            raise ValueError("the time needs its zone")
        if len(self.scan_sha256) != 64 or not set(self.scan_sha256) <= set("0123456789abcdef"):
            raise ValueError("a SHA-256 is 64 lower-case hexadecimal digits")
        if not self.model_version or not self.software_version:
            raise ValueError("the versions must be known")

    def uid(self, *names: object) -> str:
        """A DICOM UID that belongs to this run and to `names`: the same whenever it is asked for."""
        name = "/".join(["uid", str(self.analysis_id), *map(str, names)])
        return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"

    def uid_as_written(self, *names: object) -> str:
        """A DICOM UID of a series or an instance that this run is written as, by writers like these of today.

        Two instances with one UID have to be equal to the bit (PS3.5 section 9), so writers that say more get others.
        """
        return self.uid("written", WRITERS, *names)

    @property
    def device_uid(self) -> str:
        """A UID of the program with these models, whatever it is run on: by it all that it reported is found again."""
        name = "/".join(["device", MODEL_NAME, self.software_version, self.model_version])
        return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"

    @property
    def sentence(self) -> str:
        """Identity, hash and versions in one sentence."""
        return (
            f"Scan {self.scan_id}, SHA-256 {self.scan_sha256}; analysis {self.analysis_id}, "
            f"model {self.model_version}, Brainscan {self.software_version}."
        )

    def as_json(self) -> dict[str, str]:
        """For the JSON forms of a result."""
        return {
            "scan_id": str(self.scan_id),
            "analysis_id": str(self.analysis_id),
            "scan_sha256": self.scan_sha256,
            "model_version": self.model_version,
            "software_version": self.software_version,
            "made": self.made.isoformat(timespec="seconds"),
            "mark": MARK_LONG,
        }


@dataclass(frozen=True)
class Meaning:
    """What an outline means, in words and codes.

    Attributes:
        label: shown beside the outline; at most 64 characters with a number behind it.
        code: (value, scheme, meaning) from DICOM CID 7159.
        rgb: its colour, 0..255; told apart in black-and-white print by lightness.
    """

    label: str
    code: tuple[str, str, str]
    rgb: tuple[int, int, int]


# DICOM has no code for a FLAIR abnormality: oedema and tumour look alike there, so it is a "lesion".
MEANINGS: dict[Compartment, Meaning] = {
    Compartment.FLAIR_ABNORMALITY: Meaning("FLAIR abnormality", ("52988006", "SCT", "Lesion"), (255, 176, 0)),
    Compartment.CONTRAST_ENHANCING_TUMOUR: Meaning(
        "Contrast-enhancing tumour", ("C113842", "NCIt", "Enhancing Lesion"), (0, 200, 220)
    ),
}


def meaning_of(scan: Mapping[str, Any]) -> Meaning:
    """What the scan's outlines mean.

    Raises:
        NotExportable: if nothing is outlined.
    """
    if scan["compartment"] is None:
        raise NotExportable(NO_OUTLINE)
    return MEANINGS[Compartment(scan["compartment"])]


def lesion_labels(masks: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the lesions as `ml.measure.lesions` lists them: 1 is the first of the list.

    Args:
        masks: (slices, rows, columns) bool, or uint8 where anything above 0 is inside; upright, as they
            were measured, because of two lesions of one size the upper left one comes first. Or uint16:
            numbered already, then turned.

    Returns:
        (slices, rows, columns) uint16, 0 outside; and the number of lesions.

    Raises:
        NotExportable: if there are more lesions than 65,535.
        ValueError: if the masks are not three-dimensional.
    """
    if masks.ndim != 3:
        raise ValueError(f"masks are (slices, rows, columns), not {masks.shape}")
    if masks.dtype == np.uint16:
        return masks, int(masks.max(initial=0))
    numbered = np.zeros(masks.shape, np.uint16)
    box = _box(masks)
    if box is None:
        return numbered, 0
    labels, count = ndimage.label(masks[box] > 0, structure=_NEIGHBOURS)
    if count > np.iinfo(np.uint16).max:
        raise NotExportable("There are too many separate outlines to number them. Choose the zip instead.")
    boxes = ndimage.find_objects(labels, max_label=count)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    ranked = sorted(
        range(1, count + 1), key=lambda label: (-areas[label], boxes[label - 1][0].start, boxes[label - 1][0].stop)
    )
    number = np.zeros(count + 1, np.uint16)
    number[ranked] = np.arange(1, count + 1, dtype=np.uint16)
    numbered[box] = number[labels]
    return numbered, count


def _box(masks: np.ndarray) -> tuple[slice, slice, slice] | None:
    """Where anything is outlined: the rest of a large volume need not be labelled."""
    axes = [np.flatnonzero(masks.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not axes[0].size:
        return None
    slices, rows, columns = (slice(int(axis[0]), int(axis[-1]) + 1) for axis in axes)
    return slices, rows, columns


def check_masks(masks: np.ndarray, scan: Mapping[str, Any]) -> np.ndarray:
    """The masks as bool (slices, rows, columns), held against the scan object.

    Raises:
        ValueError: if they are not the masks of this scan.
    """
    if masks.ndim != 3 or len(masks) != len(scan["slices"]):
        raise ValueError("there must be one mask for each slice of the scan")
    inside: np.ndarray = masks > 0
    if [found["area_px"] for found in scan["slices"]] != np.count_nonzero(inside, axis=(1, 2)).tolist():
        raise ValueError("the masks do not belong to this scan")
    return inside
