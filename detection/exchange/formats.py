"""What can be taken out, for which scan, and otherwise why not, in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from detection.models import Analysis, Scan, StoredFile
from detection.models.analysis import State
from detection.models.scan import Kind
from ml.imaging.writers import MOST_LESIONS

UNFINISHED = "The analysis has not ended yet. Take its result out when it has."
FAILED = "The analysis failed, so there is no result to take out. Have the scan analysed again."
REFUSED = "This scan was refused, so there is no result to take out. Its page says why."
SUPERSEDED = "A doctor has since corrected a series that went into this scan, so its result is not handed out."
OLDER_RUN = "This result was made by an earlier version. Have the scan analysed again, then take it out."
NOT_DICOM = "Only for scans that came as DICOM: it has to refer to the original files."
NO_UIDS = "The files do not say which study, series and instance they are, so no DICOM result can refer to them."
SEVERAL_SERIES = "The files are not of one series, so no DICOM result can refer to them."
SEVERAL_FILES = "The slices come from several multi-frame files, which one DICOM Segmentation cannot refer to."
NO_VOLUME = "Only for DICOM series and NIfTI: other files do not say where their slices lie in the patient."
NOTHING_OUTLINED = "Nothing is outlined, and programs break on an empty segmentation. The structured report says that nothing was found."
NOTHING_OUTLINED_HERE = "Nothing is outlined in this scan."
NO_GEOMETRY = "The files do not say where the slices lie in the patient."
NO_LONE_THICKNESS = "The file does not say how thick the slice is."
NO_THICKNESS = "The files do not say how thick the slices are, and these are not evenly spaced."
TOO_MANY = "There are too many separate outlines for it."
NOT_PARALLEL = "The slices do not all point the same way."
UNEVEN = "The slices are not evenly spaced."
UNEVEN_BUT_SEGMENTED = f"{UNEVEN} Take the DICOM Segmentation instead."


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
        return bool(self.found.get("orientation")) and bool(self.found.get("spacing_mm")) and self._says("placed")

    @property
    def is_lone(self) -> bool:
        """Whether there is only one slice."""
        return len(self.found["slices"]) == 1

    @property
    def is_identified(self) -> bool:
        """Whether the originals say which instances they are."""
        return self._says("identified")

    @property
    def is_one_series(self) -> bool:
        """Whether the originals are of one study, series and frame of reference."""
        return self._says("one_series")

    @property
    def is_parallel(self) -> bool:
        """Whether all slices point the same way."""
        return self._says("parallel")

    @property
    def is_thick(self) -> bool:
        """Whether every slice's thickness is known."""
        return self._says("thick")

    @property
    def is_joint(self) -> bool:
        """Whether one segmentation can refer to all slices."""
        return self._says("joint")

    def _says(self, name: str) -> bool:
        """What the analysis noted of the originals; runs of earlier versions noted nothing, and then it shows when the file is made."""
        return bool((self.found.get("references") or {}).get(name, True))

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
    if not case.is_dicom:
        return NOT_DICOM
    if not case.is_identified:
        return NO_UIDS
    return None if case.is_one_series else SEVERAL_SERIES


def _outlined_dicom(case: Case) -> str | None:
    reason = _dicom(case)
    if reason:
        return reason
    if not case.is_outlined:
        return NOTHING_OUTLINED
    if not case.has_geometry:
        return NO_GEOMETRY
    return TOO_MANY if len(case.found["lesions"]) > MOST_LESIONS else None


def _segmentation(case: Case) -> str | None:
    reason = _outlined_dicom(case)
    if reason:
        return reason
    if not case.is_joint:
        return SEVERAL_FILES
    if not case.is_parallel:
        return NOT_PARALLEL
    if case.is_thick or (case.is_even and not case.is_lone):
        return None
    return NO_LONE_THICKNESS if case.is_lone else NO_THICKNESS


def _volume(case: Case) -> str | None:
    if case.is_nifti:
        return None
    if not case.is_dicom:
        return NO_VOLUME
    if not case.is_one_series:
        return SEVERAL_SERIES
    if not case.has_geometry:
        return NO_GEOMETRY
    if not case.is_parallel:
        return NOT_PARALLEL
    if case.is_lone:
        return None if case.is_thick else NO_LONE_THICKNESS
    if case.is_even:
        return None
    return UNEVEN if _segmentation(case) else UNEVEN_BUT_SEGMENTED


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
            _segmentation,
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
