"""Every hostile file that the door must survive, generated.

`FILES` maps a name to a function that writes the file and returns its path, and to the
status that answers it: None where the file is odd but readable.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from tests import phantoms_dicom
from tests.phantoms import slice_picture


def _head() -> np.ndarray:
    return slice_picture(size=128)[0]


def _save(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(columns: int, rows: int) -> bytes:
    """A small PNG that unpacks to columns x rows black pixels, written without drawing them."""
    packer = zlib.compressobj(1)
    line = bytes(columns + 1)
    data = b"".join(packer.compress(line) for _ in range(rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _jpeg(**options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(_head()).save(out, "JPEG", **options)
    return out.getvalue()


def _animated(path: Path, kind: str) -> Path:
    frames = [Image.fromarray(_head()), Image.fromarray(255 - _head())]
    frames[0].save(path, kind, save_all=True, append_images=frames[1:])
    return path


def _rgb16(path: Path) -> Path:
    pixels = np.repeat(_head().astype(">u2")[..., np.newaxis] * 257, 3, axis=2)
    pixels[:, :64, 0] //= 2
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", 128, 128, 16, 2, 0, 0, 0)
    parts = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b"")
    return _bytes(path, b"\x89PNG\r\n\x1a\n" + parts)


def _rotated(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _save(path, Image.fromarray(_head()[:, :96]), exif=exif)


def _zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in entries.items():
            zipped.writestr(name, content)
    return path


def _zip_link(path: Path) -> Path:
    entry = zipfile.ZipInfo("1.png")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr(entry, "/etc/passwd")
    return path


def _zip_locked(path: Path) -> Path:
    content = bytearray(_zip(path, {"1.png": png_of(64, 64)}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    return _bytes(path, bytes(content))


def nifti(shape: tuple[int, ...], data: bytes, *, offset: float = 352.0, datatype: int = 4) -> bytes:
    """A NIfTI-1 file that claims `shape` and carries `data`."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, len(shape), *shape, *(1,) * (7 - len(shape)))
    struct.pack_into("<2h", head, 70, datatype, 16)
    struct.pack_into("<8f", head, 76, 1, *(1.0,) * 7)
    struct.pack_into("<f", head, 108, offset)
    head[344:348] = b"n+1\0"
    return bytes(head) + data


def _flipped_gz(path: Path) -> Path:
    """One bit of a voxel is another; only gzip's checksum behind the voxels can tell."""
    content = bytearray(gzip.compress(nifti((64, 64, 20), bytes(163_840)), compresslevel=0))
    content[len(content) // 2] ^= 0x10
    return _bytes(path, bytes(content))


def _dicom(path: Path, **tags: object) -> Path:
    return phantoms_dicom.write(path, phantoms_dicom.single(_head().astype(np.uint16), **tags))


def _spacing_of(path: Path, stated: bytes) -> Path:
    """A pixel spacing that pydicom would not write."""
    whole = _dicom(path, PixelSpacing=["0.9", "0.8"]).read_bytes()
    assert whole.count(b"0.9\\0.8 ") == 1
    return _bytes(path, whole.replace(b"0.9\\0.8 ", stated))


def _without_pixels(path: Path) -> Path:
    dataset = phantoms_dicom.single(_head().astype(np.uint16))
    del dataset.PixelData
    return phantoms_dicom.write(path, dataset)


def _polyglot(path: Path) -> Path:
    return _bytes(path, b"MZ" + _dicom(path).read_bytes()[2:])


def _nifti_with(path: Path, changes: dict[int, bytes]) -> Path:
    """A sound NIfTI whose header is overwritten at these offsets."""
    content = bytearray(nifti((64, 64, 20), bytes(64 * 64 * 20 * 2)))
    for offset, value in changes.items():
        content[offset : offset + len(value)] = value
    return _bytes(path, bytes(content))


def _encapsulated(path: Path, frames: int, **tags: object) -> Path:
    """A compressed multi-frame file with one frame of the `frames` that it promises."""
    dataset = phantoms_dicom.single(_head())
    dataset.compress(RLELossless)
    dataset.NumberOfFrames = frames
    for name, value in tags.items():
        setattr(dataset, name, value)
    return phantoms_dicom.write(path, dataset)


def _broken_jpeg(path: Path) -> Path:
    """Announces JPEG and carries noise."""
    dataset = phantoms_dicom.single(_head())
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([bytes(range(256)) * 20])
    dataset["PixelData"].VR = "OB"
    return phantoms_dicom.write(path, dataset)


def _lying_jpeg2000(path: Path) -> Path:
    """The header says 128 x 128; the compressed picture says 60,000 x 60,000."""
    dataset = phantoms_dicom.single(_head())
    dataset.compress(JPEG2000Lossless)
    content = bytearray(dataset.PixelData)
    at = content.index(b"\xff\x51") + 6  # the size that the SIZ marker gives, and its tiles'
    struct.pack_into(">2I", content, at, 60_000, 60_000)
    struct.pack_into(">2I", content, at + 16, 60_000, 60_000)
    dataset.PixelData = bytes(content)
    return phantoms_dicom.write(path, dataset)


def _deflated_bomb(path: Path) -> Path:
    """A sound header, then two gigabytes of zeros in two megabytes."""
    dataset = phantoms_dicom.single(_head().astype(np.uint16))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    whole = phantoms_dicom.write(path, dataset).read_bytes()
    at = 132 + 12 + int.from_bytes(whole[140:144], "little")
    inside = zlib.decompress(whole[at:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(inside) + b"".join(packer.compress(bytes(2**24)) for _ in range(128)) + packer.flush()
    return _bytes(path, whole[:at] + body)


def _endless_tiff(path: Path) -> Path:
    """Its one page names itself as the next one."""
    content = bytearray(_save(path, Image.fromarray(_head()), format="TIFF").read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * entries, first)
    return _bytes(path, bytes(content))


def _vast_gz(path: Path) -> Path:
    """Promises 240 MB of voxels and holds 232, all zero, in a quarter of one."""
    with gzip.open(path, "wb", compresslevel=9) as packed:
        packed.write(nifti((512, 512, 480), b""))
        for _ in range(29):
            packed.write(bytes(2**23))
    return path


def _nested_sequences(path: Path) -> Path:
    """Ten thousand sequences within each other, written by hand: pydicom would take an age."""
    whole = _dicom(path).read_bytes()
    at = whole.index(b"\x08\0\x60\0CS")  # before Modality
    opening = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return _bytes(path, whole[:at] + opening * 10_000 + closing * 10_000 + whole[at:])


def _zip_nameless(path: Path) -> Path:
    """Its one entry has a name of no length. Found by `make fuzz`."""
    picture = png_of(64, 64)
    sizes = (zlib.crc32(picture), len(picture), len(picture))
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0, *sizes, 0, 0) + picture
    directory = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, *sizes, 0, 0, 0, 0, 0, 0, 0)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), len(local), 0)
    return _bytes(path, local + directory + end)


