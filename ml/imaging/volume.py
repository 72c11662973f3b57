"""Pixels in memory: Volume, and what is known about its place in the patient.

Unknown is None. Nothing here ever guesses a spacing or a side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

Kind = Literal["image", "series"]
AxisLabel = Literal["L", "R", "A", "P", "S", "I"]

DTYPES = tuple(np.dtype(name) for name in ("uint8", "uint16", "int16", "int32", "float32"))

SLANTED = 0.02
"""Cosine of the angle between two axes from which they are not at right angles."""

OBLIQUE_FROM = 6.0
"""Degrees from which a tilt of the slices is told; less is how a head lies."""

# How an EXIF orientation code (key) turns stored rows x columns upright:
# (transpose first?, then flip rows?, then flip columns?).
_TO_UPRIGHT: dict[int, tuple[bool, bool, bool]] = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
_CODE_OF = {steps: code for code, steps in _TO_UPRIGHT.items()}


def orientation_code(*, transpose: bool, flip_rows: bool, flip_columns: bool) -> int:
    """The EXIF code (1..8) of: transpose the stored picture, then flip its rows, then its columns."""
    return _CODE_OF[transpose, flip_rows, flip_columns]


def to_upright(stored: np.ndarray, code: int, *, axis: int = 0) -> np.ndarray:
    """Turn a stored picture upright.

    Args:
        stored: any dtype; rows and columns are the axes `axis` and `axis + 1`.
        code: EXIF orientation, 1..8.

    Returns:
        A view; rows and columns are swapped for the codes 5 to 8.
    """
    transpose, flip_rows, flip_columns = _TO_UPRIGHT[code]
    picture = stored.swapaxes(axis, axis + 1) if transpose else stored
    if flip_rows:
        picture = np.flip(picture, axis)
    if flip_columns:
        picture = np.flip(picture, axis + 1)
    return picture


def to_stored(upright: np.ndarray, code: int, *, axis: int = 0) -> np.ndarray:
    """The inverse of `to_upright`."""
    transpose, flip_rows, flip_columns = _TO_UPRIGHT[code]
    picture = upright
    if flip_columns:
        picture = np.flip(picture, axis + 1)
    if flip_rows:
        picture = np.flip(picture, axis)
    return picture.swapaxes(axis, axis + 1) if transpose else picture


@dataclass(frozen=True)
class Spacing:
    """Distances between voxel centres in millimetres, as the file states them.

    Attributes:
        between_slices: distance between neighbouring slices, or None (a single slice, or
            slices that are not evenly spaced).
        row: distance between neighbouring rows.
        column: distance between neighbouring columns.
    """

    between_slices: float | None
    row: float
    column: float

    def __post_init__(self) -> None:
        known = (self.row, self.column) if self.between_slices is None else (self.between_slices, self.row, self.column)
        if not all(isinstance(value, float) and math.isfinite(value) and value > 0 for value in known):
            raise ValueError("spacing must be finite floats above 0, in millimetres")

    @property
    def pixel_mm2(self) -> float:
        """Area of one pixel in square millimetres."""
        return self.row * self.column

    @property
    def voxel_ml(self) -> float | None:
        """Volume of one voxel in millilitres, or None where the slice distance is unknown."""
        return None if self.between_slices is None else self.between_slices * self.row * self.column / 1000.0


@dataclass(frozen=True)
class Orientation:
    """Where each axis of a Volume points in the patient.

    Each attribute names the side of the patient that is reached as the index grows:
    `columns="L"` means that the picture's left edge is the patient's right (the
    radiological convention). Oblique slices carry the nearest axis.
    """

    slices: AxisLabel
    rows: AxisLabel
    columns: AxisLabel

    def __post_init__(self) -> None:
        axes = {"L": 0, "R": 0, "A": 1, "P": 1, "S": 2, "I": 2}
        try:
            used = {axes[label] for label in (self.slices, self.rows, self.columns)}
        except KeyError:
            raise ValueError("axis labels are L, R, A, P, S and I") from None
        if len(used) != 3:
            raise ValueError("the three axes must point three different ways")

    @property
    def plane(self) -> Literal["axial", "coronal", "sagittal"]:
        """The anatomical plane in which the slices lie."""
        planes: dict[str, Literal["axial", "coronal", "sagittal"]] = {
            "S": "axial", "I": "axial", "A": "coronal", "P": "coronal", "L": "sagittal", "R": "sagittal",
        }  # fmt: skip
        return planes[self.slices]


Place = tuple[float, float, float]
"""Millimetres towards the patient's left, back and head: DICOM's patient coordinates, LPS (PS3.3 C.7.6.2)."""


@dataclass(frozen=True)
class Placement:
    """Where the upright voxels lie in the coordinates of their file, slice by slice: an even distance is not needed.

    Attributes:
        slices: the middle of each slice's first voxel.
        row: the step from one row to the next.
        column: the step from one column to the next.
    """

    slices: tuple[Place, ...]
    row: Place
    column: Place

    def __post_init__(self) -> None:
        for name, places in (("slices", self.slices), ("row", (self.row,)), ("column", (self.column,))):
            known = tuple(tuple(float(value) for value in place) for place in places)
            if any(len(place) != 3 or not all(map(math.isfinite, place)) for place in known):
                raise ValueError("a place has three finite numbers")
            object.__setattr__(self, name, known if name == "slices" else known[0])
        if not any(self.row) or not any(self.column):
            raise ValueError("rows and columns lie apart")

    @classmethod
    def of_stored(
        cls,
        slices: np.ndarray,
        row: np.ndarray,
        column: np.ndarray,
        code: int,
        shape: tuple[int, int],
    ) -> Placement:
        """Of slices that are stored otherwise than upright.

        Args:
            slices: (n, 3) as the attribute, of the stored pixels; row, column: (3,), the same.
            code: EXIF orientation, 1..8, that turns them upright.
            shape: rows and columns of the upright slice.
        """
        transpose, *flips = _TO_UPRIGHT[code]
        steps = [column, row] if transpose else [row, column]
        first = slices
        for axis, flipped in enumerate(flips):
            if flipped:
                first = first + (shape[axis] - 1) * steps[axis]
                steps[axis] = -steps[axis]
        return cls(_places(first), *_places(np.stack(steps)))

    def mean(self, slices: Sequence[int], rows: float, columns: float) -> Place:
        """The middle of voxels, from each one's slice index and the mean of their row and column indices."""
        first = np.asarray(self.slices, float)[np.asarray(slices)].mean(axis=0)
        (place,) = _places([first + rows * np.asarray(self.row) + columns * np.asarray(self.column)])
        return place

    @property
    def tilt(self) -> float:
        """Degrees between the slices and the nearest plane of the body."""
        normal = np.cross(self.column, self.row)
        return math.degrees(math.acos(min(1.0, float(np.abs(normal).max() / np.linalg.norm(normal)))))


