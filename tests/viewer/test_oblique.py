"""Oblique acquisitions: shown along their own axes, with every side that an edge points to, and told in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from detection.analysis.voxels import SHEARED, sides
from ml.imaging import readers
from ml.imaging.volume import Orientation, Spacing, Volume
from tests import phantoms, phantoms_dicom
from tests.viewer import corners
from tests.viewer.rendering import rendered

NOTE = "Oblique: the slices lie 20° off axial. All planes follow the slices as acquired; nothing is resampled."


def described(volume: Volume) -> dict:
    return rendered(volume)[0]


def test_slices_tilted_by_twenty_degrees_carry_both_sides_and_the_sentence() -> None:
    told = described(corners.read("tilted"))
    assert told["labels"] == ["L", "PI", "SP"]
    assert told["directions"][2] == pytest.approx([0.0, 0.342, 0.940], abs=1e-3)
    assert told["oblique_note"] == NOTE
    assert told["planes"] == ["axial", "coronal", "sagittal"]


def test_the_tilt_goes_with_the_scan_to_its_page_and_report(tmp_path: Path) -> None:
    def notes(tilt: float) -> str:
        path = phantoms.write_nifti(tmp_path / "head.nii", corners.marked(), spacing=(2.0, 0.9, 1.1), tilt=tilt)
        return " ".join(readers.read([path]).notes)

    assert "The slices lie 40° off axial. Diameters were measured on them as acquired" in notes(40.0)
    assert "off axial" not in notes(5.0)


def test_a_head_turned_within_its_slices_has_both_sides_and_no_tilt() -> None:
    told = described(corners.read("turned"))
    assert told["labels"] == ["LP", "PR", "S"]
    assert told["oblique_note"] == ""


@pytest.mark.parametrize("stored", ["RAS", "LAS", "LPS", "coronal"])
def test_a_straight_head_has_one_letter_an_edge(stored: str) -> None:
    told = described(corners.read(stored))
    assert (told["labels"], told["oblique_note"]) == (["L", "P", "S"], "")
    assert told["directions"] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("axes", ["RAS", "LAS", "LPI", "ASL"])
def test_an_oblique_nifti_however_its_axes_are_stored(tmp_path: Path, axes: str) -> None:
    path = phantoms.write_nifti(tmp_path / "head.nii", corners.marked(), axes=axes, spacing=(2.0, 0.9, 1.1), tilt=20.0)
    told = described(readers.read([path], names=["head.nii"], as_series=True))
    assert told["labels"] == ["L", "PI", "SP"]
    assert told["oblique_note"] == NOTE


def test_a_tilt_of_a_few_degrees_is_how_a_head_lies(tmp_path: Path) -> None:
    path = phantoms.write_nifti(tmp_path / "head.nii", corners.marked(), spacing=(2.0, 0.9, 1.1), tilt=4.0)
    told = described(readers.read([path], names=["head.nii"], as_series=True))
    assert (told["labels"], told["oblique_note"]) == (["L", "P", "S"], "")


@pytest.mark.parametrize(("shift", "planes"), [(0.02, 3), (0.73, 1)])
def test_slices_shifted_against_each_other_are_shown_in_their_own_plane_only(
    tmp_path: Path, shift: float, planes: int
) -> None:
    datasets = phantoms_dicom.series(corners.marked())
    for number, dataset in enumerate(datasets):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y + number * shift, z]
    phantoms_dicom.write_series(tmp_path, datasets)
    told = described(readers.read([tmp_path]))
    assert len(told["planes"]) == planes
    assert told["planes"][0] == "axial"
    assert (told["planes_note"] == SHEARED) == (planes == 1)


def test_where_only_the_sides_are_known_nothing_more_is_told() -> None:
    volume = Volume(
        corners.marked()[..., None],
        "series",
        tuple(f"{number}" for number in range(corners.SLICES)),
        spacing=Spacing(2.0, 0.9, 1.1),
        orientation=Orientation("S", "P", "L"),
    )
    told = described(volume)
    assert (told["labels"], told["directions"], told["oblique_note"]) == (["L", "P", "S"], None, "")


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((0, -1, 0), "A"),
        ((0.02, 0.0, -0.9998), "I"),
        ((-0.8, 0.6, 0), "RP"),
        ((-0.6, 0.5, 0.6245), "SRP"),
    ],
)
def test_letters_come_in_the_order_of_how_near_their_side_is(direction: tuple[float, ...], letters: str) -> None:
    assert sides(direction) == letters
