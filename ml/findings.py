"""What was found in a Volume, valid by construction, and its JSON form.

`to_json` gives the scan object of `shared/contracts.md`: one schema for the command line,
the database, the result page and every export.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from ml.imaging.volume import Kind, Place, Volume


class Verdict(StrEnum):
    """The answer for a slice or a scan. UNCERTAIN and REFUSED are answers too, with a reason."""

    TUMOUR = "tumour"
    NO_TUMOUR = "no_tumour"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"


class Compartment(StrEnum):
    """What an outline means. The two are different things and never compared with each other."""

    FLAIR_ABNORMALITY = "flair_abnormality"
    CONTRAST_ENHANCING_TUMOUR = "contrast_enhancing_tumour"


class Side(StrEnum):
    """Where a lesion lies, by the patient's own left and right."""

    LEFT = "left"
    RIGHT = "right"
    MIDLINE = "both sides / midline"


Point = tuple[float, float]
"""(row, column), fractional indices: whole numbers are the middles of pixels."""


def _check_interval(interval: tuple[float, float] | None, *, known: bool = True) -> None:
    if interval is None:
        return
    low, high = interval
    if not known or not (math.isfinite(high) and 0.0 <= low <= high):
        raise ValueError(f"an interval runs upwards from 0 or more and belongs to a known number, not {interval}")


def _check_probability(value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and 0.0 <= value <= 1.0):
        raise ValueError(f"a probability lies between 0 and 1, not {value}")


@dataclass(frozen=True, eq=False)
class Mask:
    """The outline of one slice.

    Attributes:
        pixels: (rows, columns) uint8, 0 or 255, read-only, upright like the voxels.
    """

    pixels: np.ndarray

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels)
        if pixels.ndim != 2 or 0 in pixels.shape:
            raise ValueError(f"a mask is (rows, columns), not {pixels.shape}")
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8) * np.uint8(255)
        elif pixels.dtype != np.uint8 or not np.isin(pixels, (0, 255)).all():
            raise ValueError("a mask is bool, or uint8 with 0 and 255 only")
        pixels = np.ascontiguousarray(pixels).view()
        pixels.flags.writeable = False
        object.__setattr__(self, "pixels", pixels)

    @classmethod
    def empty(cls, rows: int, columns: int) -> Mask:
        """A mask without outline."""
        return cls(np.zeros((rows, columns), np.uint8))

    @property
    def area_px(self) -> int:
        """Number of pixels inside the outline."""
        return int(np.count_nonzero(self.pixels))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.pixels, dtype=dtype, copy=copy)


@dataclass(frozen=True)
class Lesion:
    """One connected outline in three dimensions.

    Attributes:
        slices: first and last slice index, both included.
        area_px: pixels inside the outline, summed over its slices.
        largest_slice: the slice index on which it is largest.
        largest_area_px: pixels on that slice.
        extent_px: (slices, rows, columns) of the bounding box.
        centroid_px: (slice, row, column), fractional indices.
        area_mm2: largest area on one slice in mm², or None without spacing.
        extent_mm: (slices, rows, columns) of the bounding box in mm; None without spacing;
            its first number is None where the slice distance is unknown.
        volume_ml: millilitres, or None without spacing or slice distance.
        diameters_mm: the largest diameter on an axial slice and the largest one perpendicular to
            it on the same slice, as RANO measures (Wen and others, RANO 2.0, J Clin Oncol 2023;
            41:5187, doi:10.1200/JCO.23.01059); None without spacing or where the slices are not
            known to be axial.
        diameters_px: the same two in pixels; None where the slices are known not to be axial.
        diameter_slice: index of the slice that both were measured on.
        diameter_ends_px: the two ends of the largest, then the two ends of the perpendicular one.
        measurable: in the sense of RANO: both diameters are long enough (`ml.size_rules`) on at least two axial
            slices; None where that cannot be computed, or the scan is a single slice.
        side: by patient coordinates; None where the sides or the head's middle are not known.
        centroid_from_first_voxel_mm: (slice, row, column) distance in mm from the middle of the
            volume's first voxel, along its own axes; None without spacing, its first number None
            where the slice distance is unknown.
        centroid_lps_mm: the centroid in the file's own coordinates: mm towards the patient's left, back and
            head (LPS, DICOM PS3.3 C.7.6.2; NIfTI counts the first two the other way round); None where the
            file does not say where its slices lie.
        area_px_interval: low and high for `area_px`, from the model's own doubt; None if not known.
        volume_ml_interval: the same for `volume_ml`.
    """

    slices: tuple[int, int]
    area_px: int
    largest_slice: int
    largest_area_px: int
    extent_px: tuple[int, int, int]
    centroid_px: tuple[float, float, float]
    area_mm2: float | None = None
    extent_mm: tuple[float | None, float, float] | None = None
    volume_ml: float | None = None
    diameters_mm: tuple[float, float] | None = None
    diameters_px: tuple[float, float] | None = None
    diameter_slice: int | None = None
    diameter_ends_px: tuple[Point, Point, Point, Point] | None = None
    measurable: bool | None = None
    side: Side | None = None
    centroid_from_first_voxel_mm: tuple[float | None, float, float] | None = None
    centroid_lps_mm: Place | None = None
    area_px_interval: tuple[int, int] | None = None
    volume_ml_interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        first, last = self.slices
        if not 0 <= first <= self.largest_slice <= last or not 0 < self.largest_area_px <= self.area_px:
            raise ValueError("a lesion has pixels, on slices in order")
        object.__setattr__(self, "side", None if self.side is None else Side(self.side))
        drawn = (self.diameters_px, self.diameter_slice, self.diameter_ends_px)
        if len({value is None for value in drawn}) > 1 or (self.diameters_mm is not None and drawn[0] is None):
            raise ValueError("diameters come with their slice and their ends")
        if self.diameter_slice is not None and not first <= self.diameter_slice <= last:
            raise ValueError("the diameters lie on a slice of the lesion")
        if self.measurable is not None and self.diameters_mm is None:
            raise ValueError("without diameters in mm nobody knows whether a lesion is measurable")
        _check_interval(self.area_px_interval)
        _check_interval(self.volume_ml_interval, known=self.volume_ml is not None)


