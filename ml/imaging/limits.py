"""How large a file, a picture and a series may be, and what reading one may cost."""

from __future__ import annotations

from dataclasses import dataclass, fields

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits that are checked before pixels are decoded.

    Attributes:
        max_bytes: largest single file, in bytes.
        max_total_bytes: largest sum of one upload or archive, unpacked, in bytes.
        max_files: most files of one series, folder or archive.
        max_pixels: most rows x columns of one slice.
        max_side: most rows or columns of one slice.
        min_side: fewest rows or columns of one slice; below this nothing can be seen.
        max_aspect: longest side / shortest side.
        max_slices: most slices of one volume.
        max_voxels: most slices x rows x columns x channels of one volume.
        seconds: time that inspecting one upload may take.
        seconds_per_file: processor time that one file of it may take.
        memory_bytes: address space of the inspecting subprocess.
    """

    max_bytes: int = 256 * MEBIBYTE
    max_total_bytes: int = 1024 * MEBIBYTE
    max_files: int = 2000
    max_pixels: int = 40_000_000
    max_side: int = 12_000
    min_side: int = 32
    max_aspect: float = 8.0
    max_slices: int = 2000
    max_voxels: int = 256_000_000
    seconds: float = 20.0
    seconds_per_file: float = 4.0
    memory_bytes: int = 448 * MEBIBYTE

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"{field.name} must be positive")


DEFAULT = Limits()
