"""NIfTI: the header keeps the numbers that say how voxels are read and where they lie; voxels stay byte for byte.

Everything else of the header is zeroed: `descrip`, `aux_file`, `db_name`, `data_type` and `intent_name` are free text,
and no reader here needs the rest. Extensions may hold whole DICOM headers; a gzip header may hold the file's former
name; nothing is kept that follows the voxels.
"""

from __future__ import annotations

import gzip
import shutil
import struct
import zlib
from pathlib import Path
from typing import IO

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.facts import MOST_MM
from ml.imaging.headers.nifti import GZIP, Header, opened, read_header
from ml.imaging.limits import Limits

# (offset, length) of what stays, by NIfTI version (nifti1.h, nifti2.h): size and magic, type, pixdim 0 to 3, offset of
# the data, scale, units, form codes. Dimensions are written anew; qform and sform stay where their codes say so.
_KEPT = {
    1: ((0, 4), (344, 4), (70, 4), (76, 16), (108, 4), (112, 8), (123, 1), (252, 4)),
    2: ((0, 4), (4, 8), (12, 4), (104, 32), (168, 8), (176, 16), (500, 4), (344, 8)),
}
_DIMENSIONS = {1: (40, "8h"), 2: (16, "8q")}
_SCALE = {1: (112, "2f"), 2: (176, "2d")}
_CODES = {1: (252, "2h"), 2: (344, "2i")}
_QFORM, _SFORM = {1: (256, 24), 2: (352, 48)}, {1: (280, 48), 2: (400, 96)}
# Letters read as numbers are far beyond these: no word hides in a position or a scale.
MOST_SCALE = 1e12
_BLOCK = 1024 * 1024
_QUICK = 1  # level of compression: a head takes tenths of a second


def clean(source: Path, target: Path, limits: Limits) -> None:
    """Write a NIfTI file without what may name the patient; gzipped if it was.

    Raises
    ------
    UploadRefused
        400 where it is damaged or cut short, else as `read_header`.
    """
    header = read_header(source, limits)
    try:
        with opened(source) as stream:
            start = bytearray(_exactly(stream, header.offset))
            _blank(start, header)
            with source.open("rb") as file:
                zipped = file.read(2) == GZIP
            with target.open("wb") as out:
                if not zipped:
                    _copy(start, stream, out, header.data_bytes)
                    return
                # Neither a name nor a time in gzip's own header.
                with gzip.GzipFile(filename="", mode="wb", compresslevel=_QUICK, fileobj=out, mtime=0) as packed:
                    _copy(start, stream, packed, header.data_bytes)
    except (OSError, EOFError, zlib.error):
        raise damaged() from None


def is_clean(source: Path, header: Header) -> bool:
    """Whether nothing would change: no text, no extension, nothing after the voxels, and not zipped."""
    if source.stat().st_size != header.offset + header.data_bytes:
        return False
    with source.open("rb") as file:
        start = file.read(header.offset)
    blank = bytearray(start)
    _blank(blank, header)
    return not start.startswith(GZIP) and bytes(blank) == start


def _blank(start: bytearray, header: Header) -> None:
    """Zero what is not needed, in place.

    Raises
    ------
    UploadRefused
        400 for positions and scales that no head can have.
    """
    version, size = header.version, len(header.block)
    before = bytes(start[:size])
    start[:] = bytes(len(start))  # extensions lie between the header and the voxels
    qform, sform = _unpacked(before, _CODES[version], header.order)
    wanted = [*_KEPT[version]]
    wanted += [_QFORM[version]] if qform > 0 else []
    wanted += [_SFORM[version]] if sform > 0 else []
    for offset, length in wanted:
        start[offset : offset + length] = before[offset : offset + length]
    offset, form = _DIMENSIONS[version]
    struct.pack_into(header.order + form, start, offset, 3, *header.shape, 1, 1, 1, 1)
    _check_plausible(before, header, (qform, sform))


def _check_plausible(block: bytes, header: Header, codes: tuple[float, ...]) -> None:
    letter = "f" if header.version == 1 else "d"
    numbers: list[float] = []
    for code, (offset, length) in zip(codes, (_QFORM[header.version], _SFORM[header.version]), strict=True):
        if code > 0:
            count = length // struct.calcsize(letter)
            numbers += _unpacked(block, (offset, f"{count}{letter}"), header.order)
    scale = _unpacked(block, _SCALE[header.version], header.order)
    # A slope that is no number means "not scaled" in many programs' files.
    # Micrometres are many; where metres are stated, millimetres are meant by some programs.
    unit = min(1.0, header.unit_mm or 1.0)
    if any(not abs(number) * unit < MOST_MM for number in numbers) or any(abs(number) > MOST_SCALE for number in scale):
        raise UploadRefused("The file gives an impossible position or scale. Export it again.")


def _unpacked(block: bytes, field: tuple[int, str], order: str) -> tuple[float, ...]:
    offset, form = field
    return struct.unpack_from(order + form, block, offset)


def _exactly(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise damaged()
    return content


def _copy(start: bytearray, stream: IO[bytes], out: IO[bytes] | gzip.GzipFile, length: int) -> None:
    out.write(bytes(start))
    while length > 0:
        chunk = stream.read(min(length, _BLOCK))
        if not chunk:
            raise UploadRefused("The file is cut short: slices are missing. Export it again and upload the new copy.")
        out.write(chunk)
        length -= len(chunk)


def copy(source: Path, target: Path) -> None:
    """Keep a file that has nothing to remove as it is."""
    shutil.copyfile(source, target)
