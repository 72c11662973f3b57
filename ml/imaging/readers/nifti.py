"""NIfTI to a Volume of axial slices, whatever way its axes are stored.

Slices run from the feet upwards, rows from front to back, columns from the patient's right
to the left: the radiological view. A file's "own rows x columns" of an axial slice are its
two other axes in stored order: for the usual (x, y, z) storage, `array[:, :, k]` as nibabel
returns it, with x as rows. `Volume.to_stored` gives a mask in exactly that form and
`Volume.sources` ends in `[k]`, so `array[:, :, k]` and the mask lie on each other.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.orientations import io_orientation
from nibabel.spatialimages import HeaderDataError

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.facts import check_volume
from ml.imaging.headers.nifti import DATATYPES, Header, accepts, opened, read_header, read_out
from ml.imaging.limits import Limits
from ml.imaging.sequence import by_name
from ml.imaging.volume import SLANTED, Orientation, Placement, Spacing, Volume, one_channel_if_equal, orientation_code

__all__ = ["accepts", "read"]

# Outside of this no head was ever scanned; such numbers are placeholders or other units.
PLAUSIBLE_MM = (0.05, 30.0)
MOST_INFINITE = 0.01
"""Share of infinite values up to which they count as background. NaN has no such bound: programs write it round a stripped head."""
NOT_NUMBERS = "Values that are not numbers were read as background."
NAMED = "That this is {} is taken from the file's name: NIfTI says it nowhere else."
STRETCHED = "The file lies in coordinates that change its size, so millimetres are not known."
IN_TEMPLATE = "The file lies in a template's space. If the head was scaled to fit, so are its millimetres."
TWO_SIDES = "The file states two positions of the head that contradict each other, so left and right are not known."
TWO_SIZES = "The file states two sizes of its voxels that contradict each other, so millimetres are not known."
SHEARED = "The file's pixels are slanted, not at right angles, so millimetres are not known."
IMPLAUSIBLE = "The file states voxels of a size that no scan of a head has, so millimetres are not known."
NO_GEOMETRY = "The file does not say how the head lies in it, so left and right are not known."
_WORLD_UP = 2  # nibabel's world axes are right, anterior, superior


def read(paths: Sequence[Path], names: Sequence[str], *, as_series: bool, limits: Limits) -> Volume:
    """Read one NIfTI file as a series.

    Raises:
        UploadRefused: if it is damaged or over a limit, or there are several files.
    """
    if len(paths) > 1:
        raise UploadRefused("These are several volumes. Upload each of them by itself.")
    header = read_header(paths[0], limits)
    affine, slope, intercept = _geometry(header)
    axes, signs = _axes(affine)
    data = _data(paths[0], header)

    # Upright: slices upwards, rows to the back, columns to the left.
    slice_axis, row_axis, column_axis = axes[2], axes[1], axes[0]
    voxels = data.transpose(slice_axis, row_axis, column_axis, 3)
    stored = np.arange(voxels.shape[0])
    if signs[slice_axis] < 0:
        voxels, stored = voxels[::-1], stored[::-1]
    flip_rows, flip_columns = signs[row_axis] > 0, signs[column_axis] > 0
    voxels = voxels[:, :: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
    slices, rows, columns, channels = voxels.shape
    check_volume(slices, rows, columns, channels, limits)

    values, replaced = _values(voxels, slope, intercept)
    notes = [NOT_NUMBERS] if replaced else []
    sequence = by_name(PurePosixPath(names[0]).name)
    if sequence is not None:
        notes.append(NAMED.format(sequence))
    if not header.has_geometry:
        notes.append(NO_GEOMETRY)
    if header.two_sides:
        notes.append(TWO_SIDES)
    spacing, why_not = _spacing(header, affine, axes)
    if why_not:
        notes.append(why_not)
    elif header.in_template:
        notes.append(IN_TEMPLATE)
    sides_known = header.has_geometry and not header.two_sides
    code = orientation_code(transpose=row_axis > column_axis, flip_rows=flip_rows, flip_columns=flip_columns)
    return Volume(
        voxels=one_channel_if_equal(values),
        kind="series",
        sources=tuple(f"{names[0]}[{index}]" for index in stored),
        spacing=spacing,
        orientation=Orientation("S", "P", "L") if sides_known else None,
        sequence=sequence,
        stored_orientation=code,
        notes=tuple(notes),
        placement=_placement(header, affine, axes, stored, code, (rows, columns)) if spacing and sides_known else None,
    )


def _geometry(header: Header) -> tuple[np.ndarray, float, float]:
    """The affine as `laid_out` gives it, and the scale of the values."""
    kind = Nifti1Header if header.version == 1 else Nifti2Header
    try:
        parsed = kind(header.block, endianness=header.order, check=False)  # type: ignore[no-untyped-call]
        affine = laid_out(header)
        slope, intercept = parsed.get_slope_inter()  # type: ignore[no-untyped-call]
    except (HeaderDataError, ValueError, ArithmeticError, np.linalg.LinAlgError):
        raise damaged() from None
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise UploadRefused("The file gives an impossible position of the head. Export it again.")
    return affine, 1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept)


def laid_out(header: Header) -> np.ndarray:
    """The affine (4, 4) float64 from voxel to right, front and head, in the file's units of length.

    A file without sform and qform gets nibabel's fallback; it only serves to lay the slices out.
    """
    if header.affine is not None:
        return np.array([*header.affine, (0.0, 0.0, 0.0, 1.0)])
    kind = Nifti1Header if header.version == 1 else Nifti2Header
    parsed = kind(header.block, endianness=header.order, check=False)  # type: ignore[no-untyped-call]
    return np.asarray(parsed.get_base_affine(), np.float64)  # type: ignore[no-untyped-call]


def _axes(affine: np.ndarray) -> tuple[list[int], list[int]]:
    """Which stored axis lies along world right, anterior and superior; and each stored axis' sign."""
    found = io_orientation(affine)  # type: ignore[no-untyped-call]
    if np.isnan(found).any():
        raise UploadRefused("The file gives an impossible position of the head. Export it again.")
    worlds = [int(world) for world in found[:, 0]]
    return [worlds.index(world) for world in range(3)], [int(sign) for sign in found[:, 1]]


