"""PNG, JPEG and WebP: written again part by part without those that carry text; the pixels' own parts stay as they are.

EXIF goes but for the orientation, without which a picture would lie on its side. Colour profiles stay. What follows
the end of a picture (phones append films and second pictures) is cut off.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import IO

from ml.imaging.deidentify import bmp, tiff
from ml.imaging.errors import UploadRefused, damaged

_BLOCK = 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs"}
)
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"})
_VP8X_EXIF, _VP8X_XMP = 0x08, 0x04
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_DHT, _DQT, _DNL, _DRI = 0xC4, 0xDB, 0xDC, 0xDD
# Start of frame, in every kind of compression but arithmetic coding's conditioning (CC) and tables (C4).
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_APP0, _APP2, _APP14, _APP15 = 0xE0, 0xE2, 0xEE, 0xEF
_APP_KEPT = {_APP0: b"JFIF\0", _APP2: b"ICC_PROFILE\0", _APP14: b"Adobe"}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})


def clean(source: Path, target: Path, format: str) -> None:
    """Write a picture without its descriptions.

    Parameters
    ----------
    source, target : Path
        The file as received, and where the clean one goes.
    format : str
        "png", "jpeg", "webp", "tiff" or "bmp", as found in the content.

    Raises
    ------
    UploadRefused
        400 where the file's parts cannot be followed.
    """
    writers = {"png": _png, "jpeg": _jpeg, "webp": _webp}
    try:
        if format == "tiff":
            tiff.clean(source, target)
        elif format in writers:
            with source.open("rb") as file, target.open("wb") as out:
                writers[format](file, out)
        else:
            bmp.clean(source, target)
    except UploadRefused:
        raise
    except (struct.error, ValueError, IndexError, EOFError):
        raise damaged("picture") from None


def orientation_exif(code: int) -> bytes:
    """An EXIF block (TIFF structure) that says the orientation and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, code, 0, 0)


def _exif_orientation(content: bytes) -> int:
    """The orientation in an EXIF block, 1 where it says none."""
    try:
        order = {b"II": "<", b"MM": ">"}[content[:2]]
        (at,) = struct.unpack_from(f"{order}I", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, at)
        for number in range(min(count, 512)):
            tag, kind = struct.unpack_from(f"{order}HH", content, at + 2 + 12 * number)
            if (tag, kind) == (0x0112, 3):
                (code,) = struct.unpack_from(f"{order}H", content, at + 2 + 12 * number + 8)
                return code if 1 <= code <= 8 else 1
    except (KeyError, struct.error):
        pass
    return 1


def _png(file: IO[bytes], out: IO[bytes]) -> None:
    out.write(_exactly(file, len(_PNG)))
    while True:
        length, kind = struct.unpack(">I4s", _exactly(file, 8))
        if kind == b"eXIf":
            code = _exif_orientation(_exactly(file, length))
            file.seek(4, 1)
            if code != 1:
                _png_chunk(out, b"eXIf", orientation_exif(code))
        elif kind in _PNG_KEPT:
            out.write(struct.pack(">I4s", length, kind))
            _copy(file, out, length + 4)
        else:
            file.seek(length + 4, 1)
        if kind == b"IEND":
            return


def _png_chunk(out: IO[bytes], kind: bytes, content: bytes) -> None:
    out.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))


def _webp(file: IO[bytes], out: IO[bytes]) -> None:
    out.write(_exactly(file, 12))
    end = file.seek(0, 2)
    file.seek(12)
    code = 1
    extended_at = None
    while file.tell() + 8 <= end:
        kind, length = struct.unpack("<4sI", _exactly(file, 8))
        padded = length + (length & 1)
        if kind == b"EXIF":
            block = _exactly(file, length)
            code = _exif_orientation(block.removeprefix(b"Exif\0\0"))
            file.seek(padded - length, 1)
        elif kind in _WEBP_KEPT:
            extended_at = out.tell() + 8 if kind == b"VP8X" else extended_at
            out.write(struct.pack("<4sI", kind, length))
            _copy(file, out, min(padded, end - file.tell()))
        else:
            file.seek(padded, 1)
    if code != 1:
        block = orientation_exif(code)
        out.write(struct.pack("<4sI", b"EXIF", len(block)) + block + b"\0" * (len(block) & 1))
    total = out.tell()
    out.seek(4)
    out.write(struct.pack("<I", total - 8))
    if extended_at is not None:
        file.seek(12)
        _mend_flags(file, out, extended_at, keeps_exif=code != 1)


