"""What is stored of a picture names nobody: no text, no second picture, nothing in gaps, while it looks the same."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from ml.imaging import intake, readers
from ml.imaging.deidentify import picture
from tests import phantoms, phantoms_dicom

KEY = b"an installation's own key, 32 bytes or more"
NAMES = phantoms_dicom.NAMES


class TestPictures:
    def planted(self, kind: str, *, code: int = 6) -> bytes:
        image = Image.fromarray(phantoms.slice_picture(size=64)[0][:, :48])
        exif = Image.Exif()
        exif[0x0112], exif[0x010E], exif[0x013B] = code, "Zabrinska", "Dr Quackenbush"
        target = io.BytesIO()
        if kind == "png":
            text = PngImagePlugin.PngInfo()
            text.add_text("Patient", "Zabrinska")
            text.add_itxt("History", "Ward 7B", zip=True)
            image.save(target, "PNG", pnginfo=text, exif=exif)
        elif kind == "tiff":
            tags = {0x0112: code, 270: "Zabrinska", 315: "Dr Quackenbush", 65000: "Ward 7B", 700: b"<x>Wilhelmina</x>"}
            image.save(target, "TIFF", tiffinfo=tags, compression="tiff_lzw", save_all=True, append_images=[image])
        elif kind == "webp":
            image.save(target, "WEBP", exif=exif, xmp=b"<x>Wilhelmina</x>", lossless=True)
        else:
            image.save(target, "JPEG", exif=exif, comment=b"Ward 7B", progressive=kind == "progressive", quality=95)
            target.write(b"a second picture of Wilhelmina")
        return target.getvalue()

    @pytest.mark.parametrize("kind", ["png", "jpeg", "progressive", "webp", "tiff"])
    def test_texts_go_and_the_picture_stays_upright_and_the_same(self, kind, tmp_path):
        before, after = tmp_path / "before", tmp_path / "after"
        before.write_bytes(self.planted(kind))
        picture.clean(before, after, "jpeg" if kind == "progressive" else kind)
        content = after.read_bytes()
        assert not [name for name in (*NAMES, "Patient") if name.encode() in content]
        one, other = readers.read([before]), readers.read([after])
        assert np.array_equal(one.voxels, other.voxels)
        assert one.stored_orientation == other.stored_orientation == 6

    @pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff"])
    def test_cleaning_twice_changes_nothing_more(self, kind, tmp_path):
        paths = [tmp_path / str(number) for number in range(3)]
        paths[0].write_bytes(self.planted(kind))
        picture.clean(paths[0], paths[1], kind)
        picture.clean(paths[1], paths[2], kind)
        assert paths[1].read_bytes() == paths[2].read_bytes()

    @pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
    def test_a_bmp_s_gaps_and_tail_hold_nothing(self, mode, tmp_path):
        before, after = tmp_path / "before", tmp_path / "after"
        image = Image.fromarray(phantoms.slice_picture(size=64)[0]).convert(mode)
        image.save(before, "BMP")
        content = bytearray(before.read_bytes())
        start = struct.unpack_from("<I", content, 10)[0]
        content[start:start] = b"Zabrinska  "
        struct.pack_into("<I", content, 10, start + 11)
        content[6:10] = b"Ward"
        before.write_bytes(bytes(content) + b"Wilhelmina")
        picture.clean(before, after, "bmp")
        kept = after.read_bytes()
        assert not [name for name in (*NAMES, "Ward") if name.encode() in kept]
        assert np.array_equal(readers.read([before]).voxels, readers.read([after]).voxels)

    def test_a_zip_s_pictures_are_cleaned_too(self, tmp_path):
        path, work = tmp_path / "pictures.zip", tmp_path / "work"
        work.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(3):
                archive.writestr(f"{number}.png", self.planted("png", code=1))
        plan = intake.take_in([intake.Sent(path, path.name)], work=work, key=KEY)
        assert not [file for file in plan.scans[0].files if b"Zabrinska" in file.path.read_bytes()]
        assert sorted(each.name for each in work.iterdir()) == ["out-0", "out-1", "out-2"]
