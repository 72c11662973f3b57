"""The pictures that pages show of an analysis: slices, masks, thumbnails, all upright 8-bit PNG.

What a doctor wants to see is a grey slice in a sensible window, not how the file packs its channels.
Grey is windowed between percentiles of the whole volume, the same window that the networks see, so that
slices of a series keep their brightness to each other. Three channels that were analysed are the
sequences pre-contrast, FLAIR and post-contrast: FLAIR is shown, in grey, because the outline means
its abnormality. Three channels that were refused (a photograph, say) are shown in their own colours,
so that the person sees what was refused.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from ml.findings import Findings, Verdict
from ml.imaging.outlines import outline, strokes
from ml.imaging.volume import Volume
from ml.preprocess import scale

FLAIR = 1
"""Its place among three channels."""

STRIP_SIDE, THUMBNAIL_SIDE = 96, 160
"""Longest side, in pixels, of a slice in the strip and of the scan in the list."""

MARK, HALO = (255, 138, 61), (20, 8, 0)
"""The machine's orange, and the dark edge that shows it on white; as in tokens.css."""

MARK_WIDTH, HALO_WIDTH = 4, 8
"""Of the outline on a thumbnail, in its pixels: lists show it at a third of its size."""

DASH = (10, 7)
"""Length of a dash and of the gap after it, on a thumbnail, in its pixels."""

FINER = 4
"""The outline is drawn so many times larger and reduced, which smooths it."""

COMPRESSION = 1
"""zlib level; with runs alone (Z_RLE) slices come out smaller than at level 3 with all of zlib's search, and sooner."""


def of_slices(shown: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """`INDEX-image.png` and `INDEX-thumbnail.png` of each slice that `display` gave."""
    for index, picture in enumerate(shown):
        image = Image.fromarray(picture)
        yield f"{index}-image.png", _png(image)
        yield f"{index}-thumbnail.png", _png(_reduced(image, STRIP_SIDE))


def of_findings(shown: np.ndarray, findings: Findings) -> Iterator[tuple[str, bytes]]:
    """`INDEX-mask.png` of each slice, and `thumbnail.png` and `thumbnail-outlined.png` of the most telling one."""
    empty = _png(Image.fromarray(np.zeros(shown.shape[1:3], np.uint8)))  # most slices of a series share it
    for finding in findings.slices:
        outlined = _png(Image.fromarray(np.asarray(finding.mask.pixels))) if finding.area_px else empty
        yield f"{finding.index}-mask.png", outlined
    best = most_telling(findings)
    small = _reduced(Image.fromarray(shown[best]), THUMBNAIL_SIDE)
    yield "thumbnail.png", _png(small)
    mask, in_doubt = np.asarray(findings.slices[best].mask.pixels), findings.verdict is Verdict.UNCERTAIN
    yield "thumbnail-outlined.png", _png(_outlined(small, mask, broken=in_doubt))


def display(volume: Volume, *, refused: bool) -> np.ndarray:
    """Pixels as they are shown: uint8 (slices, rows, columns), or (slices, rows, columns, 3) in colour."""
    everywhere = (slice(None), slice(None))
    if volume.channels == 1:
        return scale(volume.voxels, everywhere)[..., 0]
    if refused:
        return volume.voxels if volume.voxels.dtype == np.uint8 else scale(volume.voxels, everywhere)
    flair = volume.voxels[..., FLAIR : FLAIR + 1]
    # A file whose middle channel is empty is shown by whatever it has.
    if flair.min() == flair.max():
        return scale(volume.voxels.max(axis=3, keepdims=True), everywhere)[..., 0]
    return scale(flair, everywhere)[..., 0]


def most_telling(findings: Findings) -> int:
    """Index of the slice to show for the whole scan: largest outline, else highest probability, else the middle."""
    slices = findings.slices
    if any(found.area_px for found in slices):
        return max(slices, key=lambda found: found.area_px).index
    if findings.tumour_probability is not None:
        likeliest = max(slices, key=lambda found: found.tumour_probability or 0.0)
        if likeliest.tumour_probability:
            return likeliest.index
    return len(slices) // 2


def _reduced(image: Image.Image, side: int) -> Image.Image:
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.BOX if max(image.size) > 4 * side else Image.Resampling.BILINEAR)
    return small


def _outlined(small: Image.Image, mask: np.ndarray, *, broken: bool) -> Image.Image:
    """A reduced slice with the outline of its mask (rows, columns), which has the slice's full size.

    `broken`: as the viewer shows what is in doubt.
    """
    polygons = outline(mask)
    if not polygons:
        return small
    scale_x, scale_y = (FINER * size / full for size, full in zip(small.size, mask.shape[::-1], strict=True))
    drawn = small.convert("RGB").resize((small.width * FINER, small.height * FINER), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(drawn)
    scaled = [[[x * scale_x, y * scale_y] for x, y in polygon] for polygon in polygons]
    dash = (FINER * DASH[0], FINER * DASH[1]) if broken else None
    for colour, width, drawn_lines in ((HALO, HALO_WIDTH, strokes(scaled)), (MARK, MARK_WIDTH, strokes(scaled, dash))):
        for line in drawn_lines:
            draw.line(line, fill=colour, width=width * FINER // 2, joint="curve")
    return drawn.resize(small.size, Image.Resampling.BOX)


def _png(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "PNG", compress_level=COMPRESSION, compress_type=zlib.Z_RLE)
    return target.getvalue()