@dataclass(frozen=True)
class Measurements:
    """Sizes of everything outlined in one volume.

    Attributes:
        lesions: largest first.
        area_px: outlined pixels of each slice.
        area_mm2: the same in mm², or None without spacing.
        volume_ml: of all lesions together, 0.0 for none; None without spacing or slice distance.
    """

    lesions: tuple[Lesion, ...]
    area_px: tuple[int, ...]
    area_mm2: tuple[float, ...] | None
    volume_ml: float | None

    def __post_init__(self) -> None:
        sizes = [lesion.area_px for lesion in self.lesions]
        if sizes != sorted(sizes, reverse=True):
            raise ValueError("lesions come largest first")
        if sum(sizes) != sum(self.area_px):
            raise ValueError("the lesions must account for every outlined pixel")
        if self.area_mm2 is not None and len(self.area_mm2) != len(self.area_px):
            raise ValueError("every slice has one area")


@dataclass(frozen=True)
class SliceFinding:
    """What was found on one slice.

    Attributes:
        index: from 0.
        source: as in Volume.sources.
        tumour_probability: calibrated, 0..1; None when refused.
        verdict: of this slice alone.
        mask: always there, empty where nothing is outlined.
        area_mm2: None without spacing.
    """

    index: int
    source: str
    tumour_probability: float | None
    verdict: Verdict
    mask: Mask
    area_mm2: float | None = None

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ValueError("slices count from 0")
        object.__setattr__(self, "verdict", Verdict(self.verdict))
        _check_probability(self.tumour_probability)
        if (self.verdict is Verdict.REFUSED) != (self.tumour_probability is None):
            raise ValueError("a refused slice, and only that, has no probability")
        if self.verdict is Verdict.REFUSED and self.area_px:
            raise ValueError("a refused slice has no outline")

    @property
    def area_px(self) -> int:
        """Number of pixels inside the outline."""
        return self.mask.area_px


