"""What a file's header says, and the limits it is held to before any pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from ml.imaging.errors import NoSlice, UploadRefused
from ml.imaging.limits import Limits

MOST_MM = 1e5
"""No head lies further from where its scanner counts from; letters read as numbers do."""


@dataclass(frozen=True)
class FileFacts:
    """What is known about one file without keeping its pixels.

    Attributes:
        format: "png", "jpeg", "tiff", "webp", "bmp", "dicom", "nifti" or "zip".
        rows, columns: of one slice, upright; 0 for a zip, whose files are looked at when unpacked.
        slices: pages, frames or slices in the file; files in a zip.
        bits: stored bits of one channel.
        channels: 1 or 3, transparency not counted; 0 for a zip.
    """

    format: str
    rows: int
    columns: int
    slices: int
    bits: int
    channels: int

    @property
    def is_series(self) -> bool:
        """Whether this one file holds a series of its own."""
        return self.slices > 1 or self.format in ("nifti", "zip")


def check_size(rows: int, columns: int, limits: Limits) -> None:
    """Hold one slice's rows x columns against the limits.

    Raises:
        UploadRefused: 413 if it is too large; NoSlice, 400, if too small or too long for a slice.
    """
    size = f"{columns:,} x {rows:,} pixels"
    if max(rows, columns) > limits.max_side or rows * columns > limits.max_pixels:
        millions = limits.max_pixels // 1_000_000
        raise UploadRefused(
            f"The picture is too large: {size}. The limit is {limits.max_side:,} on a side"
            f" and {millions} million in all. Export it smaller.",
            413,
        )
    if min(rows, columns) < limits.min_side:
        raise NoSlice(
            f"The picture is too small to be read: {size}. A slice needs {limits.min_side} pixels"
            " on each side. Export it in full size.",
        )
    if max(rows, columns) > limits.max_aspect * min(rows, columns):
        raise NoSlice(f"The picture is too narrow to be a slice: {size}. Upload one whole slice.")


def check_volume(slices: int, rows: int, columns: int, channels: int, limits: Limits) -> None:
    """Hold a whole volume against the limits.

    Raises:
        UploadRefused: 413 if it has too many slices or voxels, else as `check_size`.
    """
    check_size(rows, columns, limits)
    if slices > limits.max_slices:
        raise UploadRefused(
            f"The series has more than {limits.max_slices:,} slices. Export the one series that you need.", 413
        )
    if slices * rows * columns * channels > limits.max_voxels:
        raise UploadRefused(
            f"The series is too large: {slices:,} slices of {columns:,} x {rows:,} pixels. Export it smaller.", 413
        )
