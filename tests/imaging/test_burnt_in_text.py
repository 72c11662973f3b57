"""Text that was written into the pixels is warned of: in every series, in most lone pictures, and in no clean head."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ml.imaging import readers
from ml.imaging.burnt_in import BURNT_IN, may_show_text
from ml.imaging.volume import Volume
from tests import phantoms, phantoms_dicom

TEXTS = {"top": ((4, 4), "ZABRINSKA W"), "bottom": ((120, 230), "Dr Quackenbush"), "over": ((70, 120), "ZABRINSKA W")}


def written(picture: np.ndarray, where: str, *, size: int = 12, lossy: bool = False) -> np.ndarray:
    """A picture with somebody's name on it."""
    place, text = TEXTS[where]
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text(place, text, fill=255, font=ImageFont.load_default(size))
    if lossy:
        target = io.BytesIO()
        image.save(target, "JPEG", quality=90)
        image = Image.open(target)
    return np.asarray(image)


def volume(pictures: list[np.ndarray]) -> Volume:
    return Volume(np.stack(pictures)[..., None], "series" if len(pictures) > 1 else "image", ("a",) * len(pictures))


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    return phantoms.volume(slices=8, size=256)[0]


@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize("size", [10, 14, 24])
@pytest.mark.parametrize("where", ["top", "bottom", "over"])
def test_a_name_over_a_series_is_found(head, where, size, lossy):
    assert may_show_text(volume([written(picture, where, size=size, lossy=lossy) for picture in head]))


@pytest.mark.parametrize("where", ["top", "bottom"])
def test_a_name_at_the_edge_of_a_picture_is_found(head, where):
    assert may_show_text(volume([written(head[4], where)]))


@pytest.mark.parametrize("contrast", ["flair", "t1", "t1c", "t2"])
@pytest.mark.parametrize("tumour", [True, False])
def test_a_clean_head_is_not_warned_of(contrast, tumour):
    clean = phantoms.volume(slices=8, size=256, contrast=contrast, tumour=tumour)[0]
    assert not may_show_text(volume(list(clean)))
    assert not any(may_show_text(volume([picture])) for picture in clean)


@pytest.mark.parametrize(
    "odd",
    [
        np.zeros((256, 256), np.uint8),
        np.full((256, 256), 200, np.uint8),
        np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8),
        np.tile(np.array([[0, 255]], np.uint8), (256, 128)),
        np.zeros((32, 32), np.uint8),
    ],
    ids=["black", "grey", "noise", "stripes", "tiny"],
)
def test_what_is_no_text_is_not_warned_of(odd):
    assert not may_show_text(volume([odd]))
    assert not may_show_text(volume([odd] * 4))


def test_the_reader_tells_it_once(head, tmp_path: Path):
    pixels = np.stack([written(picture, "top") for picture in head])
    phantoms_dicom.write_series(tmp_path / "plain", phantoms_dicom.series(pixels))
    phantoms_dicom.write_series(tmp_path / "tagged", phantoms_dicom.series(pixels, BurnedInAnnotation="YES"))
    for folder in ("plain", "tagged"):
        assert readers.read([tmp_path / folder]).notes.count(BURNT_IN) == 1
