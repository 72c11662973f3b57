"""Where the viewer's voxels lie: a corner marked in the patient is found at the same place, however the file stores it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detection.analysis import voxels
from ml.imaging import readers
from ml.imaging.volume import Orientation, Spacing, Volume
from tests import phantoms, phantoms_dicom
from tests.viewer.rendering import rendered

SLICES, ROWS, COLUMNS = 33, 44, 38
LEFT, BACK, UP = COLUMNS - 2, ROWS - 3, SLICES - 1
"""Where the mark is: x to the patient's left, y to the back, z to the head."""

NAMES = tuple(f"{number}.png" for number in range(SLICES))


def marked() -> np.ndarray:
    """A head's corner in the patient: (z up, y back, x left), bright at one place only, dim elsewhere."""
    head = np.full((SLICES, ROWS, COLUMNS), 40, np.int16)
    head[UP, BACK, LEFT] = 900
    return head


def place_of_mark(values: np.ndarray) -> tuple[int, int, int]:
    z, y, x, _ = np.unravel_index(values.argmax(), values.shape)
    return int(x), int(y), int(z)


@pytest.mark.parametrize("axes", ["RAS", "LAS", "LPS", "RPI", "ASL", "SRA", "PIR"])
def test_nifti_however_its_axes_are_stored(tmp_path: Path, axes: str) -> None:
    path = phantoms.write_nifti(tmp_path / "head.nii", marked(), axes=axes)
    described, values, _ = rendered(readers.read([path], names=["head.nii"], as_series=True))
    assert place_of_mark(values) == (LEFT, BACK, UP)
    assert described["dims"] == [COLUMNS, ROWS, SLICES]
    assert described["labels"] == ["L", "P", "S"]
    assert described["spacing"] == pytest.approx([0.8, 0.9, 5.0])
    assert described["planes"] == ["axial", "coronal", "sagittal"]


# ImageOrientationPatient, and the patient's axes (0 left, 1 back, 2 head; sign) along columns, rows, slices.
DICOM = {
    "axial": ((1, 0, 0, 0, 1, 0), ((0, 1), (1, 1), (2, 1)), "axial"),
    "axial, rows from right to left": ((-1, 0, 0, 0, 1, 0), ((0, -1), (1, 1), (2, -1)), "axial"),
    "coronal": ((1, 0, 0, 0, 0, -1), ((0, 1), (2, -1), (1, 1)), "coronal"),
    "sagittal": ((0, 1, 0, 0, 0, -1), ((1, 1), (2, -1), (0, -1)), "sagittal"),
    "oblique, 20 degrees off axial": (
        (0.9396926, 0.3420201, 0, -0.3420201, 0.9396926, 0),
        ((0, 1), (1, 1), (2, 1)),
        "axial",
    ),
}


@pytest.mark.parametrize("name", DICOM)
def test_dicom_in_every_plane_and_oblique(tmp_path: Path, name: str) -> None:
    directions, towards, plane = DICOM[name]
    stored = marked().transpose([2 - axis for axis, _ in reversed(towards)])
    stored = np.flip(stored, tuple(place for place, (_, sign) in enumerate(reversed(towards)) if sign < 0))
    datasets = phantoms_dicom.series(np.ascontiguousarray(stored), directions=directions)
    paths = phantoms_dicom.write_series(tmp_path, datasets)
    described, values, _ = rendered(readers.read(paths, names=[path.name for path in paths], as_series=True))
    assert place_of_mark(values) == (LEFT, BACK, UP)
    assert (described["acquired"], described["planes"][0]) == (plane, plane)
    along = {axis: distance for (axis, _), distance in zip(towards, (0.8, 0.9, 5.0), strict=True)}
    assert described["spacing"] == pytest.approx([along[0], along[1], along[2]])


def test_the_first_slice_of_a_series_that_runs_downwards_is_the_last_here() -> None:
    volume = Volume(marked()[::-1, ..., None], "series", NAMES, orientation=Orientation("I", "P", "L"))
    described, values, _ = rendered(volume)
    assert described["reversed"] is True
    assert place_of_mark(values) == (LEFT, BACK, UP)


