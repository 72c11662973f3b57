"""Folders of training data: whatever lies in one is read or refused with its name and the mend, never passed over."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.training import datasets, splits
from tests.ml.conftest import write_lgg

ONE, TWO = "TCGA_XX_0000_20000101", "TCGA_XX_0001_20000101"


def check(*folders: Path) -> list[datasets.Case]:
    """All that `train` and `evaluate` look at before they begin."""
    cases = [case for folder in folders for case in datasets.find(folder)]
    datasets.refuse_duplicates(cases, {})
    datasets.refuse_unreadable(cases)
    return cases


def refused(*folders: Path) -> str:
    with pytest.raises(datasets.DataFault) as fault:
        check(*folders)
    return str(fault.value)


def sick(brisc_folder: Path) -> Path:
    return next(path for path in sorted((brisc_folder / "images").iterdir()) if "_gl_" in path.name)


class TestWhatIsGood:
    def test_both_layouts_are_read(self, lgg_folder: Path, brisc_folder: Path) -> None:
        cases = check(lgg_folder, brisc_folder)
        assert [len(case.images) for case in cases] == [3, 3, 1, 1, 1, 1]

    def test_what_a_file_manager_leaves_is_passed_over(self, lgg_folder: Path, brisc_folder: Path) -> None:
        for place in (lgg_folder, lgg_folder / ONE, brisc_folder / "images", brisc_folder / "masks"):
            (place / ".DS_Store").write_bytes(b"x")
            (place / f"._{ONE}_1.tif").write_bytes(b"x")
            (place / "Thumbs.db").write_bytes(b"x")
        (lgg_folder / "data.csv").write_text("Patient\n")
        assert len(check(lgg_folder, brisc_folder)) == 6

    def test_blank_slices_are_no_copies_of_each_other(self, lgg_folder: Path) -> None:
        for number in (2, 3):
            Image.new("RGB", (128, 128)).save(lgg_folder / ONE / f"{ONE}_{number}.tif")
        assert len(check(lgg_folder)) == 2

    def test_a_tumour_free_picture_may_have_a_black_mask(self, brisc_folder: Path) -> None:
        picture = next(path for path in (brisc_folder / "images").iterdir() if "_no_" in path.name)
        Image.new("L", (128, 128)).save(brisc_folder / "masks" / picture.name)
        assert len(check(brisc_folder)) == 4


class TestTheSameTwice:
    def test_a_folder_given_twice(self, lgg_folder: Path) -> None:
        said = refused(lgg_folder, lgg_folder)
        assert ONE in said
        assert "once" in said

    def test_a_copy_of_a_folder(self, lgg_folder: Path, tmp_path: Path) -> None:
        shutil.copytree(lgg_folder, tmp_path / "copy")
        said = refused(lgg_folder, tmp_path / "copy")
        assert str(tmp_path / "copy" / ONE) in said
        assert str(lgg_folder / ONE) in said

    def test_another_series_under_a_patients_name(self, lgg_folder: Path, tmp_path: Path) -> None:
        other = write_lgg(tmp_path / "other", patients=1, slices=2)
        for path in other.glob("*/*_1.tif"):
            Image.fromarray(np.flipud(np.asarray(Image.open(path)))).save(path)
        assert f"{ONE} was given before" in refused(lgg_folder, other)

    def test_a_slice_copied_within_a_patient(self, lgg_folder: Path) -> None:
        shutil.copy(lgg_folder / ONE / f"{ONE}_2.tif", lgg_folder / ONE / f"{ONE}_3.tif")
        said = refused(lgg_folder)
        assert f"{ONE}_3.tif" in said
        assert "count twice" in said


class TestNamesInAPatientsFolder:
    def test_a_slice_of_another_patient(self, lgg_folder: Path) -> None:
        for name in (f"{TWO}_3.tif", f"{TWO}_3_mask.tif"):
            shutil.move(lgg_folder / TWO / name, lgg_folder / ONE / name)
        said = refused(lgg_folder)
        assert f"{ONE}/{TWO}_3" in said
        assert "move" in said

    @pytest.mark.parametrize("spelling", [".TIF", ".tiff", ".png", ".jpg", ".dcm"])
    def test_a_slice_in_another_spelling(self, lgg_folder: Path, spelling: str) -> None:
        for name in (f"{ONE}_3", f"{ONE}_3_mask"):
            (lgg_folder / ONE / f"{name}.tif").rename(lgg_folder / ONE / f"{name}{spelling}")
        said = refused(lgg_folder)
        assert f"{ONE}_3{spelling}" in said
        assert f"{ONE}_N.tif" in said

    def test_a_number_that_comes_twice(self, lgg_folder: Path) -> None:
        for kind in ("", "_mask"):
            shutil.copy(lgg_folder / ONE / f"{ONE}_1{kind}.tif", lgg_folder / ONE / f"{ONE}_01{kind}.tif")
        assert "number of" in refused(lgg_folder)

    def test_a_gap_in_the_numbers(self, lgg_folder: Path) -> None:
        for kind in ("", "_mask"):
            (lgg_folder / ONE / f"{ONE}_2{kind}.tif").unlink()
        assert "slice 2 is missing" in refused(lgg_folder)

    def test_a_mask_without_its_picture(self, lgg_folder: Path) -> None:
        (lgg_folder / ONE / f"{ONE}_3.tif").unlink()
        assert f"{ONE}_3_mask.tif" in refused(lgg_folder)

    def test_a_picture_outside_any_patients_folder(self, lgg_folder: Path) -> None:
        Image.new("RGB", (128, 128), (9, 9, 9)).save(lgg_folder / "lost.tif")
        assert "lost.tif" in refused(lgg_folder)


class TestPicturesAgainstTheirNames:
    def test_a_tumour_free_picture_with_a_full_mask(self, brisc_folder: Path) -> None:
        picture = next(path for path in (brisc_folder / "images").iterdir() if "_no_" in path.name)
        Image.new("L", (128, 128), 255).save(brisc_folder / "masks" / picture.name)
        said = refused(brisc_folder)
        assert picture.name in said
        assert "contrary" in said

    def test_a_picture_of_a_tumour_with_a_black_mask(self, brisc_folder: Path) -> None:
        Image.new("L", (128, 128)).save(brisc_folder / "masks" / sick(brisc_folder).name)
        said = refused(brisc_folder)
        assert sick(brisc_folder).name in said
        assert "no tumour" in said

    def test_a_mask_without_its_picture(self, brisc_folder: Path) -> None:
        stray = brisc_folder / "masks" / "brisc2025_train_09999_gl_ax_t1.png"
        Image.new("L", (9, 9)).save(stray)
        assert stray.name in refused(brisc_folder)

    @pytest.mark.parametrize("spelling", [".PNG", ".tif"])
    def test_a_mask_in_another_spelling(self, brisc_folder: Path, spelling: str) -> None:
        mask = brisc_folder / "masks" / sick(brisc_folder).name
        mask.rename(mask.with_suffix(spelling))
        assert mask.stem in refused(brisc_folder)

    @pytest.mark.parametrize("name", ["brisc2025_train_00001_gl_ax_t1.dcm", "head.png", "notes.txt"])
    def test_another_file_among_the_pictures(self, brisc_folder: Path, name: str) -> None:
        (brisc_folder / "images" / name).write_bytes(b"x")
        assert name in refused(brisc_folder)


class TestPixels:
    def test_sixteen_bits_are_not_cut_off_silently(self, lgg_folder: Path) -> None:
        ramp = (np.arange(128 * 128).reshape(128, 128) * 4).astype(np.uint16)
        Image.fromarray(ramp).save(lgg_folder / ONE / f"{ONE}_2.tif")
        said = refused(lgg_folder)
        assert f"{ONE}_2.tif" in said
        assert "8 bits" in said

    def test_several_pictures_in_one_file(self, lgg_folder: Path) -> None:
        pages = [Image.new("RGB", (128, 128), (level, level, level)) for level in (10, 20)]
        pages[0].save(lgg_folder / ONE / f"{ONE}_2.tif", save_all=True, append_images=pages[1:])
        assert "several pictures" in refused(lgg_folder)

    @pytest.mark.parametrize("painted", ["shades", "green"])
    def test_a_mask_that_is_not_black_and_white(self, lgg_folder: Path, painted: str) -> None:
        mask = lgg_folder / ONE / f"{ONE}_2_mask.tif"
        pixels = np.zeros((128, 128, 3), np.uint8)
        if painted == "shades":
            pixels[40:60, 40:60] = np.arange(100, 120)[:, None, None]
        else:
            pixels[40:60, 40:60, 1] = 255
        Image.fromarray(pixels).save(mask)
        said = refused(lgg_folder)
        assert mask.name in said
        assert "black and white" in said

    def test_a_mask_of_nought_and_one_is_read_as_black_and_white(self, lgg_folder: Path) -> None:
        mask = lgg_folder / ONE / f"{ONE}_2_mask.tif"
        before = datasets.find(lgg_folder)[0].read()[1]
        Image.fromarray((np.asarray(Image.open(mask)) > 0).astype(np.uint8)).save(mask)
        assert np.array_equal(datasets.find(lgg_folder)[0].read()[1], before)


@pytest.mark.usefixtures("own_splits")
class TestPatientsThatNoSplitKnows:
    def test_they_are_named_instead_of_left_out(self, tmp_path: Path) -> None:
        cases = datasets.find(write_lgg(tmp_path / "more", patients=5))
        with pytest.raises(datasets.DataFault, match=r"TCGA_XX_0002_20000101 is in no split, as 3 of 5 .*lgg\.json"):
            splits.choose(cases, "train")

    def test_those_that_are_left_out_on_purpose_are_known(self, brisc_folder: Path) -> None:
        cases = datasets.find(brisc_folder)
        names = [case.name for case in cases]
        splits.write(
            "brisc", {"train": names[:2], "validation": [], "test": [], "left_out": names[2:]}, "for this test"
        )
        assert [case.name for case in splits.choose(cases, "train")] == names[:2]