def _zip_of(path: Path, count: int) -> Path:
    """As many empty entries as wanted, written without zipfile, which would take minutes."""
    names = [b"%06d.png" % number for number in range(count)]
    local = b"".join(struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 10, 0) + name for name in names)
    directory = b"".join(
        struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 40 * number) + name
        for number, name in enumerate(names)
    )
    shown = min(count, 0xFFFF)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, shown, shown, len(directory), len(local), 0)
    return _bytes(path, local + directory + end)


def _zip_lying(path: Path) -> Path:
    """An entry that says a hundred bytes and holds forty megabytes."""
    content = bytearray(_zip(path, {"1.png": bytes(40 * 2**20)}).read_bytes())
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(signature) + at, 100)
    return _bytes(path, bytes(content))


def _zip_in_zip(path: Path) -> Path:
    inner = _zip(path, {"1.png": png_of(64, 64)}).read_bytes()
    return _zip(path, {"1.png": png_of(64, 64), "more.zip": inner})


def _cut(path: Path, whole: bytes) -> Path:
    return _bytes(path, whole[: len(whole) // 2])


Make = Callable[[Path], Path]

FILES: dict[str, tuple[Make, int | None]] = {
    # pictures
    "empty.png": (lambda p: _bytes(p, b""), 400),
    "text.png": (lambda p: _bytes(p, b"Dear doctor, the picture follows.\n"), 415),
    "truncated.jpg": (lambda p: _cut(p, _jpeg()), 400),
    "bomb.png": (lambda p: _bytes(p, png_of(30_000, 30_000)), 413),
    "one_pixel.png": (lambda p: _bytes(p, png_of(1, 1)), 400),
    "line.png": (lambda p: _bytes(p, png_of(20_000, 3)), 413),
    "narrow.png": (lambda p: _bytes(p, png_of(4_000, 40)), 400),
    "animated.gif": (lambda p: _animated(p, "GIF"), 415),
    "animated.png": (lambda p: _animated(p, "PNG"), 415),
    "animated.webp": (lambda p: _animated(p, "WEBP"), 415),
    "drawing.svg": (lambda p: _bytes(p, b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>"), 415),
    "report.pdf": (lambda p: _bytes(p, b"%PDF-1.7\n"), 415),
    "program.png": (lambda p: _bytes(p, b"\x7fELF" + bytes(500)), 415),
    "head_only.png": (lambda p: _bytes(p, png_of(64, 64)[:40]), 400),
    "cmyk.jpg": (lambda p: _save(p, Image.fromarray(_head()).convert("CMYK")), None),
    "rgb16.png": (_rgb16, None),
    "rotated.jpg": (_rotated, None),
    "mixed_pages.tif": (
        lambda p: _save(p, Image.new("L", (64, 64)), save_all=True, append_images=[Image.new("L", (80, 64))]),
        400,
    ),
    "endless.tif": (_endless_tiff, 400),
    # zips
    "nothing.zip": (lambda p: _zip(p, {}), 400),
    "outside.zip": (lambda p: _zip(p, {"../../1.png": png_of(64, 64)}), 400),
    "link.zip": (_zip_link, 400),
    "locked.zip": (_zip_locked, 400),
    "many.zip": (lambda p: _zip(p, {f"{n}.png": b"" for n in range(5_000)}), 413),
    "bomb.zip": (lambda p: _zip(p, {"1.png": bytes(300 * 2**20)}), 413),
    "hundred_thousand.zip": (lambda p: _zip_of(p, 100_000), 413),
    "sixty_thousand.zip": (lambda p: _zip_of(p, 60_000), 413),
    "lying.zip": (_zip_lying, 400),
    "nameless.zip": (_zip_nameless, 400),
    "nested.zip": (_zip_in_zip, 400),
    "backslash.zip": (lambda p: _zip(p, {"..\\..\\1.png": png_of(64, 64)}), 400),
    "absolute.zip": (lambda p: _zip(p, {"/etc/1.png": png_of(64, 64)}), 400),
    "cut.zip": (lambda p: _cut(p, _zip(p, {"1.png": png_of(64, 64)}).read_bytes()), 400),
    "texts.zip": (lambda p: _zip(p, {"readme.txt": b"nothing to see"}), 415),
    "office.zip": (lambda p: _zip(p, {"[Content_Types].xml": b"<x/>"}), 415),
    # NIfTI
    "outside.nii": (lambda p: _bytes(p, nifti((64, 64, 20), b"", offset=1e9)), 400),
    "short.nii": (lambda p: _bytes(p, nifti((64, 64, 20), bytes(100))), 400),
    "huge.nii": (lambda p: _bytes(p, nifti((30_000, 30_000, 30_000), b"")), 413),
    "time.nii": (lambda p: _bytes(p, nifti((64, 64, 20, 50), b"")), 415),
    "negative.nii": (lambda p: _bytes(p, nifti((64, -64, 20), b"")), 400),
    "zeros.nii.gz": (lambda p: _bytes(p, gzip.compress(nifti((64, 64, 20), b"") + bytes(100))), 400),
    "not_a_number.nii": (lambda p: _nifti_with(p, {254: b"\1\0", 280: struct.pack("<f", math.nan)}), 400),
    "flat.nii": (lambda p: _nifti_with(p, {254: b"\1\0"}), 400),
    "no_voxel_size.nii": (lambda p: _nifti_with(p, {252: b"\1\0", 80: bytes(4)}), 400),
    "negative_voxel_size.nii": (lambda p: _nifti_with(p, {252: b"\1\0", 80: struct.pack("<f", -1.0)}), 400),
    "inside_header.nii": (lambda p: _nifti_with(p, {108: struct.pack("<f", 100.0)}), 400),
    "strange_type.nii": (lambda p: _nifti_with(p, {70: b"\xff\x7f"}), 415),
    "cut.nii.gz": (lambda p: _cut(p, gzip.compress(nifti((64, 64, 20), bytes(163_840)))), 400),
    "flipped.nii.gz": (_flipped_gz, 400),
    "without_checksum.nii.gz": (
        lambda p: _bytes(p, gzip.compress(nifti((64, 64, 20), bytes(163_840)))[:-8]),
        400,
    ),
    "gz_bomb.nii.gz": (lambda p: _bytes(p, gzip.compress(bytes(50 * 2**20))), 415),
    "vast.nii.gz": (_vast_gz, 400),
    # DICOM
    "lying.dcm": (lambda p: _dicom(p, Rows=4000, Columns=4000), 400),
    "largest.dcm": (lambda p: _dicom(p, Rows=65535, Columns=65535), 413),
    "no_pixels.dcm": (_without_pixels, 400),
    "report.dcm": (lambda p: _dicom(p, Modality="SR"), 415),
    "polyglot.dcm": (_polyglot, 400),
    "no_spacing.dcm": (lambda p: _dicom(p, PixelSpacing=[0, 0]), 400),
    "negative_spacing.dcm": (lambda p: _dicom(p, PixelSpacing=[-1, 1]), 400),
    "spacing_no_number.dcm": (lambda p: _spacing_of(p, b"nan\\nan "), 400),
    "spacing_infinite.dcm": (lambda p: _spacing_of(p, b"inf\\inf "), 400),
    "frames_missing.dcm": (lambda p: _encapsulated(p, 5), 400),
    "many_frames.dcm": (lambda p: _encapsulated(p, 1_000_000), 413),
    "no_frames.dcm": (lambda p: _encapsulated(p, -3), 415),
    "noise.dcm": (_broken_jpeg, 400),
    "nested_sequences.dcm": (_nested_sequences, 400),
    "directory.dcm": (lambda p: _dicom(p, SOPClassUID="1.2.840.10008.1.3.10"), 415),
    "lying_jpeg2000.dcm": (_lying_jpeg2000, 400),
    "deflated_bomb.dcm": (_deflated_bomb, 413),
    "no_rows.dcm": (lambda p: _dicom(p, Rows=0), 400),
    "strange_bits.dcm": (lambda p: _dicom(p, BitsAllocated=12), 415),
    "cut.dcm": (lambda p: _cut(p, _dicom(p).read_bytes()), 400),
}


def make(name: str, folder: Path) -> Path:
    """Write one hostile file into a folder."""
    return FILES[name][0](folder / name)