@dataclass(frozen=True)
class Findings:
    """The answer for one Volume.

    Attributes:
        kind: as in Volume.
        verdict: of the whole scan.
        reason: a sentence for REFUSED and UNCERTAIN, else None.
        tumour_probability: of the whole scan, calibrated, 0..1; None when refused.
        compartment: what the outline means; None without one.
        tumour_volume_ml: None without trustworthy spacing.
        lesions: largest first.
        slices: one for each slice, in order.
        tumour_volume_ml_interval: low and high for `tumour_volume_ml`; None if not known.
        outline_px_interval: the same for all outlined pixels together.
        interval_level: how often such intervals held the truth where it was known (0..1), for
            these two; None where that was not measured.
        lesion_interval_level: the same for the lesions' own.
        thresholds: of `tumour_probability`: below the first nothing is said to be there, from the
            second on a tumour is suspected; a series has other ones than its slices. None if not told.
        compartment_sure: False where neither the file nor the picture tells the sequence clearly, so that
            the outline may mean the other compartment; None without an outline or if not told.
    """

    kind: Kind
    verdict: Verdict
    reason: str | None
    tumour_probability: float | None
    compartment: Compartment | None
    tumour_volume_ml: float | None
    lesions: tuple[Lesion, ...]
    slices: tuple[SliceFinding, ...]
    tumour_volume_ml_interval: tuple[float, float] | None = None
    outline_px_interval: tuple[int, int] | None = None
    interval_level: float | None = None
    lesion_interval_level: float | None = None
    thresholds: tuple[float, float] | None = None
    compartment_sure: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", Verdict(self.verdict))
        object.__setattr__(self, "compartment", None if self.compartment is None else Compartment(self.compartment))
        object.__setattr__(self, "lesions", tuple(self.lesions))
        object.__setattr__(self, "slices", tuple(self.slices))
        _check_probability(self.tumour_probability)
        refused = self.verdict is Verdict.REFUSED
        if refused != (self.tumour_probability is None):
            raise ValueError("a refused scan, and only that, has no probability")
        if bool(self.reason) != (self.verdict in (Verdict.REFUSED, Verdict.UNCERTAIN)):
            raise ValueError("refused and uncertain have a reason, the other verdicts have none")
        if not self.slices or [found.index for found in self.slices] != list(range(len(self.slices))):
            raise ValueError("slices are numbered 0, 1, 2, ...")
        if self.kind not in ("image", "series") or (self.kind == "image" and len(self.slices) != 1):
            raise ValueError("an image has exactly one slice")
        outlined = sum(found.area_px for found in self.slices)
        if bool(outlined) != (self.compartment is not None):
            raise ValueError("an outline, and only that, has a compartment")
        if self.compartment is None and self.compartment_sure is not None:
            raise ValueError("without a compartment nothing can be sure of it")
        if refused and outlined:
            raise ValueError("a refused scan has no outline")
        if sum(lesion.area_px for lesion in self.lesions) != outlined:
            raise ValueError("the lesions must account for every outlined pixel")
        if refused and self.tumour_volume_ml is not None:
            raise ValueError("a refused scan has no volume")
        _check_interval(self.tumour_volume_ml_interval, known=self.tumour_volume_ml is not None)
        _check_interval(self.outline_px_interval, known=not refused)
        _check_probability(self.interval_level)
        _check_probability(self.lesion_interval_level)
        if self.thresholds is not None and not 0.0 <= self.thresholds[0] <= self.thresholds[1] <= 1.0:
            raise ValueError("the two thresholds lie in order between 0 and 1")

    @classmethod
    def refused(cls, volume: Volume, reason: str) -> Findings:
        """The answer for a volume that is not analysed, with the reason as a sentence."""
        empty = Mask.empty(volume.rows, volume.columns)
        slices = tuple(
            SliceFinding(index, source, None, Verdict.REFUSED, empty) for index, source in enumerate(volume.sources)
        )
        return cls(volume.kind, Verdict.REFUSED, reason, None, None, None, (), slices)


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, list | tuple):
        return [_rounded(item, digits) for item in value]
    if isinstance(value, dict):
        return {key: _rounded(item, digits) for key, item in value.items()}
    return value


def to_json(
    findings: Findings, *, input: str, volume: Volume | None = None, masks: Sequence[str] | None = None
) -> dict[str, Any]:
    """The contract's scan object, ready for `json.dumps`.

    Args:
        input: what the person named: a path on the command line, an id on the web.
        volume: adds `sequence`, `spacing_mm`, `orientation`, `rows`, `columns` and `notes`.
        masks: a path for each slice, relative to the masks' folder; None where none were written.

    Raises:
        ValueError: if there is not one mask path a slice, or the volume has other slices.
    """
    if masks is not None and len(masks) != len(findings.slices):
        raise ValueError("every slice needs its mask path")
    if volume is not None and len(volume) != len(findings.slices):
        raise ValueError("the findings belong to another volume")
    scan: dict[str, Any] = {
        "input": input,
        "kind": findings.kind,
        "verdict": findings.verdict.value,
        "reason": findings.reason,
        "tumour_probability": _rounded(findings.tumour_probability, 4),
        "compartment": findings.compartment.value if findings.compartment else None,
        "compartment_sure": findings.compartment_sure,
        "tumour_volume_ml": _rounded(findings.tumour_volume_ml, 3),
        "tumour_volume_ml_interval": _rounded(findings.tumour_volume_ml_interval, 3),
        "outline_px_interval": _rounded(findings.outline_px_interval, 3),
        "interval_level": _rounded(findings.interval_level, 3),
        "lesion_interval_level": _rounded(findings.lesion_interval_level, 3),
        "lesions": [_rounded(asdict(lesion), 3) for lesion in findings.lesions],
        "slices": [
            {
                "index": found.index,
                "source": found.source,
                "tumour_probability": _rounded(found.tumour_probability, 4),
                "verdict": found.verdict.value,
                "area_px": found.area_px,
                "area_mm2": _rounded(found.area_mm2, 2),
                "mask": None if masks is None else masks[found.index],
            }
            for found in findings.slices
        ],
    }
    if findings.thresholds is not None:
        low, high = findings.thresholds
        scan["thresholds"] = {"nothing_below": low, "tumour_from": high}
    if volume is not None:
        spacing, orientation = volume.spacing, volume.orientation
        scan |= {
            "rows": volume.rows,
            "columns": volume.columns,
            "sequence": volume.sequence,
            "spacing_mm": None if spacing is None else _rounded(asdict(spacing), 4),
            "orientation": None if orientation is None else asdict(orientation),
            "notes": list(volume.notes),
        }
    return scan


def unread_to_json(*, input: str, error: str) -> dict[str, Any]:
    """The scan object of an input that could not be read: the contract's keys, empty, and the sentence."""
    empty: dict[str, Any] = dict.fromkeys(
        ("kind", "verdict", "reason", "tumour_probability", "compartment", "tumour_volume_ml")
    )
    return {"input": input, "error": error, **empty, "lesions": [], "slices": []}
