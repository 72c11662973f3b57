"""Zip archives: looked through without unpacking, refused where they are not what they seem."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path, PurePosixPath

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.facts import FileFacts
from ml.imaging.limits import Limits

# Room for the longest sensible names; a central directory beyond it is an attack on memory.
DIRECTORY_BYTES_PER_FILE = 512
_END = b"PK\x05\x06"
_ENCRYPTED = 0x1
_SYMLINK, _KIND = 0o120000, 0o170000
_OFFICE = "[Content_Types].xml"


def accepts(head: bytes) -> bool:
    """Whether a file that begins so is a zip archive."""
    return head.startswith((b"PK\x03\x04", _END))


def facts(path: Path, limits: Limits) -> FileFacts:
    """Hold the archive's listing against the limits; nothing is unpacked.

    Raises:
        UploadRefused: 400, 413 or 415.
    """
    with opened(path) as archive:
        found = entries(archive, limits)
    return FileFacts("zip", rows=0, columns=0, slices=len(found), bits=0, channels=0)


def opened(path: Path) -> zipfile.ZipFile:
    """Open an archive whose directory is of a sensible size.

    Raises:
        UploadRefused: 400 or 413.
    """
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            file.seek(max(0, length - 65_557))
            tail = file.read()
        at = tail.rindex(_END)
        count, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    except (OSError, ValueError, struct.error):
        raise damaged("zip") from None
    # 0xFFFF and 0xFFFFFFFF announce a zip64 directory: far more than any series has.
    if count == 0xFFFF or directory_bytes > max(count, 64) * DIRECTORY_BYTES_PER_FILE:
        raise UploadRefused("The zip holds too many files. Pack one series only.", 413)
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        raise damaged("zip") from None


def entries(archive: zipfile.ZipFile, limits: Limits) -> list[zipfile.ZipInfo]:
    """The files of an archive, directories left out.

    Raises:
        UploadRefused: 400 for encrypted files, links, names that lead outside, or none at
            all; 413 for too many or too large; 415 for an office document.
    """
    if not all(entry.filename for entry in archive.infolist()):
        raise damaged("zip")  # ZipInfo itself stumbles over a name of no length
    found = [entry for entry in archive.infolist() if not entry.is_dir()]
    if any(entry.filename == _OFFICE for entry in found):
        raise UploadRefused("This is an office document, not an image. Remove it to go on.", 415)
    if not found:
        raise UploadRefused("The zip is empty. Pack the series again.")
    if len(found) > limits.max_files:
        raise UploadRefused(f"The zip holds more than {limits.max_files:,} files. Pack one series only.", 413)
    for entry in found:
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in entry.filename.split("/")[0]:
            raise UploadRefused("The zip holds a name that leads outside it. Pack the series again.")
        if (entry.external_attr >> 16) & _KIND == _SYMLINK:
            raise UploadRefused("The zip holds a link instead of a file. Pack the files themselves.")
        if entry.flag_bits & _ENCRYPTED:
            raise UploadRefused("The zip is locked with a password. Pack it without one.")
        if entry.file_size > limits.max_bytes:
            raise UploadRefused(
                f"The zip holds a file larger than {limits.max_bytes // 2**20:,} MB. Pack one series only.", 413
            )
    if sum(entry.file_size for entry in found) > limits.max_total_bytes:
        raise UploadRefused(
            f"Unpacked, the zip is larger than {limits.max_total_bytes // 2**20:,} MB. Pack one series only.", 413
        )
    return found
