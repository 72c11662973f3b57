"""NIfTI voxels that are no numbers: round a stripped head they are background, within one they are damage."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from ml.imaging import readers
from ml.imaging.errors import UploadRefused
from ml.imaging.readers.nifti import NOT_NUMBERS
from tests import phantoms


def written(folder: Path, value: float, share: float) -> Path:
    """A head whose first columns, that share of all, hold a value that is no number."""
    voxels = phantoms.volume(slices=6, size=64)[0].astype(np.float32)
    voxels[:, :, : round(share * 64)] = value
    path = folder / "head.nii"
    nibabel.save(nibabel.Nifti1Image(voxels.transpose(2, 1, 0), np.diag([-3.0, -3.0, 5.0, 1.0])), path)
    return path


def test_a_background_that_is_no_number_is_black_and_told(tmp_path):
    volume = readers.read([written(tmp_path, np.nan, 0.3)], as_series=True)
    assert NOT_NUMBERS in volume.notes
    assert np.isfinite(volume.voxels).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_a_head_with_infinite_parts_is_refused_and_never_answered(value, tmp_path):
    with pytest.raises(UploadRefused, match="infinite"):
        readers.read([written(tmp_path, value, 0.3)], as_series=True)


def test_a_few_infinite_values_are_background(tmp_path):
    path = written(tmp_path, 0.0, 0.0)
    voxels = np.asarray(nibabel.load(path).dataobj).copy()
    voxels[0, 0, :3] = np.inf
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-3.0, -3.0, 5.0, 1.0])), path)
    assert NOT_NUMBERS in readers.read([path], as_series=True).notes
