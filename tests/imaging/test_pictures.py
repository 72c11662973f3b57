"""Pictures are read upright, with every bit that the library keeps, and can be turned back."""

import numpy as np
import pytest
from PIL import Image

from ml.imaging import readers, sandbox
from ml.imaging.errors import UploadRefused
from tests import phantoms


@pytest.fixture
def head():
    return phantoms.slice_picture(size=128)[0][:, :96]


@pytest.mark.parametrize("ending", ["png", "tif", "webp", "bmp", "jpg"])
def test_every_format_gives_the_same_grey_slice(ending, head, tmp_path):
    kinds: dict[str, dict[str, object]] = {"webp": {"lossless": True}, "jpg": {"quality": 100}}
    path = phantoms.write_picture(tmp_path / f"head.{ending}", head, **kinds.get(ending, {}))
    volume = readers.read([path])
    assert volume.kind == "image"
    assert volume.voxels.shape == (1, 128, 96, 1)  # three equal channels of a WebP become one
    assert np.abs(volume.voxels[0, :, :, 0].astype(int) - head).max() <= (3 if ending == "jpg" else 0)
    assert volume.spacing is None
    assert volume.orientation is None


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bit_grey_keeps_its_bits(ending, head, tmp_path):
    deep = head.astype(np.uint16) * 257 - (head > 0)
    volume = readers.read([phantoms.write_picture(tmp_path / f"head.{ending}", deep)])
    assert volume.voxels.dtype == np.uint16
    assert np.array_equal(volume.voxels[0, :, :, 0], deep)


@pytest.mark.parametrize("code", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "webp"])
def test_a_turned_picture_is_read_upright_and_its_mask_turned_back(ending, code, head, tmp_path):
    path = tmp_path / f"head.{ending}"
    if ending == "tif":
        Image.fromarray(head).save(path, tiffinfo={0x0112: code})
    else:
        exif = Image.Exif()
        exif[0x0112] = code
        Image.fromarray(head).save(path, exif=exif, quality=97)
    volume = readers.read([path])
    assert (volume.rows, volume.columns) == ((128, 96) if code < 5 else (96, 128))
    stored = volume.to_stored(volume.voxels[0, :, :, 0])
    assert stored.shape == head.shape
    assert np.abs(stored.astype(int) - head).mean() < 3
    facts = sandbox.inspect([path])[0]
    assert (facts.rows, facts.columns) == (volume.rows, volume.columns)


def test_transparency_becomes_black(head, tmp_path):
    clear = np.dstack([head, head, head, np.where(np.arange(96) < 48, 0, 255)[None].repeat(128, 0)]).astype(np.uint8)
    voxels = readers.read([phantoms.write_picture(tmp_path / "head.png", clear)]).voxels
    assert not voxels[:, :, :48].any()
    assert voxels[:, :, 48:].any()


def test_a_multi_page_tiff_is_a_series(tmp_path):
    voxels, _ = phantoms.volume()
    pages = [Image.fromarray(pixels) for pixels in voxels]
    pages[0].save(tmp_path / "head.tif", save_all=True, append_images=pages[1:])
    volume = readers.read([tmp_path / "head.tif"])
    assert volume.kind == "series"
    assert np.array_equal(volume.voxels[..., 0], voxels)
    assert volume.sources[3] == "head.tif[3]"


def test_three_sequences_in_one_tiff_stay_three_channels(head, tmp_path):
    three = np.dstack([head, 255 - head, head // 2])
    voxels = readers.read([phantoms.write_picture(tmp_path / "case_7.tif", three)]).voxels
    assert np.array_equal(voxels[0], three)


def test_a_folder_is_one_series_in_the_order_of_the_last_number(tmp_path):
    voxels, _ = phantoms.volume()
    phantoms.write_pictures(tmp_path / "P1_2001", voxels, "P1_2001_{}.tif")
    phantoms.write_picture(tmp_path / "P1_2001" / "P1_2001_1_mask.tif", voxels[0])
    (tmp_path / "P1_2001" / "notes.txt").write_text("nothing to see")
    volume = readers.read([tmp_path / "P1_2001"])
    assert volume.sources == tuple(f"P1_2001_{number}.tif" for number in range(1, 13))
    assert np.array_equal(volume.voxels[..., 0], voxels)
    assert volume.notes == ("1 file was left out: not an image of this series.",)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([1, 2, 3, 4], []),
        ([1, 2, 5, 6], ["The files' numbers leave out 3, 4: slices may be missing."]),
        ([2, 1, 1, 7], []),  # the same number twice: they count something else
        ([1, 100, 300], []),
    ],
)
def test_numbers_left_out_are_told(numbers, said, head, tmp_path):
    paths = [
        phantoms.write_picture(tmp_path / f"{place}_head_{number}.png", head) for place, number in enumerate(numbers)
    ]
    assert list(readers.read(paths, as_series=True).notes) == said


def test_pictures_of_two_sizes_are_no_series(head, tmp_path):
    paths = [phantoms.write_picture(tmp_path / "1.png", head), phantoms.write_picture(tmp_path / "2.png", head[:90])]
    with pytest.raises(UploadRefused, match="differ in size") as refused:
        readers.read(paths, as_series=True)
    assert refused.value.index == 1
