"""DICOM files to a Volume: the largest consistent series, in order, upright, rescaled.

Slices run along the normal of the first slice (its row direction x column direction);
rows and columns are turned so that the front of the head or its top is up and the patient's
right is on the left, and `Volume.to_stored` turns a mask back into the file's own grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import iter_pixels

from ml.imaging.burnt_in import BURNT_IN
from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.grouping import SAME_WAY, missing_parts, split
from ml.imaging.headers import dicomdir, head_of
from ml.imaging.headers.dicom import Instance, accepts, instance_of, load
from ml.imaging.headers.dicom_frames import Frame
from ml.imaging.headers.dicom_pixels import check_pixels
from ml.imaging.headers.facts import check_volume
from ml.imaging.limits import Limits
from ml.imaging.readers.dicom_geometry import lay_out, placement, upright
from ml.imaging.sequence import recognise
from ml.imaging.volume import DTYPES, References, Volume, one_channel_if_equal, to_upright

__all__ = ["accepts", "read"]

SEVERAL_SERIES = "The files hold {} series. The largest was read, with {} slices."
MIXED = "The series mixes {} kinds of picture. The largest was read, with {} slices."
NEGATIVE = "The files store a negative (MONOCHROME1). It was turned over, so values are not the files' own."
MOSAIC = "This is a mosaic of many slices in one image. For a result, export the slices one by one."


@dataclass(frozen=True)
class Slice:
    """One frame of one file, before its pixels are decoded.

    `dataset` is the parsed file, whose pixels are read when they are asked for; None where that is not possible.
    """

    path: Path
    dataset: Dataset | None
    name: str
    file_index: int
    instance: Instance
    frame_index: int

    @property
    def frame(self) -> Frame:
        return self.instance.frames[self.frame_index]

    @property
    def source(self) -> str:
        return self.name if len(self.instance.frames) == 1 else f"{self.name}[{self.frame_index}]"


def read(paths: Sequence[Path], names: Sequence[str], *, as_series: bool, limits: Limits) -> Volume:
    """Read DICOM files as one scan.

    Args:
        paths: in any order; several series may be among them.
        names: what each file is called.
        as_series: whether a lone slice counts as a series.
        limits: checked before pixels are decoded.

    Raises:
        UploadRefused: if nothing is usable, files of two patients are mixed, or pixels are damaged.
    """
    instances, named, refusal = _instances(paths, names, limits)
    if not instances:
        raise refusal or UploadRefused(dicomdir.ONLY_THE_LIST, 415)
    if len({found.instance.patient for found in instances if found.instance.patient}) > 1:
        raise UploadRefused("The files belong to more than one patient. Upload each patient by itself.")
    chosen, notes = _largest_series(instances)
    series = chosen[0].instance.series
    lacking = dicomdir.missing(
        (entry for entry in named if entry.series == series), {found.instance.instance for found in instances}
    )
    if lacking:
        notes.append(f"The CD's index {lacking}")
    parts = missing_parts([found.instance for found in chosen])
    if parts:
        notes.append(parts)
    if refusal:
        unread = sum(not _is_index(path) for path in paths) - len({found.file_index for found in instances})
        notes.append(f"{unread:,} DICOM {'file' if unread == 1 else 'files'} left out: not readable as a slice.")
    order, spacing, told = lay_out([found.frame for found in chosen], [found.instance.number for found in chosen])
    chosen = [chosen[index] for index in order]
    first = chosen[0].instance
    check_volume(len(chosen), first.rows, first.columns, first.channels, limits)
    if any(found.instance.is_mosaic for found in chosen):
        notes.append(MOSAIC)
    if any(found.instance.photometric == "MONOCHROME1" for found in chosen):
        notes.append(NEGATIVE)
    if any(found.instance.may_show_text for found in chosen):
        notes.append(BURNT_IN)
    code, orientation = upright(chosen[0].frame.directions)
    shape = (first.columns, first.rows) if code >= 5 else (first.rows, first.columns)
    placed = placement([found.frame for found in chosen], spacing, code, shape)
    if spacing is not None and code >= 5:
        spacing = replace(spacing, row=spacing.column, column=spacing.row)
    return Volume(
        voxels=one_channel_if_equal(_voxels(chosen, code, limits)),
        kind="series" if as_series or len(chosen) > 1 else "image",
        sources=tuple(found.source for found in chosen),
        spacing=spacing,
        orientation=orientation,
        sequence=recognise(first.acquisition),
        stored_orientation=code,
        notes=(*notes, *told),
        placement=placed,
        window=_window(chosen),
        references=_references(chosen, placed=placed is not None),
    )


def _references(chosen: Sequence[Slice], *, placed: bool) -> References:
    """What results can refer to: told here, where the headers are parsed, as `writers.source` will ask for it."""
    instances = [found.instance for found in chosen]
    return References(
        identified=all(each.sop_class and each.study and each.series and each.instance for each in instances),
        one_series=len({(each.study, each.series, each.frame_of_reference) for each in instances}) == 1,
        placed=placed and all(each.frame_of_reference for each in instances),
        parallel=_parallel([found.frame for found in chosen]),
        thick=all((found.frame.thickness or 0.0) > 0 for found in chosen),
        joint=len({found.file_index for found in chosen}) == 1
        or not any(each.has_groups or len(each.frames) > 1 for each in instances),
    )


def _parallel(frames: Sequence[Frame]) -> bool:
    if any(frame.directions is None for frame in frames):
        return False
    ways = np.array([frame.directions for frame in frames])
    return bool(np.abs(ways - ways[0]).max() <= SAME_WAY)


def _window(chosen: Sequence[Slice]) -> tuple[float, float] | None:
    """The middle one of the slices' windows as lowest and highest value (PS3.3 C.11.2.1.2.1); None unless all state one."""
    stated = [found.frame.window for found in chosen if found.instance.photometric == "MONOCHROME2"]
    known = [window for window in stated if window is not None]
    if len(known) < len(chosen):
        return None
    centre, width = (float(middle) for middle in np.median(known, axis=0))
    low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return (low, high) if low < high else None


