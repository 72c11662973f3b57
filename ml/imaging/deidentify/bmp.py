"""BMP: headers, colours and pixels stay; gaps between them, reserved fields and what follows the pixels are zeroed or cut off."""

from __future__ import annotations

import struct
from pathlib import Path

from ml.imaging.errors import damaged

_FILE_HEADER, _OLD, _PLAIN, _WITH_MASKS = 14, 12, 40, 56
_UNPACKED = {0, 3, 6}  # BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS
_BLOCK = 1024 * 1024


def clean(source: Path, target: Path) -> None:
    """Write a BMP with nothing but what draws the picture.

    Raises
    ------
    UploadRefused
        400 where its parts lie outside the file or over each other.
    """
    length = source.stat().st_size
    with source.open("rb") as file:
        head = bytearray(file.read(_FILE_HEADER + 124))
        (start,) = struct.unpack_from("<I", head, 10)
        (size,) = struct.unpack_from("<I", head, _FILE_HEADER)
        if size < _OLD or not _FILE_HEADER + size <= start <= min(length, 1 << 16):
            raise damaged("picture")
        bits, compression, stated, pixels = _layout(head, size)
        file.seek(_FILE_HEADER + size)
        beside = file.read(start - _FILE_HEADER - size)
        masks = 12 if size == _PLAIN and compression == 3 else 16 if size == _PLAIN and compression == 6 else 0
        colours = ((3 if size == _OLD else 4) << bits) if bits <= 8 else 0
        kept = beside[: masks + colours]
        head[6:10] = bytes(4)  # reserved
        known = _FILE_HEADER + min(size, _WITH_MASKS)
        end = start + (pixels if compression in _UNPACKED else stated or length)
        with target.open("wb") as out:
            out.write(head[:known].ljust(_FILE_HEADER + size, b"\0"))
            out.write(kept.ljust(start - _FILE_HEADER - size, b"\0"))
            left = min(end, length) - start
            file.seek(start)
            while left > 0 and (block := file.read(min(left, _BLOCK))):
                out.write(block)
                left -= len(block)


def _layout(head: bytearray, size: int) -> tuple[int, int, int, int]:
    """Bits of a pixel, kind of compression, stated and computed length of the pixels in bytes."""
    if size == _OLD:
        columns, rows, _, bits = struct.unpack_from("<HHHH", head, 18)
        compression = stated = 0
    else:
        columns, rows, _, bits, compression, stated = struct.unpack_from("<iiHHII", head, 18)
    return bits, compression, stated, (abs(columns) * bits + 31) // 32 * 4 * abs(rows)
