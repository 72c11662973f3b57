"""The door as tests knock at it: generated datasets in, what an upload becomes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom import Dataset

from ml.imaging import intake
from ml.imaging.intake import Plan, Sent
from tests import phantoms_dicom

KEY = b"k" * 32


def taken_in(folder: Path, datasets: Sequence[Dataset]) -> Plan:
    """Have the sandbox take these files in, sent in this order. The clean copies stay in `folder`.

    Raises:
        UploadRefused: as `intake.take_in`.
    """
    paths = phantoms_dicom.write_series(folder / "in", list(datasets))
    work = folder / "work"
    work.mkdir()
    return intake.take_in([Sent(path, path.name) for path in paths], work=work, key=KEY)
