"""Breaks good files where it hurts: in lengths, tags, counts and offsets, by cutting, doubling and swapping."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from tests.fuzz.seeds import seeds

_TELLING = [0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
# Where formats keep what decides: the first kilobyte of most, and the tail of zips.
_HEADER = 1400


@st.composite
def broken_files(draw: st.DrawFn) -> bytes:
    """One good file after one to six injuries."""
    content = bytearray(seeds()[draw(st.sampled_from(sorted(seeds())))])
    for _ in range(draw(st.integers(1, 6))):
        if len(content) < 8:
            break
        _injure(draw, content)
    return bytes(content)


@st.composite
def flipped_headers(draw: st.DrawFn) -> bytes:
    """One good file with one bit turned over, anywhere in its header."""
    content = bytearray(seeds()[draw(st.sampled_from(sorted(seeds())))])
    bit = draw(st.integers(0, 8 * min(len(content), _HEADER) - 1))
    content[bit // 8] ^= 1 << bit % 8
    return bytes(content)


def _injure(draw: st.DrawFn, content: bytearray) -> None:
    kind = draw(st.sampled_from(["bit", "number", "number", "bytes", "cut", "drop", "double", "swap"]))
    near = draw(st.booleans())
    at = draw(st.integers(0, min(len(content) - 5, _HEADER) if near else len(content) - 5))
    if kind == "bit":
        content[at] ^= 1 << draw(st.integers(0, 7))
    elif kind == "number":
        order, letter = draw(st.sampled_from("<>")), draw(st.sampled_from("BHI"))
        value = draw(st.sampled_from(_TELLING)) & (2 ** (8 * struct.calcsize(letter)) - 1)
        struct.pack_into(order + letter, content, at, value)
    elif kind == "bytes":
        piece = draw(st.binary(min_size=1, max_size=12))
        content[at : at + len(piece)] = piece
    elif kind == "cut":
        del content[draw(st.integers(4, len(content))) :]
    elif kind == "drop":
        del content[at : at + draw(st.integers(1, 64))]
    elif kind == "double":
        content[at:at] = content[at : at + draw(st.integers(1, 256))]
    else:
        other, size = draw(st.integers(0, len(content) - 5)), 4
        content[at : at + size], content[other : other + size] = (
            content[other : other + size],
            content[at : at + size],
        )
