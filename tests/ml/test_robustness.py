"""Each change of the robustness table does what its name says, and moves the outline with the picture."""

import numpy as np
import pytest

from ml.evaluation import robustness
from ml.evaluation.robustness import CHANGES
from tests import phantoms


@pytest.fixture(scope="module")
def head() -> tuple[np.ndarray, np.ndarray]:
    pixels, mask = phantoms.slice_picture(size=128)
    return pixels[None, ..., None], mask[None]


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_change_gives_a_picture_with_its_outline(name: str, head: tuple[np.ndarray, np.ndarray]) -> None:
    voxels, truth = CHANGES[name](*head)
    assert voxels.dtype == np.uint8
    assert truth.dtype == np.bool_
    assert voxels.shape[:3] == truth.shape
    assert voxels.shape[3] == 1
    assert truth.any()


@pytest.mark.parametrize(
    "name", ["turned by +15 degrees", "mirrored", "upside down", "head 15 % larger", "black padding"]
)
def test_the_outline_moves_with_the_lesion(name: str, head: tuple[np.ndarray, np.ndarray]) -> None:
    before = head[0][..., 0][head[1]].mean()
    voxels, truth = CHANGES[name](*head)
    assert voxels[..., 0][truth].mean() == pytest.approx(before, rel=0.1)


def test_scaling_scales_the_outline(head: tuple[np.ndarray, np.ndarray]) -> None:
    larger = CHANGES["head 15 % larger"](*head)[1].sum() / head[1].sum()
    assert larger == pytest.approx(1.15**2, rel=0.1)


def test_stripping_takes_the_rim_and_leaves_the_lesion(head: tuple[np.ndarray, np.ndarray]) -> None:
    voxels, truth = CHANGES["skull stripped"](*head)
    assert (voxels > 0).sum() < 0.85 * (head[0] > 0).sum()
    np.testing.assert_array_equal(voxels[truth], head[0][truth])


def test_a_change_is_the_same_each_time(head: tuple[np.ndarray, np.ndarray]) -> None:
    for name in ("noise of 5 %", "bias field of 40 %", "burnt-in text"):
        np.testing.assert_array_equal(CHANGES[name](*head)[0], CHANGES[name](*head)[0])


def test_what_costs_more_than_the_aim_is_marked() -> None:
    row = {"dice": 0.8, "auc": 0.9, "refused": 0, "dice_cost": 0.05, "auc_cost": 0.0}
    assert "| **0.050** | 0.900 | 0.000 |" in robustness.as_markdown({"lgg": {"changes": {"noise": row}}})
