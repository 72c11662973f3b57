"""NIfTI: free text fields and header extensions go, geometry and voxels stay byte for byte.

`descrip`, `aux_file`, `db_name`, `data_type` and `intent_name` are free text; extensions may hold whole DICOM
headers; a gzip header may hold the file's former name; nothing is kept that follows the voxels.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from pathlib import Path
from typing import IO

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.nifti import GZIP, Header, opened, read_header
from ml.imaging.limits import Limits

# (offset, length) of every free text field, by NIfTI version; section 4 of nifti1.h and nifti2.h.
TEXTS = {
    1: ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16)),
    2: ((240, 80), (320, 24), (508, 16), (525, 15)),
}
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
    for offset, length in TEXTS[header.version]:
        start[offset : offset + length] = bytes(length)
    # The four bytes after the header announce extensions; they lie between there and the voxels.
    size = len(header.block)
    start[size:] = bytes(len(start) - size)


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
