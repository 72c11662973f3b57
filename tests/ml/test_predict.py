"""`python -m ml predict` keeps its contract. The networks are stood in for: theirs are other tests."""

import json

import numpy as np
import pytest
from PIL import Image

from ml import __main__ as command
from ml.commands import predict
from ml.findings import Compartment, Findings, Mask, SliceFinding, Verdict
from ml.measure import lesions
from tests import phantoms


class BrightIsTumour:
    """A test's pipeline: outlines what is bright, and fails on a volume of 77 rows."""

    version, files = "stand-in", {"unet_flair.npz": "0" * 64}

    def __call__(self, volumes, *, batch=16, progress=None):
        return [self.find(volume) for volume in volumes]

    def find(self, volume):
        if volume.rows == 77:
            raise RuntimeError("broken")
        masks = volume.voxels.max(axis=3) > 200
        sizes = lesions(masks, volume.spacing)
        kind = Compartment.FLAIR_ABNORMALITY if masks.any() else None
        slices = tuple(
            SliceFinding(index, source, 0.9, Verdict.TUMOUR, Mask(masks[index]))
            for index, source in enumerate(volume.sources)
        )
        return Findings(volume.kind, Verdict.TUMOUR, None, 0.9, kind, sizes.volume_ml, sizes.lesions, slices)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch):
    monkeypatch.setattr(predict, "_load", lambda folder: BrightIsTumour())


def run(tmp_path, *inputs):
    status = command.main(
        ["predict", *map(str, inputs), "--json", str(tmp_path / "o.json"), "--masks", str(tmp_path / "m"), "--quiet"]
    )
    return status, json.loads((tmp_path / "o.json").read_text())


def test_scans_are_answered_in_order_with_a_mask_for_every_slice(tmp_path):
    voxels, _ = phantoms.volume()
    phantoms.write_pictures(tmp_path / "series", voxels)
    picture = phantoms.write_picture(tmp_path / "one.png", phantoms.slice_picture(size=128)[0])
    status, answer = run(tmp_path, picture, tmp_path / "series", picture)
    assert status == 0
    assert answer["model"] == {"version": "stand-in", "files": BrightIsTumour.files}
    assert [scan["kind"] for scan in answer["scans"]] == ["image", "series", "image"]
    assert [scan["input"] for scan in answer["scans"]] == [str(picture), str(tmp_path / "series"), str(picture)]
    assert [each["mask"] for each in answer["scans"][1]["slices"]] == [f"series/{index}.png" for index in range(12)]
    assert answer["scans"][0]["slices"][0]["mask"] != answer["scans"][2]["slices"][0]["mask"]
    for scan in answer["scans"]:
        for each in scan["slices"]:
            mask = np.asarray(Image.open(tmp_path / "m" / each["mask"]))
            assert mask.shape == (128, 128)
            assert set(np.unique(mask)) <= {0, 255}
            assert np.count_nonzero(mask) == each["area_px"]
        areas = [lesion["area_px"] for lesion in scan["lesions"]]
        assert areas == sorted(areas, reverse=True)
        assert sum(areas) == sum(each["area_px"] for each in scan["slices"])
        assert scan["tumour_volume_ml"] is None


def test_a_mask_lies_in_the_rows_and_columns_of_the_file(tmp_path):
    head = phantoms.slice_picture(size=128)[0][:, :96]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(head).save(tmp_path / "turned.png", exif=exif)
    _, answer = run(tmp_path, tmp_path / "turned.png")
    mask = np.asarray(Image.open(tmp_path / "m" / answer["scans"][0]["slices"][0]["mask"]))
    assert np.array_equal(mask > 0, head > 200)


def test_unreadable_inputs_get_a_sentence_and_the_others_their_answer(tmp_path):
    good = phantoms.write_picture(tmp_path / "good.png", phantoms.slice_picture(size=128)[0])
    broken = phantoms.write_picture(tmp_path / "broken.png", phantoms.slice_picture(size=128)[0][:77])
    (tmp_path / "text.png").write_text("no picture")
    status, answer = run(tmp_path, tmp_path / "text.png", good, tmp_path / "absent.png", broken)
    assert status == 1
    assert ["error" in scan for scan in answer["scans"]] == [True, False, True, True]
    assert all(scan["error"].endswith(".") for scan in answer["scans"] if "error" in scan)


def test_millimetres_where_the_file_has_them(tmp_path):
    path = phantoms.write_nifti(tmp_path / "head.nii.gz", phantoms.volume()[0])
    _, answer = run(tmp_path, path)
    pixels = sum(each["area_px"] for each in answer["scans"][0]["slices"])
    assert answer["scans"][0]["tumour_volume_ml"] == pytest.approx(pixels * 5.0 * 0.9 * 0.8 / 1000, rel=1e-3)


@pytest.mark.parametrize("words", [[], ["predict"], ["predict", "x.png", "--batch", "0"], ["predict", "--nonsense"]])
def test_wrong_usage_is_two(words, capsys):
    with pytest.raises(SystemExit) as left:
        command.main(words)
    assert left.value.code == 2
    assert "usage" in capsys.readouterr().err