def test_the_mask_lies_on_the_voxels() -> None:
    head = marked()[::-1]
    volume = Volume(head[..., None], "series", NAMES, orientation=Orientation("I", "P", "L"))
    described, values, mask = rendered(volume, head > 500)
    assert described["mask"] is True
    assert np.array_equal(mask.astype(bool), values[..., 0] > 500)


class TestWhatIsNotKnown:
    def test_no_orientation_no_letters_one_plane_and_the_reason(self) -> None:
        described, values, _ = rendered(Volume(marked()[..., None], "series", NAMES))
        assert (described["labels"], described["spacing"]) == (None, None)
        assert (described["planes"], described["planes_note"]) == (["acquired"], voxels.NO_ORIENTATION)
        assert np.array_equal(values[..., 0], marked())

    def test_without_a_distance_between_slices_one_plane_and_the_reason(self) -> None:
        volume = Volume(
            marked()[..., None],
            "series",
            NAMES,
            spacing=Spacing(None, 0.9, 0.8),
            orientation=Orientation("S", "P", "L"),
        )
        described, _, _ = rendered(volume)
        assert described["spacing"] == [0.8, 0.9, None]
        assert (described["planes"], described["planes_note"]) == (["axial"], voxels.NO_DISTANCE)

    def test_a_picture_is_a_volume_of_one_slice(self) -> None:
        described, values, _ = rendered(
            Volume(phantoms.slice_picture(size=64)[0][None, ..., None], "image", ("a.png",))
        )
        assert described["dims"] == [64, 64, 1]
        assert described["planes"] == ["acquired"]
        assert values.shape == (1, 64, 64, 1)


class TestValues:
    def of(self, values: np.ndarray) -> tuple[dict, np.ndarray]:
        described, sent, _ = rendered(Volume(values[..., None], "series", ("a", "b")))
        return described, sent[..., 0]

    def test_twelve_bits_arrive_unchanged(self) -> None:
        values = np.random.default_rng(1).integers(0, 4096, (2, 20, 20)).astype(np.uint16)
        assert np.array_equal(self.of(values)[1], values)

    def test_negative_values_arrive_unchanged(self) -> None:
        values = np.random.default_rng(1).integers(-1024, 3000, (2, 20, 20)).astype(np.int16)
        assert np.array_equal(self.of(values)[1], values)

    @pytest.mark.parametrize(
        "values",
        [
            np.random.default_rng(1).normal(0.4, 0.1, (2, 20, 20)).astype(np.float32),
            np.random.default_rng(1).integers(0, 65536, (2, 20, 20)).astype(np.uint16),
            np.random.default_rng(1).integers(-(2**30), 2**30, (2, 20, 20)).astype(np.int32),
        ],
        ids=["float", "16 bits", "32 bits"],
    )
    def test_wide_values_come_back_within_a_step_of_15_bits(self, values: np.ndarray) -> None:
        _, sent = self.of(values)
        assert np.abs(sent - values.astype(np.float64)).max() <= float(np.ptp(values.astype(np.float64))) / 32767

    def test_a_blank_volume_has_windows_too(self) -> None:
        described, sent = self.of(np.full((2, 8, 8), 7, np.uint8))
        assert (sent == 7).all()
        assert described["windows"]["full"] == [7.0, 7.0]

    def test_the_first_window_is_the_one_of_the_pictures(self) -> None:
        from detection.analysis.pictures import display

        head = phantoms.volume(slices=2, size=96)[0].astype(np.uint16) * 13
        volume = Volume(head[..., None], "series", ("a", "b"))
        described, sent, _ = rendered(volume)
        low, high = described["windows"]["auto"]
        windowed = np.clip((sent[..., 0] - low) / (high - low) * 255, 0, 255)
        assert np.abs(windowed - display(volume, refused=False)).max() <= 1
        assert {"full", "brain", "contrast"} <= set(described["windows"])