def _instances(
    paths: Sequence[Path], names: Sequence[str], limits: Limits
) -> tuple[list[Slice], list[dicomdir.Entry], UploadRefused | None]:
    """Every frame of every readable file, what a CD's index names, and the first refusal among the others."""
    found: list[Slice] = []
    named: list[dicomdir.Entry] = []
    refusal: UploadRefused | None = None
    for index, (path, name) in enumerate(zip(paths, names, strict=True)):
        if _is_index(path):
            with suppress(UploadRefused):  # the images are there without it
                named += dicomdir.entries(path, limits)
            continue
        try:
            dataset = load(path, limits, pixels_later=True)
            instance = instance_of(dataset, limits)
        except UploadRefused as error:
            refusal = refusal or UploadRefused(error.sentence, error.status, index=index)
            continue
        kept = dataset if dataset.buffer is None else None  # a deflated one is in memory as a whole
        found += [Slice(path, kept, name, index, instance, frame) for frame in range(len(instance.frames))]
    return found, named, refusal


def _is_index(path: Path) -> bool:
    return dicomdir.is_index(head_of(path))


def _largest_series(found: Sequence[Slice]) -> tuple[list[Slice], list[str]]:
    """The slices that can be one volume, as `grouping.split` finds them; localisers only if alone."""
    groups = split(found, lambda each: (each.instance, each.frame))
    chosen = max(groups, key=lambda group: (not group.items[0].instance.is_localiser, len(group.items)))
    if len(groups) == 1:
        return list(chosen.items), []
    if len({each.instance.series for each in found}) == 1:
        return list(chosen.items), [MIXED.format(len(groups), len(chosen.items))]
    return list(chosen.items), [SEVERAL_SERIES.format(len(groups), len(chosen.items))]


