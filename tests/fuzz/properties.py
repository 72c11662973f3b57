"""What has to hold for any bytes at all."""

from __future__ import annotations

import gzip
import shutil
import struct
import tempfile
import time
import warnings
import zlib
from dataclasses import asdict
from pathlib import Path
from unittest import mock

import numpy as np
import pydicom
from PIL import Image, ImageSequence

from ml.imaging import headers, intake_child, readers
from ml.imaging.errors import UploadRefused
from ml.imaging.headers import nifti
from ml.imaging.limits import Limits
from ml.imaging.volume import Volume
from tests.fuzz.seeds import NAMES

# In the door's own process the system holds these limits; here only the numbers do.
LIMITS = Limits(
    max_bytes=8 << 20, max_total_bytes=16 << 20, max_files=50, max_pixels=1 << 20, max_side=4096, max_voxels=4 << 20
)
SECONDS = 20.0
"""Far above what any of them takes; a file that needs more is a finding."""


def reading_answers(content: bytes) -> None:
    """Facts, a Volume, or UploadRefused with a sentence."""
    with Folder() as folder:
        path = folder / "file"
        path.write_bytes(content)
        started = time.monotonic()
        try:
            facts = headers.facts(path, LIMITS)
            assert facts.rows >= 0
        except UploadRefused as refused:
            _is_a_sentence(refused)
        try:
            volume = readers.read([path], limits=LIMITS)
            assert isinstance(volume, Volume)
            assert volume.voxels.size <= LIMITS.max_voxels
        except UploadRefused as refused:
            _is_a_sentence(refused)
        assert time.monotonic() - started < SECONDS


def nobody_is_named(content: bytes) -> None:
    """What the door would store names nobody, and is of a kind that can be read."""
    with Folder() as folder:
        path, work = folder / "file", folder / "work"
        path.write_bytes(content)
        work.mkdir()
        answer = _taken_in(path, work)
        if "refused" in answer:
            assert answer["refused"]["sentence"].endswith(".")
            return
        for scan in answer["scans"]:
            for file in scan["files"]:
                kept = work / f"out-{file['out']}"
                named = [
                    name for name in _named_in(kept) if name.encode() not in _pixels(kept, file["facts"]["format"])
                ]
                assert not named, f"{file['facts']['format']}: {named}"
        assert not [name for name in NAMES if name in repr(answer["set_aside"])]


def _taken_in(path: Path, work: Path) -> dict:
    """The door's own code in this process, without the limits that only the system can hold."""
    request = {
        "files": [{"path": str(path), "name": "file", "folder": None}],
        "work": str(work),
        "key": "dGhlIGZ1enplcidzIG93biBrZXkgb2YgMzIgYnl0ZXMgb3IgbW9yZQ==",
        "as_series": False,
        "limits": asdict(LIMITS),
    }
    with mock.patch.object(intake_child, "_start_timer"), mock.patch.object(intake_child.resource, "setrlimit"):
        return intake_child.take_in(request)


def _named_in(path: Path) -> list[str]:
    """Names in a stored file, looking into what is compressed as a whole."""
    content = path.read_bytes()
    texts = [content]
    if content.startswith(nifti.GZIP):
        texts.append(gzip.decompress(content))
    if content[128:132] == b"DICM":
        meta = pydicom.filereader.read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == "1.2.840.10008.1.2.1.99":
            start = 132 + 12 + int(meta.FileMetaInformationGroupLength)
            texts.append(zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[start:]))
    return [name for name in NAMES if any(name.encode() in text for text in texts)]


def _pixels(path: Path, kind: str) -> bytes:
    """The stored pixels: where bytes were moved, a text may have come to lie among them, and is a picture of itself."""
    if kind == "nifti":
        header = nifti.read_header(path, LIMITS)
        with nifti.opened(path) as stream:
            return stream.read()[header.offset :]
    if kind == "dicom":
        dataset = pydicom.dcmread(path)
        return b"".join(bytes(dataset[key].value or b"") for key in ("PixelData", "FloatPixelData") if key in dataset)
    if kind == "bmp":
        return path.read_bytes()[54:]  # colours and rows
    if kind in ("png", "webp"):
        return _chunks(path.read_bytes(), kind)
    if kind == "jpeg":
        return _tables_and_scans(path.read_bytes())
    with Image.open(path) as image:
        return b"".join(np.asarray(page).tobytes() for page in ImageSequence.Iterator(image))


def _chunks(content: bytes, kind: str) -> bytes:
    """What the chunks hold that draw a picture; a text moved into one of them is part of it."""
    found, at = b"", 8 if kind == "png" else 12
    while at + 8 <= len(content):
        if kind == "png":
            length, name = struct.unpack_from(">I4s", content, at)
        else:
            name, length = struct.unpack_from("<4sI", content, at)
        if name not in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"EXIF", b"XMP "):
            found += content[at + 8 : at + 8 + length]
        at += 8 + length + (4 if kind == "png" else length & 1)
    return found


def _tables_and_scans(content: bytes) -> bytes:
    """What a JPEG's pixels are made of; not its APPn and COM segments."""
    found, at = b"", 2
    while at + 4 <= len(content):
        marker, (length,) = content[at + 1], struct.unpack_from(">H", content, at + 2)
        end = at + 2 + length
        if marker == 0xDA:
            return (
                found + content[at:] if b"\xff\xfe" not in content[at:] else found + content[at:].split(b"\xff\xfe")[0]
            )
        if not 0xE0 <= marker <= 0xEF and marker != 0xFE:
            found += content[at:end]
        at = end
    return found


def _is_a_sentence(refused: UploadRefused) -> None:
    assert refused.sentence.endswith(".")
    assert refused.status in (400, 413, 415)
    assert not [name for name in NAMES if name in refused.sentence]


class Folder:
    """A temporary folder, and no warnings: pydicom warns of everything that it meets."""

    def __enter__(self) -> Path:
        self._caught = warnings.catch_warnings()
        self._caught.__enter__()
        warnings.simplefilter("ignore")
        self._path = Path(tempfile.mkdtemp(prefix="brainscan-fuzz-"))
        return self._path

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        self._caught.__exit__(*exc)  # type: ignore[arg-type]