def _mend_flags(file: IO[bytes], out: IO[bytes], at: int, *, keeps_exif: bool) -> None:
    """VP8X announces which parts follow."""
    kind, _ = struct.unpack("<4sI", _exactly(file, 8))
    if kind != b"VP8X":  # it has to be the first part; a file where it is not is left to the decoder's judgement
        return
    flags = _exactly(file, 1)[0] & ~(_VP8X_EXIF | _VP8X_XMP)
    out.seek(at)
    out.write(bytes([flags | (_VP8X_EXIF if keeps_exif else 0)]))


def _jpeg(file: IO[bytes], out: IO[bytes]) -> None:
    out.write(_exactly(file, 2))
    code = 1
    at_start = True
    held: list[bytes] = []  # what comes before the first segment that is no APPn: JFIF stays first
    while True:
        marker = _next_marker(file)
        if at_start and not _APP0 <= marker <= _APP15 and marker != _COM:
            out.write(b"".join(held))
            if code != 1:
                block = b"Exif\0\0" + orientation_exif(code)
                out.write(struct.pack(">BBH", 0xFF, 0xE1, len(block) + 2) + block)
            at_start = False
        if marker == _EOI:
            out.write(b"\xff\xd9")
            return
        if marker in _STANDALONE or marker == _SOI:
            out.write(bytes([0xFF, marker]))
            continue
        (length,) = struct.unpack(">H", _exactly(file, 2))
        content = _exactly(file, length - 2)
        segment = struct.pack(">BBH", 0xFF, marker, length) + content
        if marker == 0xE1 and content.startswith(b"Exif\0\0"):
            code = _exif_orientation(content[6:]) if code == 1 else code
        elif _APP0 <= marker <= _APP15 or marker == _COM:
            if at_start and marker in _APP_KEPT and content.startswith(_APP_KEPT[marker]):
                held.append(_without_thumbnail(segment) if marker == _APP0 else segment)
        elif _is_whole(marker, content):
            out.write(segment)
            if marker == _SOS and not _scan(file, out):
                return


def _is_whole(marker: int, content: bytes) -> bool:
    """Whether a segment is one that decoders need, and has the length of what it says it holds: no words fit in.

    Raises
    ------
    UploadRefused
        Where a needed one is longer or shorter than its tables.
    """
    if marker in _FRAMES:
        expected = 6 + 3 * content[5]
    elif marker == _SOS:
        expected = 4 + 2 * content[0]
    elif marker in (_DRI, _DNL):
        expected = 2
    elif marker in (_DQT, _DHT):
        expected = 0
        while expected < len(content):
            wide = content[expected] >> 4
            expected += (65 + 64 * bool(wide)) if marker == _DQT else 17 + sum(content[expected + 1 : expected + 17])
    else:
        return False
    if expected != len(content):
        raise damaged("picture")
    return True


def _without_thumbnail(segment: bytes) -> bytes:
    """A JFIF segment without the small second picture that it may carry."""
    return struct.pack(">BBH", 0xFF, _APP0, 16) + segment[4:16] + b"\0\0" if len(segment) >= 18 else segment


def _next_marker(file: IO[bytes]) -> int:
    while True:
        byte = _exactly(file, 1)[0]
        if byte != 0xFF:
            continue  # stray bytes between segments: decoders skip them, and they are not kept
        while byte == 0xFF:
            byte = _exactly(file, 1)[0]
        if byte:
            return byte


def _scan(file: IO[bytes], out: IO[bytes]) -> bool:
    """Copy compressed data up to the next marker; False where the file ends without one."""
    while True:
        start = file.tell()
        block = file.read(_BLOCK)
        if not block:
            return False
        at = block.find(b"\xff")
        while 0 <= at < len(block) - 1 and (block[at + 1] == 0 or 0xD0 <= block[at + 1] <= 0xD7):
            at = block.find(b"\xff", at + 2)
        if at < 0:
            out.write(block)
        elif at == len(block) - 1:
            if at == 0:  # a lone last byte
                return False
            out.write(block[:at])
            file.seek(start + at)
        else:
            out.write(block[:at])
            file.seek(start + at)
            return True


def _exactly(file: IO[bytes], length: int) -> bytes:
    content = file.read(length) if length >= 0 else b""
    if length < 0 or len(content) < length:
        raise EOFError
    return content


def _copy(file: IO[bytes], out: IO[bytes], length: int) -> None:
    while length > 0:
        block = file.read(min(length, _BLOCK))
        if not block:
            raise EOFError
        out.write(block)
        length -= len(block)
