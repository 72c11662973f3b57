"""What the networks see, and the way back to the file's own pixels."""

import numpy as np
import pytest

from ml import preprocess
from tests import phantoms


def head(size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    pixels, mask = phantoms.slice_picture(size=size)
    return pixels[None, ..., None], mask


class TestTheWayThere:
    @pytest.mark.parametrize("shape", [(1, 64, 64, 1), (3, 200, 320, 1), (2, 512, 300, 3)])
    def test_any_size_and_depth_becomes_the_networks_square(self, shape: tuple[int, ...]) -> None:
        voxels = np.random.default_rng(0).integers(0, 4000, shape).astype(np.uint16)
        prepared = preprocess.prepare(voxels)
        assert prepared.images.shape == (shape[0], 256, 256, 3)
        assert prepared.images.dtype == np.uint8

    def test_sixteen_bits_and_eight_bits_of_one_head_look_the_same(self) -> None:
        voxels, _ = head()
        deep = voxels.astype(np.int16) * 37 - 1000
        a, b = preprocess.prepare(voxels).images, preprocess.prepare(deep).images
        assert np.abs(a.astype(int) - b).mean() < 1.0

    @pytest.mark.parametrize("shade", [0, 128, 255])
    def test_padding_does_not_change_what_is_seen(self, shade: int) -> None:
        voxels, _ = head()
        padded = np.pad(voxels, ((0, 0), (40, 90), (70, 0), (0, 0)), constant_values=shade)
        a, b = preprocess.prepare(voxels).images, preprocess.prepare(padded).images
        # The padding itself may show at the square's edge; the head is in the same place.
        middle = slice(40, 216)
        assert np.abs(a[:, middle, middle].astype(int) - b[:, middle, middle]).mean() < 4.0

    def test_a_burnt_in_word_does_not_stretch_the_square(self) -> None:
        voxels, _ = head()
        wide = np.pad(voxels, ((0, 0), (100, 100), (100, 100), (0, 0)))
        marked = wide.copy()
        marked[:, 4:14, 4:40] = 255
        assert abs(preprocess.prepare(marked).frame.side - preprocess.prepare(wide).frame.side) <= 6

    def test_a_blank_picture_stays_blank(self) -> None:
        assert not preprocess.prepare(np.full((1, 90, 90, 1), 17, np.uint8)).images.any()

    def test_another_shape_is_refused(self) -> None:
        with pytest.raises(ValueError, match="1 or 3"):
            preprocess.prepare(np.zeros((4, 64, 64, 2), np.uint8))


class TestTheWayBack:
    @pytest.mark.parametrize(("rows", "columns"), [(256, 256), (288, 200), (700, 512)])
    def test_an_outline_returns_to_where_it_was(self, rows: int, columns: int) -> None:
        from ml.training.cache import cut_mask

        voxels, mask = head(200)
        frame_rows, frame_columns = (rows - 200) // 2, (columns - 200) // 2
        space = ((0, 0), (frame_rows, rows - 200 - frame_rows), (frame_columns, columns - 200 - frame_columns), (0, 0))
        placed = np.pad(voxels, space)
        truth = np.pad(mask, space[1:3])
        frame = preprocess.prepare(placed).frame
        back = frame.restore(cut_mask(truth, frame).astype(np.float32) / 255) >= 0.5
        assert back.shape == (rows, columns)
        overlap = 2 * (back & truth).sum() / (back.sum() + truth.sum())
        assert overlap > 0.97
