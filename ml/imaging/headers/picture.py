"""PNG, JPEG, TIFF, WebP and BMP: header, limits and pages, with Pillow alone.

No numpy here: the door's subprocess imports this module and must start in milliseconds.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import (
    BmpImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.facts import FileFacts, check_size, check_volume
from ml.imaging.limits import Limits

# Our own limits are stricter than the size at which Pillow warns.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# Importing a plugin registers its format; no other of Pillow's decoders can be reached.
PLUGINS = (BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
EXIF_ORIENTATION = 0x0112
TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TIFF_SUBFILE, TIFF_REDUCED = 0x00FE, 1
CHANNELS = {"CMYK": 3, "RGB": 3, "RGBA": 3, "RGBX": 3, "RGBa": 3, "YCbCr": 3, "P": 3, "PA": 3}
GREY_BITS = {"1": 1, "L": 8, "LA": 8, "La": 8, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32, "F": 32}


@dataclass(frozen=True)
class Page:
    """One decoded page.

    Attributes:
        upright: with its pixels in memory, turned as its EXIF orientation says.
        code: that EXIF orientation, 1..8.
        wide: whether the file stores 16 bits a channel. Pillow keeps them for grey and cuts
            colour to its upper 8.
    """

    upright: Image.Image
    code: int
    wide: bool

    @property
    def channels(self) -> int:
        """1 or 3, transparency not counted."""
        return CHANNELS.get(self.upright.mode, 1)

    @property
    def bits(self) -> int:
        """Stored bits of one channel."""
        return GREY_BITS.get(self.upright.mode, 16 if self.wide else 8)

    @property
    def was_cut(self) -> bool:
        """Whether 16-bit colour became 8-bit colour."""
        return self.wide and self.channels == 3


def accepts(head: bytes) -> bool:
    """Whether a file that begins so is a picture of a kind that is read."""
    return head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")) or (
        head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    )


def facts(path: Path, limits: Limits) -> FileFacts:
    """Check a picture's header, then decode every page once to see that it is whole.

    Raises:
        UploadRefused: 400, 413 or 415.
    """
    with opened(path, limits) as image:
        name = _format(image)
        found = None
        for count, page in enumerate(pages(image, limits), start=1):
            columns, rows = page.upright.size
            found = name, rows, columns, count, page.bits, page.channels
        if found is None:
            raise damaged("picture")
    return FileFacts(*found)


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[ImageFile.ImageFile]:
    """Open a picture and hold its size against the limits; no pixel is decoded yet.

    Whatever Pillow trips over while the picture is open becomes an UploadRefused.
    """
    try:
        # An open file, not a path: Pillow maps a path into memory and then confuses rows and columns
        # of uncompressed TIFFs that lie on their side.
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            check_size(image.height, image.width, limits)
            if image.format in ("PNG", "WEBP") and getattr(image, "is_animated", False):
                raise UploadRefused(
                    "Animated pictures are not read. Save the slice that you want as a still picture.", 415
                )
            yield image
    except UploadRefused:
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise UploadRefused("The picture is too large to be opened. Export it smaller.", 413) from None
    except UnidentifiedImageError:
        raise UploadRefused(
            "The picture is damaged, or of a kind that is not read. Save it as 8-bit or 16-bit PNG.", 400
        ) from None
    except Exception:  # noqa: BLE001 - a hostile file can make a decoder raise nearly anything
        raise damaged("picture") from None


def pages(image: ImageFile.ImageFile, limits: Limits) -> Iterator[Page]:
    """Decode one page after the other and turn it upright.

    Yields:
        Pages of one size and one orientation.

    Raises:
        UploadRefused: if pages differ in size, or there are too many.
    """
    if image.format != "TIFF":
        wide = "16" in _raw_mode(image)
        image.load()
        code = _code(image.getexif().get(EXIF_ORIENTATION, 1))
        upright = image if code == 1 else image.transpose(TRANSPOSE[code])
        yield Page(upright, code, wide)
        return
    size, count, index = None, 0, 0
    while True:
        try:
            image.seek(index)
        except EOFError:
            return
        index += 1
        if index > limits.max_slices:
            check_volume(index, image.height, image.width, 1, limits)
        tags = image.tag_v2  # type: ignore[attr-defined]
        if index > 1 and tags.get(TIFF_SUBFILE, 0) & TIFF_REDUCED:
            continue  # a preview of another page
        code = _code(tags.get(EXIF_ORIENTATION, 1))
        wide = "16" in _raw_mode(image)
        size = size or (image.size, code)
        if (image.size, code) != size:
            raise UploadRefused("The pages of this file differ in size. Upload each of them as a file of its own.")
        count += 1
        check_volume(count, image.height, image.width, CHANNELS.get(image.mode, 1), limits)
        image.load()  # Pillow turns a TIFF upright by itself
        yield Page(image, code, wide)


def _format(image: ImageFile.ImageFile) -> str:
    """The format in lower case; phones' MPO is a JPEG whose first picture counts."""
    name = (image.format or "").lower()
    return "jpeg" if name == "mpo" else name


def _raw_mode(image: ImageFile.ImageFile) -> str:
    """How the file stores a pixel, in Pillow's words: "RGB;16B" for 16-bit colour."""
    args = image.tile[0].args if image.tile else ""
    return str(args[0] if isinstance(args, tuple) and args else args)


def _code(value: object) -> int:
    """An EXIF orientation; anything that is none counts as upright."""
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
