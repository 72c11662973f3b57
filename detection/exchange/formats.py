"""What can be taken out, for which scan, and otherwise why not, in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from detection.models import Analysis, Scan, StoredFile
from detection.models.analysis import State
from detection.models.scan import Kind

UNFINISHED = "The analysis has not ended yet. Take its result out when it has."
FAILED = "The analysis failed, so there is no result to take out. Have the scan analysed again."
REFUSED = "This scan was refused, so there is no result to take out. Its page says why."
SUPERSEDED = "A doctor has since corrected a series that went into this scan, so its result is not handed out."
OLDER_RUN = "This result was made by an earlier version. Have the scan analysed again, then take it out."
NOT_DICOM = "Only for scans that came as DICOM: it has to refer to the original files."
NO_VOLUME = "Only for DICOM series and NIfTI: other files do not say where their slices lie in the patient."
NOTHING_OUTLINED = "Nothing is outlined, and programs break on an empty segmentation. The structured report says that nothing was found."
NOTHING_OUTLINED_HERE = "Nothing is outlined in this scan."
NO_GEOMETRY = "The files do not say where the slices lie in the patient."
UNEVEN = "The slices are not evenly spaced. Take the DICOM Segmentation instead."


@dataclass(frozen=True)
class Case:
    """A scan with an ended run, as far as formats depend on it.

    Attributes:
        found: the contract's scan object.
        formats: of the files that the result refers to; those of the FLAIR series for a fused scan.
    """

    found: dict[str, Any]
    formats: frozenset[str]

    @property
    def is_dicom(self) -> bool:
        """Whether there are original instances to refer to."""
        return self.formats == {"dicom"}

    @property
    def is_nifti(self) -> bool:
        """Whether the source is one NIfTI volume."""
        return self.formats == {"nifti"}

    @property
    def is_outlined(self) -> bool:
        """Whether there is a lesion."""
        return bool(self.found["lesions"])

    @property
    def has_geometry(self) -> bool:
        """Whether the slices' places are known."""
        return bool(self.found.get("orientation")) and bool(self.found.get("spacing_mm"))

    @property
    def is_even(self) -> bool:
        """Whether the slices are evenly spaced, as far as that matters."""
        spacing = self.found.get("spacing_mm") or {}
        return self.found["kind"] == Kind.IMAGE or spacing.get("between_slices") is not None


@dataclass(frozen=True)
class Format:
    """One thing that can be taken out.

    Attributes:
        name: last part of its address.
        label: what it is called on the page.
        sentence: whom it is for.
        content_type: media type.
        missing: why a case has none; None where it has.
    """

    name: str
    label: str
    sentence: str
    content_type: str
    missing: Callable[[Case], str | None]


def _always(_case: Case) -> str | None:
    return None


def _dicom(case: Case) -> str | None:
    return None if case.is_dicom else NOT_DICOM


def _outlined_dicom(case: Case) -> str | None:
    if not case.is_dicom:
        return NOT_DICOM
    if not case.is_outlined:
        return NOTHING_OUTLINED
    return None if case.has_geometry else NO_GEOMETRY


def _volume(case: Case) -> str | None:
    if case.is_nifti:
        return None
    if not case.is_dicom:
        return NO_VOLUME
    if not case.has_geometry:
        return NO_GEOMETRY
    return None if case.is_even else UNEVEN


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(
            "report.pdf",
            "Report (PDF)",
            "To read, to print or for a letter: key pictures, numbers and limits on one or two pages.",
            "application/pdf",
            _always,
        ),
        Format(
            "masks.zip",
            "Masks and tables (zip)",
            "For a table program or a study: a PNG mask a slice, CSV tables and JSON.",
            "application/zip",
            _always,
        ),
        Format(
            "mask.nii.gz",
            "Mask (NIfTI)",
            "For 3D Slicer, ITK-SNAP and research programs. It lies on the original, voxel by voxel.",
            "application/gzip",
            _volume,
        ),
        Format(
            "segmentation.dcm",
            "Segmentation (DICOM SEG)",
            "For a PACS or viewer that shows segmentations, such as OHIF or 3D Slicer.",
            "application/dicom",
            _outlined_dicom,
        ),
        Format(
            "report.sr.dcm",
            "Numbers (DICOM SR)",
            "For a PACS that reads structured reports. Send it together with the segmentation, where there is one.",
            "application/dicom",
            _dicom,
        ),
        Format(
            "rtstruct.dcm",
            "Contours (RTSTRUCT)",
            "For planning and navigation systems, and programs that read no segmentation.",
            "application/dicom",
            _outlined_dicom,
        ),
        Format(
            "secondary-capture.zip",
            "Pictures with the outline (DICOM, zip)",
            "For a PACS that shows no segmentation: a new series with outline and numbers burnt in.",
            "application/zip",
            _dicom,
        ),
        Format(
            "report.dcm",
            "Report (PDF in DICOM)",
            "The same report, to lie beside the images in the PACS.",
            "application/dicom",
            _dicom,
        ),
    )
}


def why_none(scan: Scan, analysis: Analysis | None) -> str | None:
    """Why a scan's run gives nothing to take out at all; None where it does."""
    if scan.is_superseded:
        return SUPERSEDED
    if analysis is None or not analysis.is_finished:
        return UNFINISHED
    if analysis.state == State.FAILED:
        return FAILED
    if analysis.state == State.REFUSED or not analysis.findings or analysis.tumour_probability is None:
        return REFUSED
    return None if "stored_orientation" in analysis.findings else OLDER_RUN


def referred(scan: Scan) -> list[StoredFile]:
    """The files that a result refers to and lies on: the scan's own, or those of the FLAIR series for a fused one."""
    return list(StoredFile.objects.filter(scan=scan.fused_flair_id or scan.pk).order_by("position"))


def case_of(analysis: Analysis, files: list[StoredFile]) -> Case:
    """The case of an ended run that has an answer."""
    assert analysis.findings is not None
    return Case(analysis.findings, frozenset(file.format for file in files))