def _data(path: Path, header: Header) -> np.ndarray:
    """The stored values, (i, j, k, channels), not scaled."""
    name, _, channels = DATATYPES[header.datatype]
    wanted = header.data_bytes
    try:
        with opened(path) as stream:
            stream.seek(header.offset)
            content = stream.read(wanted)
            read_out(stream)
    except (OSError, EOFError, zlib.error):
        raise damaged() from None
    if len(content) < wanted:
        raise UploadRefused("The file is cut short: slices are missing. Export it again and upload the new copy.")
    flat = np.frombuffer(content, np.dtype(name).newbyteorder(header.order))
    if channels == 3:
        return flat.reshape((3, *header.shape), order="F").transpose(1, 2, 3, 0)
    return flat.reshape(header.shape, order="F")[..., np.newaxis]


def _values(voxels: np.ndarray, slope: float, intercept: float) -> tuple[np.ndarray, bool]:
    """Scaled values in the smallest allowed dtype, and whether some were not numbers."""
    scaled = voxels.shape[-1] == 1 and (slope, intercept) != (1.0, 0.0) and slope != 0.0
    native = voxels.astype(voxels.dtype.newbyteorder("="), order="C")
    if not scaled and native.dtype.kind in "iu":
        for dtype in (native.dtype, *map(np.dtype, ("uint8", "int16", "uint16", "int32"))):
            if dtype.name in ("uint8", "uint16", "int16", "int32") and _fits(native, dtype):
                return native.astype(dtype, copy=False), False
    with np.errstate(over="ignore", invalid="ignore"):
        values = native.astype(np.float32, copy=False)
        if scaled:
            values = values * np.float32(slope) + np.float32(intercept)
    good = np.isfinite(values)
    if good.all():
        return values, False
    if not good.any():
        raise UploadRefused("The file contains no numbers. Export it again.")
    if np.isinf(values).mean() > MOST_INFINITE:
        raise UploadRefused("Many of the file's values are infinite, so its pixels are damaged. Export it again.")
    return np.where(good, values, values[good].min()), True


def _fits(values: np.ndarray, dtype: np.dtype) -> bool:
    bounds = np.iinfo(dtype)
    return values.dtype == dtype or bool(values.min() >= bounds.min and values.max() <= bounds.max)


def _placement(
    header: Header, affine: np.ndarray, axes: Sequence[int], stored: np.ndarray, code: int, shape: tuple[int, int]
) -> Placement:
    """Where the voxels lie, as DICOM counts: NIfTI grows to the right and the front.

    Args:
        stored: (slices,) the index of each slice along its stored axis.
        code, shape: as `Placement.of_stored` takes them.
    """
    lps = np.diag([-1.0, -1.0, 1.0]) @ affine[:3] * (header.unit_mm or 1.0)
    first = lps[:, 3] + stored[:, np.newaxis] * lps[:, axes[2]]
    # A stored slice's rows are whichever of its two axes comes first.
    row, column = sorted(axes[:2])
    return Placement.of_stored(first, lps[:, row], lps[:, column], code, shape)


def _spacing(header: Header, affine: np.ndarray, axes: Sequence[int]) -> tuple[Spacing | None, str]:
    """Millimetres from the affine, between slices along their normal; or None, and the reason in a sentence.

    Without geometry and unit there are none, for which `NO_GEOMETRY` is reason enough.
    """
    if not header.has_geometry and header.unit_mm is None:
        return None, ""
    if header.stretched:
        return None, STRETCHED
    if header.two_sizes:
        return None, TWO_SIZES
    along_column, along_row, through = (affine[:3, axes[world]] * (header.unit_mm or 1.0) for world in range(3))
    column, row = float(np.linalg.norm(along_column)), float(np.linalg.norm(along_row))
    normal = np.cross(along_column, along_row)
    if abs(along_column @ along_row) > SLANTED * column * row:
        return None, SHEARED
    between = float(abs(through @ normal) / np.linalg.norm(normal))
    low, high = PLAUSIBLE_MM
    if not all(math.isfinite(length) and low <= length <= high for length in (column, row, between)):
        return None, IMPLAUSIBLE
    return Spacing(between if header.shape[axes[_WORLD_UP]] > 1 else None, row, column), ""
