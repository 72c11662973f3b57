"""Where bytes lie: originals and derived pictures, by keys made of ids alone.

Bytes first, row after: a row never points at bytes that are not there. What was written for a row
that was then not made is removed again by the caller (`discard`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

BLOCK = 1 << 20
STARTED = "started"
SYNCS_AT_ONCE = 8


@dataclass(frozen=True)
class Kept:
    """A file in storage: its key, length in bytes and SHA-256 (64 hexadecimal digits)."""

    key: str
    bytes: int
    sha256: str


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep_original(path: Path, scan_id: uuid.UUID, file_id: uuid.UUID) -> Kept:
    """Copy an uploaded file into storage and read it back.

    Raises
    ------
    OSError
        When the bytes in storage are not the bytes that arrived; nothing is left behind then.
    """
    digest = sha256_of(path)
    with path.open("rb") as file:
        key = default_storage.save(f"scans/{scan_id}/{file_id}", File(file))
    # A store that says yes and keeps something else exists: read back before anything relies on it.
    with default_storage.open(key, "rb") as stored:
        kept = hashlib.file_digest(stored, "sha256").hexdigest()
    if kept != digest:
        default_storage.delete(key)
        raise OSError("The stored file differs from the one that arrived.")
    return Kept(key=key, bytes=path.stat().st_size, sha256=digest)


def make_durable(keys: Iterable[str]) -> None:
    """Have the disk itself hold these files and their folders: after a power cut no row may point at an empty file.

    Once for a whole upload, and several files at once, so that the disk can put them in one go.
    """
    files = [Path(default_storage.path(key)) for key in keys]
    folders = {folder for file in files for folder in (file.parent, file.parent.parent)}
    with ThreadPoolExecutor(SYNCS_AT_ONCE) as pool:
        list(pool.map(_sync, files))
        list(pool.map(_sync, folders))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def note_started(work: Path, scan_id: uuid.UUID) -> None:
    """Write down in an upload's own folder that files of this scan are being stored."""
    (work / STARTED).mkdir(exist_ok=True)
    (work / STARTED / str(scan_id)).touch()


def noted(incoming: Path) -> Iterator[uuid.UUID]:
    """The scans whose storing was noted in any upload's folder and whose upload never came to its end."""
    for note in incoming.glob(f"upload-*/{STARTED}/*"):
        yield uuid.UUID(note.name)


def discard_scan(scan_id: uuid.UUID) -> None:
    """Remove all originals of a scan that has no row."""
    shutil.rmtree(default_storage.path(f"scans/{scan_id}"), ignore_errors=True)


def open_original(key: str) -> IO[bytes]:
    """An original's bytes, opened for reading."""
    return default_storage.open(key, "rb")


def original_path(key: str) -> Path:
    """An original as a local file, for readers that need a path."""
    return Path(default_storage.path(key))


def derived_key(analysis_id: uuid.UUID, name: str) -> str:
    """Key of a picture made by an analysis, such as `0-mask.png` or `thumbnail.png`."""
    return f"analyses/{analysis_id}/{name}"


def write_derived(analysis_id: uuid.UUID, name: str, content: bytes) -> None:
    """Write a derived picture; writing it again replaces it, so that an analysis can be repeated."""
    default_storage.save(derived_key(analysis_id, name), ContentFile(content))


def open_derived(analysis_id: uuid.UUID, name: str) -> IO[bytes]:
    """A derived picture's bytes. Raises FileNotFoundError."""
    return default_storage.open(derived_key(analysis_id, name), "rb")


def derived_path(analysis_id: uuid.UUID, name: str) -> Path:
    """A derived picture as a local file, for a process of its own that has nothing but paths."""
    return Path(default_storage.path(derived_key(analysis_id, name)))


def discard(keys: list[str]) -> None:
    """Remove files whose rows were not made."""
    for key in keys:
        default_storage.delete(key)
