"""PNG, JPEG, TIFF, WebP and BMP to pixels: 8 and 16 bit, grey, colour, palette, CMYK, transparency.

Grey keeps its 16 bits. 16-bit colour is read as 8-bit colour, because Pillow cuts it; the
Volume's notes say so. Pictures carry no trustworthy millimetres: resolution tags are about
printing, so the spacing is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ml.imaging.errors import UploadRefused
from ml.imaging.gather import missing_numbers
from ml.imaging.headers.facts import check_volume
from ml.imaging.headers.picture import Page, accepts, opened, pages
from ml.imaging.limits import Limits
from ml.imaging.volume import Volume, common_dtype, one_channel_if_equal

__all__ = ["accepts", "read"]

CUT = "16-bit colour was read as 8-bit colour."
NUMBERS_MISSING = "The files' numbers leave out {}: slices may be missing."
_MOST_NAMED = 10


def read(paths: Sequence[Path], names: Sequence[str], *, as_series: bool, limits: Limits) -> Volume:
    """Read one picture, a multi-page one, or several as the slices of one series.

    Args:
        paths: in slice order.
        names: what each file is called, for `Volume.sources`.
        as_series: whether a lone single-page picture counts as a series too.
        limits: checked before each page is decoded.

    Raises:
        UploadRefused: if a file is damaged, over a limit, or of another size than the rest.
    """
    slices: list[np.ndarray] = []
    sources: list[str] = []
    codes: set[int] = set()
    cut = False
    for index, (path, name) in enumerate(zip(paths, names, strict=True)):
        try:
            found = _pages(path, limits)
        except UploadRefused as refusal:
            raise UploadRefused(refusal.sentence, refusal.status, index=index) from None
        for number, (pixels, page) in enumerate(found):
            if slices and (pixels.shape[:2] != slices[0].shape[:2] or page.code not in codes):
                raise UploadRefused(
                    "The pictures differ in size, so they are not slices of one series."
                    " Upload them as single pictures.",
                    index=index,
                )
            slices.append(pixels)
            codes.add(page.code)
            cut = cut or page.was_cut
            sources.append(name if len(found) == 1 else f"{name}[{number}]")
            rows, columns, channels = pixels.shape
            check_volume(len(slices), rows, columns, channels, limits)
    return Volume(
        voxels=one_channel_if_equal(_stack(slices)),
        kind="series" if as_series or len(slices) > 1 else "image",
        sources=tuple(sources),
        stored_orientation=codes.pop(),
        notes=(*((CUT,) if cut else ()), *_missing(names)),
    )


def _missing(names: Sequence[str]) -> list[str]:
    """What the numbers in the file names say about slices that are not there."""
    missing = missing_numbers(names)
    if not missing:
        return []
    told = ", ".join(map(str, missing[:_MOST_NAMED])) + (" and others" if len(missing) > _MOST_NAMED else "")
    return [NUMBERS_MISSING.format(told)]


def _pages(path: Path, limits: Limits) -> list[tuple[np.ndarray, Page]]:
    with opened(path, limits) as image:
        # Pillow reuses one image object for all pages, so pixels are taken out page by page.
        return [(_pixels(page.upright), page) for page in pages(image, limits)]


def _stack(slices: Sequence[np.ndarray]) -> np.ndarray:
    """(slices, rows, columns, channels) of one dtype; grey slices among colour ones get three equal channels."""
    channels = max(picture.shape[2] for picture in slices)
    dtype = common_dtype(slices)
    stacked = np.empty((len(slices), *slices[0].shape[:2], channels), dtype)
    for index, picture in enumerate(slices):
        stacked[index] = picture
    return stacked


def _pixels(image: Image.Image) -> np.ndarray:
    """One page as (rows, columns, 1 or 3): uint8, uint16, int32 or float32.

    What is transparent becomes black, the background of a scan.
    """
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or (image.mode == "P" and "transparency" in image.info):
        coloured = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, coloured).convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("P", "CMYK", "YCbCr", "RGBX"):
        image = image.convert("RGB")
    if image.mode not in ("L", "RGB", "I", "F") and not image.mode.startswith("I;16"):
        raise UploadRefused("The picture's colours are of a kind that is not read. Save it as grey or RGB.", 415)
    pixels = np.asarray(image)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if pixels.dtype == np.int32 and pixels.min() >= 0 and pixels.max() <= np.iinfo(np.uint16).max:
        pixels = pixels.astype(np.uint16)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise UploadRefused("The picture contains values that are not numbers. Export it again.")
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
