"""TIFF and BigTIFF: every directory keeps the tags that draw the picture, and every byte that none of them reaches is zeroed.

Nothing moves, so that strips and tiles stay byte for byte where they are. What was a description, a date, a
scanner's private block or a hidden directory becomes zeros, whether a tag pointed there or not.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ml.imaging.errors import damaged

# Section 8 of TIFF 6.0 and its supplements: what a decoder needs.
KEPT = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 290, 291, 292, 293}
    | {296, 317, 318, 319, 320, 322, 323, 324, 325, 338, 339, 340, 341, 347, 512, 513, 514, 515, 519, 520, 521}
    | {529, 530, 531, 532, 34675}
)
_OFFSETS, _LENGTHS = {273: 279, 324: 325, 513: 514}, {279, 325, 514}
# Old JPEG-in-TIFF points at tables without saying how long they are.
_TABLES = {519: 64, 520: 16 + 12, 521: 16 + 256}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE = {1: "B", 3: "H", 4: "I", 16: "Q"}
# Bytes and texts: where numbers are expected they are somebody's words. Tables and profiles are bytes.
_BYTES, _BYTES_NEEDED = {1, 2, 6, 7}, {347, 34675}
MOST_DIRECTORIES = 4096
MOST_VALUES = 4_000_000
_BLOCK = 1024 * 1024

Span = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """How this file writes its numbers."""

    order: str
    big: bool

    @property
    def entry(self) -> int:
        """Bytes of one directory entry."""
        return 20 if self.big else 12

    @property
    def pointer(self) -> str:
        """The letter, in struct's words, of an offset."""
        return "Q" if self.big else "I"

    @property
    def room(self) -> int:
        """Bytes of a value that lies in the entry itself."""
        return 8 if self.big else 4


def clean(source: Path, target: Path) -> None:
    """Write a TIFF of the same length whose unneeded bytes are zeros.

    Raises
    ------
    UploadRefused
        400 where its directories run in a circle, lead outside, or are too many.
    """
    length = source.stat().st_size
    with source.open("rb") as file:
        spans, directories, dropped = _needed(file, length)
        with target.open("wb") as out:
            out.truncate(length)
            for start, end in _merged(spans):
                file.seek(start)
                out.seek(start)
                _copy(file, out, end - start)
            # A strip that claims to be longer than it is reaches over texts: what a dropped tag pointed at goes in any case.
            for start, end in dropped:
                out.seek(start)
                out.write(bytes(end - start))
            for at, content in directories:
                out.seek(at)
                out.write(content)


def _needed(file: IO[bytes], length: int) -> tuple[list[Span], list[tuple[int, bytes]], list[Span]]:
    """The byte ranges that are kept, each directory as it is written again, and the ranges of what is dropped."""
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}[head[:2]] if head[:2] in (b"II", b"MM") else _broken()
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    layout = Layout(order, version == 43)
    (at,) = struct.unpack_from(order + layout.pointer, head, 8 if layout.big else 4)
    spans: list[Span] = [(0, 16 if layout.big else 8)]
    directories: list[tuple[int, bytes]] = []
    dropped: list[Span] = []
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) >= MOST_DIRECTORIES:
            _broken()
        seen.add(at)
        again, following = _directory(file, at, layout, length, spans, dropped)
        directories.append((at, again))
        at = following
    return spans, directories, dropped


def _directory(
    file: IO[bytes], at: int, layout: Layout, length: int, spans: list[Span], dropped: list[Span]
) -> tuple[bytes, int]:
    """Note what one directory needs; returns it as written again, and where the next one lies."""
    counted = "Q" if layout.big else "H"
    lead = struct.calcsize(layout.order + counted)
    (count,) = struct.unpack(layout.order + counted, _read(file, at, lead))
    if count > 4096:
        _broken()
    size = lead + count * layout.entry + layout.room
    raw = _read(file, at, size) if at + size <= length else _read(file, at, size - layout.room) + bytes(layout.room)
    kept: list[bytes] = []
    values: dict[int, list[int]] = {}
    for number in range(count):
        entry = raw[lead + number * layout.entry : lead + (number + 1) * layout.entry]
        tag, kind = struct.unpack_from(layout.order + "HH", entry)
        if tag not in KEPT or kind not in _SIZES or (kind in _BYTES and tag not in _BYTES_NEEDED):
            dropped += _outside(entry, kind, layout, length)
            continue
        kept.append(entry)
        values[tag] = _value(file, entry, kind, layout, length, spans)
    most = _most_bytes(values)
    for offsets, lengths in _OFFSETS.items():
        for start, size_of in zip(values.get(offsets, ()), values.get(lengths, ()), strict=False):
            if 0 < start < length:
                spans.append((start, min(start + min(size_of, most), length)))
    for tag, longest in _TABLES.items():
        spans += [(start, min(start + longest, length)) for start in values.get(tag, ()) if 0 < start < length]
    (following,) = struct.unpack_from(layout.order + layout.pointer, raw, lead + count * layout.entry)
    again = struct.pack(layout.order + counted, len(kept)) + b"".join(kept)
    again += struct.pack(layout.order + layout.pointer, following)
    return again, following


def _most_bytes(values: dict[int, list[int]]) -> int:
    """How long one strip or tile can be at most: known where nothing is compressed (tag 259 is 1)."""
    if values.get(259, [1])[:1] != [1]:
        return 1 << 40
    width = (values.get(322) or values.get(256) or [0])[0]
    height = (values.get(323) or values.get(278) or values.get(257) or [0])[0]
    height = min(height, (values.get(323) or values.get(257) or [height])[0])
    samples = (values.get(277) or [1])[0]
    bits = max(values.get(258) or [1])
    return ((width * bits * samples + 7) // 8) * height


def _outside(entry: bytes, kind: int, layout: Layout, length: int) -> list[Span]:
    """Where a dropped entry's value lies, if outside of it."""
    (count,) = struct.unpack_from(layout.order + layout.pointer, entry, 4)
    size = count * _SIZES.get(kind, 1)
    if size <= layout.room:
        return []
    (start,) = struct.unpack(layout.order + layout.pointer, entry[-layout.room :])
    return [(start, min(start + size, length))] if 8 <= start < length else []


def _value(file: IO[bytes], entry: bytes, kind: int, layout: Layout, length: int, spans: list[Span]) -> list[int]:
    """Whole numbers of an entry; where they lie outside it, that range is needed."""
    (count,) = struct.unpack_from(layout.order + layout.pointer, entry, 4)
    if count > MOST_VALUES:
        _broken()
    size = count * _SIZES[kind]
    content = entry[-layout.room :]
    if size > layout.room:
        (start,) = struct.unpack(layout.order + layout.pointer, content)
        if start + size > length:
            return []  # leads outside: the decoder has had its say already
        spans.append((start, start + size))
        content = _read(file, start, size) if kind in _WHOLE else b""
    if kind not in _WHOLE or len(content) < size:
        return []
    return list(struct.unpack_from(f"{layout.order}{count}{_WHOLE[kind]}", content))


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _read(file: IO[bytes], at: int, size: int) -> bytes:
    file.seek(at)
    content = file.read(size)
    if len(content) < size:
        raise damaged("picture")
    return content


def _copy(file: IO[bytes], out: IO[bytes], length: int) -> None:
    while length > 0 and (block := file.read(min(length, _BLOCK))):
        out.write(block)
        length -= len(block)


def _broken() -> str:
    raise damaged("picture")
