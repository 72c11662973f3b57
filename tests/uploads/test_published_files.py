"""Test files that pydicom and nibabel publish, made by many scanners and programs, through the whole door.

Each becomes scans that the worker reads, or refuses with a reason; or it is refused at once with a sentence, and
nothing of it is left.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel
import pydicom
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from detection import storage
from detection.models import Scan
from detection.models.scan import Kind
from ml.imaging import readers
from ml.imaging.errors import UploadRefused

URL = "/scans/new/"
PYDICOM, NIBABEL = Path(pydicom.__file__).parent / "data", Path(nibabel.__file__).parent
CDS = PYDICOM / "test_files" / "dicomdirtests"


def files_below(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file() and "__pycache__" not in path.parts)


def posted(alice: Client, paths: Sequence[Path], nothing_is_left: Callable[[], None], *, folder: bool) -> list[int]:
    """Send files, as they are or as one folder; slices of each scan, 0 for one that the worker refuses with a reason."""
    sent = [SimpleUploadedFile(path.name, path.read_bytes()) for path in paths]
    said = {"folders": ",".join("0" for _ in paths)} if folder else {}
    answer = alice.post(URL, {"files": sent, **said})
    if answer.status_code != 303:
        assert answer.status_code in (400, 413, 415)
        assert answer.context["refusal"].sentence.endswith(".")
        nothing_is_left()
        return []
    assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())
    return [slices_of(scan) for scan in Scan.objects.filter(fused_flair=None).order_by("position")]


def slices_of(scan: Scan) -> int:
    stored = list(scan.files.order_by("position"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return len(
                readers.read(
                    [storage.original_path(file.key) for file in stored],
                    names=[file.original_name for file in stored],
                    as_series=scan.kind == Kind.SERIES,
                )
            )
    except UploadRefused as refused:
        return 0 if refused.sentence.endswith(".") else -1


ALONE = [
    *files_below(PYDICOM / "test_files"),
    *files_below(PYDICOM / "charset_files"),
    *files_below(NIBABEL, "*/tests/data/*"),
    *files_below(NIBABEL / "tests" / "data"),
]


@pytest.mark.slow
@pytest.mark.parametrize("path", ALONE, ids=lambda path: f"{path.parts[-4]}-{path.name}")
def test_a_file_by_itself(path: Path, alice: Client, nothing_is_left: Callable[[], None]) -> None:
    slices = posted(alice, [path], nothing_is_left, folder=False)
    assert min(slices, default=0) >= 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "folder", sorted(p for p in CDS.rglob("*") if p.is_dir() and files_below(p)), ids=lambda p: p.name
)
def test_a_folder_of_a_cd(folder: Path, alice: Client, nothing_is_left: Callable[[], None]) -> None:
    slices = posted(alice, files_below(folder), nothing_is_left, folder=True)
    assert min(slices, default=0) >= 0


@pytest.mark.parametrize(
    ("name", "slices"),
    [("MR_small.dcm", [1]), ("SC_rgb_jpeg.dcm", [1]), ("SC_rgb_rle_2frame.dcm", [2]), ("CT_small.dcm", [])],
)
def test_what_becomes_of_some(name: str, slices: list[int], alice: Client, nothing_is_left: Callable[[], None]) -> None:
    assert posted(alice, [PYDICOM / "test_files" / name], nothing_is_left, folder=False) == slices
