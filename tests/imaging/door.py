"""The door as tests knock at it: generated datasets in, what an upload becomes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom import Dataset

from ml.imaging import intake, readers
from ml.imaging.intake import Plan, Sent
from ml.imaging.volume import Volume
from tests import phantoms_dicom

KEY = b"k" * 32


def taken_in(folder: Path, datasets: Sequence[Dataset]) -> Plan:
    """Have the sandbox take these files in, sent in this order. The clean copies stay in `folder`.

    Raises:
        UploadRefused: as `intake.take_in`.
    """
    return files_taken_in(folder, phantoms_dicom.write_series(folder / "in", list(datasets)))


def files_taken_in(folder: Path, paths: Sequence[Path], *, as_series: bool = False) -> Plan:
    """The same of files that are there, under their own names."""
    work = folder / "work"
    work.mkdir()
    return intake.take_in([Sent(path, path.name) for path in paths], work=work, key=KEY, as_series=as_series)


def volume_of(plan: Plan) -> Volume:
    """The one scan of an upload, as the worker reads it from what was stored."""
    (scan,) = plan.scans
    return readers.read(
        [file.path for file in scan.files],
        names=[file.name for file in scan.files],
        as_series=scan.kind == "series",
    )