def _places(numbers: np.ndarray | Sequence[np.ndarray]) -> tuple[Place, ...]:
    return tuple((float(left), float(back), float(head)) for left, back, head in numbers)


@dataclass(frozen=True)
class References:
    """What the DICOM files of a volume say of themselves, as far as results that refer to them need it.

    Attributes:
        identified: every file names its class, study, series and instance.
        one_series: all name the same study, series and frame of reference.
        placed: there is a frame of reference, and every slice says where it lies in it.
        parallel: all slices point the same way, but for the last digits.
        thick: every slice says how thick it is.
        joint: they are single frames, or the frames of one instance: one segmentation can refer to them.
    """

    identified: bool
    one_series: bool
    placed: bool
    parallel: bool
    thick: bool
    joint: bool


@dataclass(frozen=True, eq=False)
class Volume:
    """One picture or one series: immutable, finite, upright.

    Attributes:
        voxels: (slices, rows, columns, channels), C-contiguous and read-only; uint8, uint16,
            int16, int32 or float32; channels 1 or 3; intensities as stored (after DICOM's
            rescale), in no particular range. Three channels are either colour or the
            sequences pre-contrast, FLAIR, post-contrast; three equal channels become one.
        kind: "image" for a picture that stands alone, "series" for slices of one head.
        sources: where each slice came from: a file name, with "[index]" for files that
            hold several.
        spacing: millimetres, or None where the file does not say or cannot be trusted.
        orientation: where the axes point, or None where the file does not say.
        sequence: "FLAIR", "T1", "T1c" or "T2" where the file says so clearly, else None.
        stored_orientation: EXIF code (1..8) that turned the file's own rows x columns
            upright, the same for all slices.
        placement: where the voxels lie in the file's coordinates, or None where it does not say.
        notes: sentences about what was done to the files that their owner should know.
        window: lowest and highest value of the window that the files state, in the voxels' values, or None.
        references: what its DICOM files say of themselves; None for other files.
    """

    voxels: np.ndarray
    kind: Kind
    sources: tuple[str, ...]
    spacing: Spacing | None = None
    orientation: Orientation | None = None
    sequence: str | None = None
    stored_orientation: int = 1
    notes: tuple[str, ...] = field(default=())
    placement: Placement | None = None
    window: tuple[float, float] | None = None
    references: References | None = None

    def __post_init__(self) -> None:
        voxels = np.ascontiguousarray(self.voxels)
        if voxels.ndim != 4 or voxels.shape[3] not in (1, 3) or 0 in voxels.shape:
            raise ValueError(f"voxels must be (slices, rows, columns, 1 or 3), not {voxels.shape}")
        if voxels.dtype not in DTYPES:
            raise ValueError(f"voxels must be one of {[dtype.name for dtype in DTYPES]}, not {voxels.dtype}")
        if voxels.dtype == np.float32 and not np.isfinite(voxels).all():
            raise ValueError("voxels must be finite")
        if self.kind not in get_args(Kind) or (self.kind == "image" and len(voxels) != 1):
            raise ValueError("an image has exactly one slice; anything else is a series")
        if len(self.sources) != len(voxels):
            raise ValueError("every slice needs its source")
        if self.placement is not None and len(self.placement.slices) != len(voxels):
            raise ValueError("every slice needs its place")
        if self.window is not None and not (all(map(math.isfinite, self.window)) and self.window[0] < self.window[1]):
            raise ValueError("a window has a lowest and a higher value")
        if self.stored_orientation not in _TO_UPRIGHT:
            raise ValueError("stored_orientation is an EXIF code, 1 to 8")
        if voxels is self.voxels and voxels.flags.writeable:
            voxels = voxels.view()
        voxels.flags.writeable = False
        object.__setattr__(self, "voxels", voxels)
        object.__setattr__(self, "sources", tuple(self.sources))
        object.__setattr__(self, "notes", tuple(self.notes))

    def __len__(self) -> int:
        """The number of slices."""
        return len(self.voxels)

    @property
    def rows(self) -> int:
        """Rows of each upright slice."""
        return int(self.voxels.shape[1])

    @property
    def columns(self) -> int:
        """Columns of each upright slice."""
        return int(self.voxels.shape[2])

    @property
    def channels(self) -> int:
        """1 or 3."""
        return int(self.voxels.shape[3])

    def to_stored(self, picture: np.ndarray) -> np.ndarray:
        """Turn an upright (rows, columns, ...) picture of one slice back into the file's own rows x columns.

        Raises:
            ValueError: if the picture does not have the volume's rows x columns.
        """
        if picture.shape[:2] != (self.rows, self.columns):
            raise ValueError(f"expected {self.rows} x {self.columns}, not {picture.shape[:2]}")
        return np.ascontiguousarray(to_stored(picture, self.stored_orientation))


def one_channel_if_equal(voxels: np.ndarray) -> np.ndarray:
    """(slices, rows, columns, 3) -> (slices, rows, columns, 1) where all three channels are the same."""
    if voxels.shape[-1] != 3:
        return voxels
    first = voxels[..., :1]
    same = np.array_equal(first, voxels[..., 1:2]) and np.array_equal(first, voxels[..., 2:])
    return first if same else voxels


def common_dtype(slices: Sequence[np.ndarray]) -> np.dtype:
    """The smallest allowed dtype that holds every value of all slices exactly (float32: nearly)."""
    wanted = np.result_type(*(picture.dtype for picture in slices))
    for dtype in DTYPES:
        if np.can_cast(wanted, dtype):
            return dtype
    return np.dtype("float32")