def _voxels(chosen: Sequence[Slice], code: int, limits: Limits) -> np.ndarray:
    """Decode slice by slice into one array, so that only one file's pixels are in memory beside it."""
    pixels: np.ndarray | None = None
    places = {(found.file_index, found.frame_index): place for place, found in enumerate(chosen)}
    for file_index in dict.fromkeys(found.file_index for found in chosen):
        file = next(found for found in chosen if found.file_index == file_index)
        try:
            for frame_index, picture in _decoded(file, limits):
                place = places.get((file_index, frame_index))
                if place is None:
                    continue
                turned = to_upright(picture, code)
                if pixels is None:
                    pixels = np.empty((len(chosen), *turned.shape), turned.dtype)
                wanted = _holding(pixels.dtype, turned.dtype)
                if wanted != pixels.dtype:
                    pixels = pixels.astype(wanted)
                pixels[place] = turned
        except UploadRefused as refusal:
            raise UploadRefused(refusal.sentence, refusal.status, index=file_index) from None
    if pixels is None:
        raise damaged()
    return pixels


def _holding(one: np.dtype, other: np.dtype) -> np.dtype:
    """The smallest allowed dtype that holds both."""
    both = np.result_type(one, other)
    return next((dtype for dtype in DTYPES if np.can_cast(both, dtype)), np.dtype(np.float32))


def _decoded(file: Slice, limits: Limits) -> Iterator[tuple[int, np.ndarray]]:
    """Every frame of one file as (rows, columns, channels), rescaled, in an allowed dtype. Empties its dataset."""
    dataset, instance = file.dataset, file.instance
    if dataset is None:
        dataset = load(file.path, limits)
        if instance_of(dataset, limits) != instance:
            raise damaged()  # the file changed while it was read
    check_pixels(dataset, instance)
    count = 0
    try:
        for index, decoded in enumerate(iter_pixels(dataset)):
            if index >= len(instance.frames) or decoded.shape[:2] != (instance.rows, instance.columns):
                raise damaged()
            count += 1
            yield index, _values(decoded, instance, instance.frames[index], dataset)
    except (UploadRefused, MemoryError, GeneratorExit):
        raise
    except Exception:  # noqa: BLE001 - codecs raise what they like
        raise damaged() from None
    finally:
        dataset.clear()
    if count != len(instance.frames):
        raise UploadRefused("The file is cut short: slices are missing. Export it again and upload the new copy.")


def _values(decoded: np.ndarray, instance: Instance, frame: Frame, dataset: Dataset) -> np.ndarray:
    """Stored values to what they mean: palette, inversion of MONOCHROME1, rescale."""
    if instance.photometric == "PALETTE COLOR":
        coloured = apply_color_lut(decoded, dataset)
        return (coloured >> 8).astype(np.uint8) if coloured.dtype == np.uint16 else coloured
    if decoded.ndim == 3:
        return (decoded >> 8).astype(np.uint8) if decoded.dtype == np.uint16 else decoded
    values = decoded
    if values.dtype.kind in "iu" and instance.bits < values.dtype.itemsize * 8:
        values = _stored_bits(values, instance)
    if instance.photometric == "MONOCHROME1":
        # The largest value is black: mirror within the range that the stored bits span.
        values = ~values if instance.signed else np.asarray((1 << instance.bits) - 1 - values.astype(np.int64))
    if (frame.slope, frame.intercept) != (1.0, 0.0):
        values = values.astype(np.float64) * frame.slope + frame.intercept
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise UploadRefused("The image contains values that are not numbers. Export it again.")
        whole = (frame.slope.is_integer() and frame.intercept.is_integer()) and decoded.dtype.kind in "iu"
        return _smallest(values.astype(np.int64)) if whole else values.astype(np.float32)[..., np.newaxis]
    return _smallest(values)


def _stored_bits(values: np.ndarray, instance: Instance) -> np.ndarray:
    """Clear what lies above the stored bits (old overlays live there) and carry the sign."""
    if not instance.signed:
        return values & values.dtype.type((1 << instance.bits) - 1)
    shift = values.dtype.itemsize * 8 - instance.bits
    return (values << shift) >> shift


def _smallest(values: np.ndarray) -> np.ndarray:
    """Whole numbers (rows, columns) as (rows, columns, 1) of an allowed dtype that holds them."""
    low, high = int(values.min()), int(values.max())
    if values.dtype not in DTYPES or values.dtype == np.int32:
        for name in ("uint16", "int16", "int32"):
            bounds = np.iinfo(name)
            if bounds.min <= low and high <= bounds.max:
                return values.astype(name)[..., np.newaxis]
        return values.astype(np.float32)[..., np.newaxis]
    return values[..., np.newaxis]
