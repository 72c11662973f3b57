"""A head with one bright corner (left, back, top in the patient), stored in several orientations and read again."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from ml.imaging import readers
from ml.imaging.volume import Volume
from tests import phantoms, phantoms_dicom

SLICES, ROWS, COLUMNS = 36, 60, 44
SIZE = 8
TURNED = (0.9396926, 0.3420201, 0.0, -0.3420201, 0.9396926, 0.0)
"""Rows and columns turned by 20 degrees within the axial plane: a head that looks to one side."""
TILTED = (1.0, 0.0, 0.0, 0.0, 0.9396926, -0.3420201)
"""Slices tilted by 20 degrees: further back they run towards the feet, as along the skull's base."""
STORED = ("RAS", "LAS", "LPS", "turned", "tilted", "coronal")


def marked() -> np.ndarray:
    """(z up, y back, x left) int16: dim, and bright in the corner that is left, back and top."""
    head = np.full((SLICES, ROWS, COLUMNS), 60, np.int16)
    head[2:-2, 2:-2, 2:-2] = 200
    head[-SIZE:, -SIZE:, -SIZE:] = 1000
    return head


def read(name: str) -> Volume:
    """The corner as the readers give it, from a file stored that way."""
    with tempfile.TemporaryDirectory() as folder:
        if name in ("turned", "tilted"):
            directions = TURNED if name == "turned" else TILTED
            paths = phantoms_dicom.write_series(
                Path(folder), phantoms_dicom.series(marked(), directions=directions, spacing=(2.0, 0.9, 1.1))
            )
        elif name == "coronal":
            stored = np.ascontiguousarray(marked().transpose(1, 0, 2)[:, ::-1])  # from the front, head up
            paths = phantoms_dicom.write_series(
                Path(folder), phantoms_dicom.series(stored, directions=(1, 0, 0, 0, 0, -1), spacing=(0.9, 2.0, 1.1))
            )
        else:
            path = Path(folder) / "corner.nii"
            paths = [phantoms.write_nifti(path, marked(), axes=name, spacing=(2.0, 0.9, 1.1))]
        return readers.read(paths, as_series=True, names=[path.name for path in paths])
