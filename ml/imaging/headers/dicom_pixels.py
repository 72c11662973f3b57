"""DICOM pixel data held against what the header promises, before anything is decoded.

A native image has a length that follows from the header; a compressed one has fragments, at least one for each frame
(PS3.5 A.4).
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.dicom_values import value

if TYPE_CHECKING:
    from pydicom import Dataset

    from ml.imaging.headers.dicom import Instance

DEFLATED = "1.2.840.10008.1.2.1.99"
UNDECODED = "The image is damaged, or compressed in a way that is not read here. Export it without compression, or with JPEG 2000."
CUT = "The file is cut short: pixels are missing. Export it again and upload the new copy."


def check_decodes(dataset: Dataset, instance: Instance) -> None:
    """See that there are pixels; decode the first frame where that can fail, which is where it is compressed.

    Raises:
        UploadRefused: 400.
    """
    from pydicom.pixels.utils import pixel_array

    check_pixels(dataset, instance)
    if not is_encapsulated(dataset):
        return
    try:
        pixel_array(dataset, index=0)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - codecs raise what they like, and the same for what they cannot do
        raise UploadRefused(UNDECODED) from None


def is_encapsulated(dataset: Dataset) -> bool:
    """Whether the pixels are compressed, frame by frame."""
    try:
        syntax = dataset.file_meta.TransferSyntaxUID
        return bool(syntax.is_compressed and syntax != DEFLATED)
    except (AttributeError, ValueError):
        return False


def check_pixels(dataset: Dataset, instance: Instance) -> None:
    """Hold the length of the pixel data, or the number of compressed frames, against what the header promises.

    Raises:
        UploadRefused: 400 if there are none, or fewer than promised.
    """
    keys = [key for key in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if key in dataset]
    if not keys:
        raise UploadRefused("The file holds no pixels, only a description. Export the images with it.")
    data = dataset[keys[0]].value
    if is_encapsulated(dataset):
        _check_fragments(data, len(instance.frames))
        return
    bits = int(value(dataset, "BitsAllocated", 16))
    if keys[0] != "PixelData":
        bits = 32 if keys[0].startswith("Float") else 64
    # 4:2:2 colour stores two channels' worth for three.
    stored = 2 if instance.photometric == "YBR_FULL_422" else instance.channels
    wanted = instance.rows * instance.columns * stored * len(instance.frames) * bits // 8
    if data is None or len(data) < wanted:
        raise UploadRefused(CUT)


def _check_fragments(data: bytes | None, frames: int) -> None:
    """Every compressed frame has at least one fragment of its own."""
    from pydicom.encaps import parse_basic_offsets, parse_fragments

    try:
        stream = BytesIO(data or b"")
        parse_basic_offsets(stream)
        found, _ = parse_fragments(stream)
    except Exception:  # noqa: BLE001 - broken item tags, lengths over the end
        raise damaged() from None
    if found < frames:
        raise UploadRefused(CUT)
