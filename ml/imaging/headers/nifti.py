"""NIfTI-1 and NIfTI-2, plain or gzipped: the header by hand, so that nothing in it is believed.

No numpy and no nibabel here: the door's subprocess imports this module.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, NamedTuple, cast

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.facts import FileFacts
from ml.imaging.limits import Limits

GZIP = b"\x1f\x8b"
SIZES = {348: 1, 540: 2}
MAX_OFFSET = 16 * 1024 * 1024
_CHUNK = 1024 * 1024
_SCANNER, _TEMPLATE = 1, 3
"""Codes of whose coordinates a form leads to (nifti1.h): the scanner's; from the other on a template's."""
_COSINE_45 = math.sqrt(0.5)

# NIfTI datatype code -> (numpy name, bits of one channel, channels)
DATATYPES: dict[int, tuple[str, int, int]] = {
    2: ("u1", 8, 1),
    4: ("i2", 16, 1),
    8: ("i4", 32, 1),
    16: ("f4", 32, 1),
    64: ("f8", 64, 1),
    128: ("u1", 8, 3),
    256: ("i1", 8, 1),
    512: ("u2", 16, 1),
    768: ("u4", 32, 1),
    1024: ("i8", 64, 1),
    1280: ("u8", 64, 1),
}


Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Header:
    """The part of a NIfTI header that decides how its data are read.

    Attributes:
        block: the raw header, 348 or 540 bytes.
        version: 1 or 2.
        order: "<" or ">", the byte order.
        shape: voxels along the file's own three axes.
        datatype: key of DATATYPES.
        offset: where the data begin, in bytes after decompression.
        has_geometry: whether the file says how its axes lie in the patient (sform or qform).
        unit_mm: millimetres in one unit of length, or None where the file names no unit.
        affine: three rows of four numbers, from voxel to the patient's millimetres (right, anterior, superior), or
            None without geometry.
        in_template: whether these are the coordinates of a template (Talairach, MNI or another) and no scanner's.
        stretched: whether these are other coordinates than a scanner's, and make voxels of another size than the file
            states besides: what was done to the head there is not known.
        two_sides: whether sform and qform both count and put the head's sides differently.
        two_sizes: whether the scanner's own coordinates make voxels of another size than the file states besides.
    """

    block: bytes
    version: int
    order: Literal["<", ">"]
    shape: tuple[int, int, int]
    datatype: int
    offset: int
    has_geometry: bool
    unit_mm: float | None
    affine: Rows | None = None
    in_template: bool = False
    stretched: bool = False
    two_sides: bool = False
    two_sizes: bool = False

    @property
    def data_bytes(self) -> int:
        """Length of the values in the file, decompressed."""
        _, bits, channels = DATATYPES[self.datatype]
        return self.shape[0] * self.shape[1] * self.shape[2] * channels * bits // 8


def accepts(head: bytes) -> bool:
    """Whether a file that begins so is NIfTI, looking into gzip."""
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 1024)
        except zlib.error:
            return False
    return _version(head) is not None


def facts(path: Path, limits: Limits) -> FileFacts:
    """Check the header, and that as many bytes follow as it says, without keeping them.

    Raises:
        UploadRefused: 400, 413 or 415.
    """
    header = read_header(path, limits)
    wanted = header.offset + header.data_bytes
    try:
        with opened(path) as stream:
            while wanted > 0 and (chunk := stream.read(min(wanted, _CHUNK))):
                wanted -= len(chunk)
            read_out(stream)
    except (OSError, EOFError, zlib.error):
        raise damaged() from None
    if wanted > 0:
        raise UploadRefused("The file is cut short: slices are missing. Export it again and upload the new copy.")
    _, bits, channels = DATATYPES[header.datatype]
    columns, rows, slices = header.shape
    return FileFacts("nifti", rows, columns, slices, bits, channels)


def opened(path: Path) -> IO[bytes]:
    """The decompressed content of a file, as a stream."""
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP
    return cast("IO[bytes]", gzip.open(path, "rb")) if zipped else path.open("rb")


def read_out(stream: IO[bytes]) -> None:
    """Read what follows the voxels of a gzipped file: only behind it stands the checksum that shows a changed bit.

    What follows beyond `MAX_OFFSET` bytes is let be; no program writes so much there.

    Raises:
        OSError, EOFError, zlib.error: for a checksum that is another one, or missing.
    """
    left = MAX_OFFSET
    while isinstance(stream, gzip.GzipFile) and left > 0 and (chunk := stream.read(min(left, _CHUNK))):
        left -= len(chunk)


def read_header(path: Path, limits: Limits) -> Header:
    """Read a header and hold it against the limits.

    Raises:
        UploadRefused: 400, 413 or 415.
    """
    try:
        with opened(path) as stream:
            block = stream.read(540)
    except (OSError, EOFError, zlib.error):
        raise damaged() from None
    found = _version(block)
    if found is None:
        raise damaged()
    version, order = found
    try:
        header = _first(block, order) if version == 1 else _second(block, order)
    except (struct.error, ValueError, OverflowError):
        raise damaged() from None
    _check(header, limits)
    return header


def _version(head: bytes) -> tuple[int, Literal["<", ">"]] | None:
    orders: tuple[Literal["<", ">"], ...] = ("<", ">")
    for order in orders:
        version = SIZES.get(struct.unpack_from(f"{order}i", head)[0]) if len(head) >= 348 else None
        if version == 1 and head[344:347] in (b"n+1", b"ni1"):
            return 1, order
        if version == 2 and len(head) >= 540 and head[4:7] in (b"n+2", b"ni2"):
            return 2, order
    return None


def _first(block: bytes, order: Literal["<", ">"]) -> Header:
    dim = struct.unpack_from(f"{order}8h", block, 40)
    (datatype,) = struct.unpack_from(f"{order}h", block, 70)
    (offset,) = struct.unpack_from(f"{order}f", block, 108)
    qform, sform = struct.unpack_from(f"{order}2h", block, 252)
    paired = block[344:347] == b"ni1"
    pixdim = struct.unpack_from(f"{order}8f", block, 76)
    quaternion = struct.unpack_from(f"{order}6f", block, 256)
    rows = struct.unpack_from(f"{order}12f", block, 280)
    placed = _placed(sform, qform, pixdim, quaternion, rows)
    return _header(
        block[:348], 1, order, dim, datatype, int(offset), qform, sform, block[123], paired=paired, placed=placed
    )


def _second(block: bytes, order: Literal["<", ">"]) -> Header:
    (datatype,) = struct.unpack_from(f"{order}h", block, 12)
    dim = struct.unpack_from(f"{order}8q", block, 16)
    (offset,) = struct.unpack_from(f"{order}q", block, 168)
    qform, sform = struct.unpack_from(f"{order}2i", block, 344)
    (units,) = struct.unpack_from(f"{order}i", block, 500)
    pixdim = struct.unpack_from(f"{order}8d", block, 104)
    quaternion = struct.unpack_from(f"{order}6d", block, 352)
    rows = struct.unpack_from(f"{order}12d", block, 400)
    placed = _placed(sform, qform, pixdim, quaternion, rows)
    paired = block[4:7] == b"ni2"
    return _header(block, 2, order, dim, datatype, offset, qform, sform, units, paired=paired, placed=placed)


class _Placed(NamedTuple):
    """Of a `Header` what its two forms say."""

    affine: Rows | None
    in_template: bool = False
    stretched: bool = False
    two_sides: bool = False
    two_sizes: bool = False


def _placed(
    sform: int, qform: int, pixdim: tuple[float, ...], quaternion: tuple[float, ...], rows: tuple[float, ...]
) -> _Placed:
    """Voxel to millimetres, and how far that is to be believed.

    The sform where it is given, else the qform (nifti1.h, methods 2 and 3). But the codes say whose coordinates they
    are, and a sform may be an affine registration, which scales: where it leads into a template, or scales, and the
    qform into the scanner, the qform has the head's own millimetres.
    """
    by_sform = _affine(sform, 0, pixdim, quaternion, rows)
    if by_sform is None:
        return _Placed(_affine(0, qform, pixdim, quaternion, rows), in_template=qform >= _TEMPLATE)
    by_qform = _sound_qform(qform, pixdim, quaternion, rows)
    two_sides = by_qform is not None and _puts_sides_differently(
        by_sform, by_qform, one_space=(sform < _TEMPLATE) == (qform < _TEMPLATE)
    )
    lengths = [math.hypot(*axis) for axis in _axes(by_sform)]
    scaled = any(_differs(length, stated) for length, stated in zip(lengths, pixdim[1:4], strict=True))
    if sform == _SCANNER:
        # The size of shifted slices is stated by some programs along the shift and by others across it.
        across = zip(lengths, _distances(by_sform), pixdim[1:4], strict=True)
        two_sizes = by_qform is not None and any(_differs(a, stated) and _differs(b, stated) for a, b, stated in across)
        return _Placed(by_sform, two_sides=two_sides, two_sizes=two_sizes)
    if qform == _SCANNER and (scaled or sform >= _TEMPLATE):
        return _Placed(_affine(0, qform, pixdim, quaternion, rows), two_sides=two_sides)
    return _Placed(by_sform, in_template=sform >= _TEMPLATE, stretched=scaled, two_sides=two_sides)


def _sound_qform(
    qform: int, pixdim: tuple[float, ...], quaternion: tuple[float, ...], rows: tuple[float, ...]
) -> Rows | None:
    """The qform to compare with; None where it is not given, or broken: that contradicts nothing."""
    try:
        return _affine(0, qform, pixdim, quaternion, rows)
    except UploadRefused:
        return None


def _puts_sides_differently(one: Rows, other: Rows, *, one_space: bool) -> bool:
    """Whether two forms take the same voxel to another side of the head.

    A mirrored form does in any space. In one space an axis that points elsewhere does too; up to 45 degrees it is a head
    that was turned straight. Into a template axes may be turned in any way.
    """
    if (_determinant(one) < 0) != (_determinant(other) < 0):
        return True
    return one_space and any(
        sum(x * y for x, y in zip(a, b, strict=True)) < _COSINE_45 * math.hypot(*a) * math.hypot(*b)
        for a, b in zip(_axes(one), _axes(other), strict=True)
    )


def _differs(size: float, stated: float) -> bool:
    return abs(size - stated) > 0.01 * abs(stated)


def _axes(affine: Rows) -> list[tuple[float, ...]]:
    """The step along each stored axis."""
    return [tuple(row[axis] for row in affine) for axis in range(3)]


def _distances(affine: Rows) -> list[float]:
    """How far the planes across each stored axis lie apart."""
    volume = abs(_determinant(affine))
    found = []
    for axis in range(3):
        (a1, a2, a3), (b1, b2, b3) = (each for place, each in enumerate(_axes(affine)) if place != axis)
        area = math.hypot(a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1)
        found.append(volume / area)
    return found


def _determinant(affine: Rows) -> float:
    (a1, b1, c1, _), (a2, b2, c2, _), (a3, b3, c3, _) = affine
    return a1 * (b2 * c3 - b3 * c2) - b1 * (a2 * c3 - a3 * c2) + c1 * (a2 * b3 - a3 * b2)


def _affine(
    sform: int, qform: int, pixdim: tuple[float, ...], quaternion: tuple[float, ...], rows: tuple[float, ...]
) -> Rows | None:
    """Voxel to millimetres by the sform, else by the qform; None without either.

    Raises:
        UploadRefused: 400 for sizes and positions that no head can have.
    """
    if sform > 0:
        affine: Rows = (rows[0:4], rows[4:8], rows[8:12])
    elif qform > 0:
        if not all(math.isfinite(size) and size > 0 for size in pixdim[1:4]):
            raise UploadRefused("The file gives a voxel size of zero or less. Export it again.")
        b, c, d, *origin = quaternion
        a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
        turn = (
            (a * a + b * b - c * c - d * d, 2 * b * c - 2 * a * d, 2 * b * d + 2 * a * c),
            (2 * b * c + 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d - 2 * a * b),
            (2 * b * d - 2 * a * c, 2 * c * d + 2 * a * b, a * a + d * d - c * c - b * b),
        )
        sizes = pixdim[1], pixdim[2], pixdim[3] * (-1.0 if pixdim[0] < 0 else 1.0)
        affine = tuple(
            (*(t * size for t, size in zip(row, sizes, strict=True)), start)
            for row, start in zip(turn, origin, strict=True)
        )
    else:
        return None
    if not all(math.isfinite(value) for row in affine for value in row) or abs(_determinant(affine)) < 1e-9:
        raise UploadRefused("The file gives an impossible position of the head. Export it again.")
    return affine


def _header(
    block: bytes,
    version: int,
    order: Literal["<", ">"],
    dim: tuple[int, ...],
    datatype: int,
    offset: int,
    qform: int,
    sform: int,
    units: int,
    *,
    paired: bool,
    placed: _Placed,
) -> Header:
    if paired:
        raise UploadRefused("The image is in a second file. Save both as one .nii or .nii.gz file.", 415)
    count = dim[0]
    if not 2 <= count <= 7 or any(length < 1 for length in dim[1 : count + 1]):
        raise damaged()
    if any(length > 1 for length in dim[4 : count + 1]):
        raise UploadRefused("The file holds several volumes. Save the one that you need as a file of its own.", 415)
    if datatype not in DATATYPES:
        raise UploadRefused("The file's values are of a kind that is not read. Save it as 16-bit integers.", 415)
    return Header(
        block=block,
        version=version,
        order=order,
        shape=(dim[1], dim[2], dim[3] if count > 2 else 1),
        datatype=datatype,
        offset=offset,
        has_geometry=sform > 0 or qform > 0,
        unit_mm={1: 1000.0, 2: 1.0, 3: 0.001}.get(units & 0x07),
        **placed._asdict(),
    )


def _check(header: Header, limits: Limits) -> None:
    if not len(header.block) <= header.offset <= MAX_OFFSET:
        raise damaged()
    voxels = header.shape[0] * header.shape[1] * header.shape[2] * DATATYPES[header.datatype][2]
    if voxels > limits.max_voxels or max(header.shape) > limits.max_side:
        raise UploadRefused("The volume is too large. Export it smaller, or the head only.", 413)
    if header.data_bytes > limits.max_total_bytes:
        raise UploadRefused("The volume is too large. Save it as 16-bit integers.", 413)
