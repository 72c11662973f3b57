"""What the door looks at: a file's kind by its content, its header, its limits.

A file a format, each with `accepts(head: bytes) -> bool` and
`facts(path, limits) -> FileFacts`. These modules are light: they run in the sandbox's
short-lived subprocess, one for each upload. Turning a file into a Volume is `readers`.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from ml.imaging.errors import UploadRefused
from ml.imaging.headers import archive, dicom, nifti, picture
from ml.imaging.headers.facts import FileFacts
from ml.imaging.limits import Limits

HEADERS: tuple[ModuleType, ...] = (dicom, nifti, picture, archive)

HEAD_BYTES = 4096

NO_IMAGE = "This is not an image that is read here. Remove it to go on."

_NOT_READ = (
    (b"GIF8", "GIF pictures are not read. Save the slice that you want as PNG."),
    (b"%PDF", "A PDF is not read. Export the scan as DICOM, NIfTI or PNG."),
    (b"Rar!", "This kind of archive is not read. Pack the series as zip."),
    (b"7z\xbc\xaf", "This kind of archive is not read. Pack the series as zip."),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 pictures are read in DICOM files only. Save this one as PNG."),
)


def head_of(path: Path) -> bytes:
    """The first bytes of a file, by which its kind is known.

    Raises:
        UploadRefused: 400 if it is empty or cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        raise UploadRefused("The file could not be opened. Check that it is there and may be read.") from None
    if not head:
        raise UploadRefused("The file is empty. Export it again and upload the new copy.")
    return head


def format_of(head: bytes) -> ModuleType:
    """The format that accepts a file which begins so.

    Raises:
        UploadRefused: 415 if none does.
    """
    for header in HEADERS:
        if header.accepts(head):
            return header
    for magic, sentence in _NOT_READ:
        if head.startswith(magic):
            raise UploadRefused(sentence, 415)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1024].lower()
    if b"<svg" in start:
        raise UploadRefused("SVG drawings are not read. Save the slice as PNG.", 415)
    if head[4:8] == b"ftyp":
        raise UploadRefused("Films and HEIC or AVIF pictures are not read. Save the slice as PNG or JPEG.", 415)
    raise UploadRefused(NO_IMAGE, 415)


def facts(path: Path, limits: Limits) -> FileFacts:
    """Check one file's kind, size, header and, where that is cheap, that it is whole.

    Raises:
        UploadRefused: 400, 413 or 415.
    """
    check_bytes(path, limits)
    found: FileFacts = format_of(head_of(path)).facts(path, limits)
    return found


def check_bytes(path: Path, limits: Limits) -> int:
    """Hold a file's length against the limit and return it.

    Raises:
        UploadRefused: 400 if it is missing, 413 if it is too long.
    """
    try:
        length = path.stat().st_size
    except OSError:
        raise UploadRefused("The file could not be opened. Check that it is there and may be read.") from None
    if length > limits.max_bytes:
        raise UploadRefused(
            f"The file is larger than {limits.max_bytes // 2**20:,} MB. Export it smaller, or one series at a time.",
            413,
        )
    return length
