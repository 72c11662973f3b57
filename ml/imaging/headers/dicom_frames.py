"""The frames of a DICOM file: where each lies, what its values mean, and what tells it from the others.

An enhanced file says so in functional groups, shared by all frames or for each of them (PS3.3 C.7.6.16); a classic
one at the top of its dataset.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.dicom_values import item, listed, not_finite, number, numbers, stripped, value, whole
from ml.imaging.headers.facts import MOST_MM

if TYPE_CHECKING:
    from pydicom import Dataset

Triple = tuple[float, float, float]

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

_LARGEST_VALUE = 1e9

Macro = Callable[[str], "Dataset | None"]
"""The one item of a functional group of this name, or None."""


@dataclass(frozen=True)
class Frame:
    """One picture of an instance.

    Attributes:
        position: ImagePositionPatient in mm, or None.
        directions: ImageOrientationPatient: towards growing columns, then growing rows; unit
            vectors at right angles, or None.
        pixel_spacing: mm between rows and between columns, or None where not trustworthy.
        implausible: whether it is None because no scan of a head has pixels of the stated size.
        slope, intercept: of DICOM's rescale.
        thickness: SliceThickness in mm, or None.
        stack: which of an enhanced file's stacks it is in; empty where it has none.
        temporal_number: which time it shows, or None.
        echo_ms: echo time in milliseconds, or None.
        b_value: of diffusion weighting in s/mm2, or None.
        kinds: FrameType's values in upper case; of enhanced files only.
        window: the first window that the file states, as centre and width (at least 1) of its rescaled values, or None.
    """

    position: Triple | None
    directions: tuple[Triple, Triple] | None
    pixel_spacing: tuple[float, float] | None
    slope: float
    intercept: float
    thickness: float | None = None
    stack: str = ""
    temporal_number: int | None = None
    echo_ms: float | None = None
    b_value: float | None = None
    kinds: tuple[str, ...] = ()
    window: tuple[float, float] | None = None
    implausible: bool = False


def frames(dataset: Dataset, count: int) -> tuple[Frame, ...]:
    """Every frame, in stored order.

    Args:
        count: NumberOfFrames.

    Raises:
        UploadRefused: 400 for another number of functional groups, a pixel spacing that is no number or zero or
            less, or a position where no head lies.
    """
    each = value(dataset, "PerFrameFunctionalGroupsSequence")
    if item(value(dataset, "SharedFunctionalGroupsSequence")) is None and each is None:
        frame = replace(
            _frame(dataset, dataset, dataset, dataset, dataset),
            window=_window(dataset),
            temporal_number=whole(value(dataset, "TemporalPositionIdentifier")),
            echo_ms=number(value(dataset, "EchoTime")),
            b_value=number(value(dataset, "DiffusionBValue")),
        )
        # Classic multi-frame: one position for all of them says nothing about each.
        return (frame,) if count == 1 else (replace(frame, position=None),) * count
    if each is not None and len(each) != count:
        raise damaged()
    return tuple(_enhanced(dataset, macros(dataset, index)) for index in range(count))


def macros(dataset: Dataset, index: int) -> Macro:
    """The functional groups of one frame: its own before the shared ones; nothing at all for a classic file."""
    shared, each = (
        item(value(dataset, "SharedFunctionalGroupsSequence")),
        value(dataset, "PerFrameFunctionalGroupsSequence"),
    )
    own = each[index] if each is not None and index < len(each) else None

    def macro(name: str) -> Dataset | None:
        found = (item(value(group, name)) for group in (own, shared) if group is not None)
        return next((one for one in found if one is not None), None)

    return macro


def _enhanced(dataset: Dataset, macro: Macro) -> Frame:
    content, echo = macro("FrameContentSequence"), macro("MREchoSequence")
    diffusion, kind = macro("MRDiffusionSequence"), macro("MRImageFrameTypeSequence")
    return replace(
        _frame(
            dataset,
            macro("PlanePositionSequence"),
            macro("PlaneOrientationSequence"),
            macro("PixelMeasuresSequence"),
            macro("PixelValueTransformationSequence"),
        ),
        window=_window(macro("FrameVOILUTSequence")),
        stack="" if content is None else stripped(content, "StackID"),
        temporal_number=None if content is None else whole(value(content, "TemporalPositionIndex")),
        echo_ms=number(value(dataset, "EchoTime") if echo is None else value(echo, "EffectiveEchoTime")),
        b_value=None if diffusion is None else number(value(diffusion, "DiffusionBValue")),
        kinds=() if kind is None else tuple(str(each).upper().strip() for each in listed(value(kind, "FrameType"))),
    )


def _frame(
    dataset: Dataset,
    position: Dataset | None,
    orientation: Dataset | None,
    measures: Dataset | None,
    rescale: Dataset | None,
) -> Frame:
    where = numbers(position, "ImagePositionPatient", 3)
    spacing = numbers(measures, "PixelSpacing", 2)
    if where is not None and max(map(abs, where)) >= MOST_MM:
        raise UploadRefused("The file gives an impossible position of the head. Export it again.")
    captured = str(value(dataset, "SOPClassUID", "")).startswith(SECONDARY_CAPTURE)
    if not captured and not_finite(measures, "PixelSpacing"):
        raise UploadRefused("The file gives a pixel spacing that is no number. Export the series again.")
    if spacing is not None and not captured and min(spacing) <= 0:
        raise UploadRefused("The file gives a pixel spacing of zero or less. Export the series again.")
    implausible = spacing is not None and not captured and not all(0.02 <= value <= 20.0 for value in spacing)
    if captured or implausible:
        spacing = None  # a screenshot's spacing, or a placeholder, is no measure of the patient
    slope = number(value(rescale, "RescaleSlope")) if rescale is not None else None
    intercept = number(value(rescale, "RescaleIntercept")) if rescale is not None else None
    return Frame(
        position=(where[0], where[1], where[2]) if where else None,
        directions=_directions(numbers(orientation, "ImageOrientationPatient", 6)),
        pixel_spacing=(spacing[0], spacing[1]) if spacing else None,
        slope=slope or 1.0,
        intercept=intercept or 0.0,
        thickness=None if measures is None else number(value(measures, "SliceThickness")),
        implausible=implausible,
    )


def _window(source: Dataset | None) -> tuple[float, float] | None:
    """Section C.11.2.1.2: of several windows the first. No file is worse for a broken one."""
    if source is None:
        return None
    try:
        centre, width = (
            number(next(iter(listed(value(source, keyword))), None)) for keyword in ("WindowCenter", "WindowWidth")
        )
    except (ValueError, TypeError, ArithmeticError):
        return None
    if centre is None or width is None or not (abs(centre) < _LARGEST_VALUE and 1 <= width < _LARGEST_VALUE):
        return None
    return centre, width


def _directions(values: Sequence[float] | None) -> tuple[Triple, Triple] | None:
    """Two unit vectors at right angles, or None for anything else."""
    if values is None:
        return None
    along, down = (values[0], values[1], values[2]), (values[3], values[4], values[5])
    lengths = math.hypot(*along), math.hypot(*down)
    cosine = sum(a * b for a, b in zip(along, down, strict=True))
    if any(abs(length - 1.0) > 0.01 for length in lengths) or abs(cosine) > 0.01:
        return None
    return along, down
