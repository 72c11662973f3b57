"""Prepared slices are kept, and made anew when a picture or a mask was replaced."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.training import cache, datasets


def prepared(folder: Path, place: Path) -> cache.Slices:
    return cache.open_or_make(datasets.find(folder), place, quiet=True)


def test_what_is_kept_is_not_made_again(lgg_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepared(lgg_folder, tmp_path / "cache")
    monkeypatch.setattr(cache, "_make", None)
    again = prepared(lgg_folder, tmp_path / "cache")
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.tumour, again.tumour)


def test_replaced_masks_are_seen(lgg_folder: Path, tmp_path: Path) -> None:
    assert prepared(lgg_folder, tmp_path / "cache").masks.any()
    for mask in lgg_folder.glob("*/*_mask.tif"):
        Image.new("L", (128, 128)).save(mask)
    after = prepared(lgg_folder, tmp_path / "cache")
    assert not after.masks.any()
    assert not after.tumour.any()


def test_a_replaced_picture_of_the_same_size_is_seen(lgg_folder: Path, tmp_path: Path) -> None:
    before = prepared(lgg_folder, tmp_path / "cache")
    picture = next(iter(sorted(lgg_folder.glob("*/*_1.tif"))))
    size = picture.stat().st_size
    Image.fromarray(np.flipud(np.asarray(Image.open(picture)))).save(picture)
    assert picture.stat().st_size == size
    assert not np.array_equal(prepared(lgg_folder, tmp_path / "cache").images[0], before.images[0])


def test_a_copy_of_the_folder_with_other_masks_has_its_own(lgg_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for path in lgg_folder.glob("*/*.tif"):
        target = copy / path.relative_to(lgg_folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.stem.endswith("_mask"):
            Image.new("L", (128, 128)).save(target)
        else:
            target.write_bytes(path.read_bytes())
    assert prepared(lgg_folder, tmp_path / "cache").tumour.any()
    assert not prepared(copy, tmp_path / "cache").tumour.any()


def test_a_run_that_is_ended_while_it_prepares_leaves_nothing(
    lgg_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(cache, "cut_mask", ended)
        with pytest.raises(KeyboardInterrupt):
            prepared(lgg_folder, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    assert prepared(lgg_folder, tmp_path / "cache").tumour.any()


def test_two_that_prepare_at_once_do_not_hurt_each_other(
    lgg_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, process = cache._make, os.getpid()
    found: list[cache.Slices] = []

    def overtaken(*given: object) -> None:
        """While this one prepares, another process does and is done first."""
        with monkeypatch.context() as other:
            other.setattr(cache, "_make", make)
            other.setattr(os, "getpid", lambda: process + 1)
            found.append(prepared(lgg_folder, tmp_path / "cache"))
        make(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(cache, "_make", overtaken)
    found.append(prepared(lgg_folder, tmp_path / "cache"))
    assert np.array_equal(found[0].images, found[1].images)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_grey_picture_that_compression_tinted_is_seen_as_at_work(brisc_folder: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for path in (brisc_folder / "images").iterdir():
        grey = np.asarray(Image.open(path).convert("L")).astype(int)
        tinted = grey[..., None] + random.integers(-1, 2, (*grey.shape, 3))
        Image.fromarray(np.clip(tinted, 0, 255).astype(np.uint8)).save(path, quality=95)
    images = prepared(brisc_folder, tmp_path / "cache").images
    assert images.any()
    assert np.array_equal(images[..., :1], images[..., 1:2])
    assert np.array_equal(images[..., 2:], images[..., 1:2])
