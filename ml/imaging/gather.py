"""Which files make one scan: folders walked, zips unpacked, masks left out, slices in order."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers import HEAD_BYTES, archive
from ml.imaging.limits import Limits

_CHUNK = 1024 * 1024
_NUMBER = re.compile(r"\d+")
_LEFT_OUT = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Part:
    """One file of a scan.

    Attributes:
        path: where its bytes are.
        name: what its owner calls it: the path within the folder or zip, with "/".
        position: its place among the paths handed in, or 0 for a folder's or zip's.
    """

    path: Path
    name: str
    position: int = 0


def natural_order(name: str) -> tuple[str, bool, int, str]:
    """Sort key: folder by folder, by the last number in the file name, else by the name.

    "head_9.tif" comes before "head_10.tif", and a file without a number after those with one.
    """
    path = PurePosixPath(name)
    numbers = _NUMBER.findall(path.stem)
    return str(path.parent), not numbers, int(numbers[-1][-18:]) if numbers else 0, path.name


def missing_numbers(names: Sequence[str]) -> list[int]:
    """Numbers left out between the first and last file number; none where numbers repeat or lack."""
    found = [_NUMBER.findall(PurePosixPath(name).stem) for name in names]
    if not all(found) or len(found) < 2:
        return []
    numbers = sorted(int(each[-1][-18:]) for each in found)
    if len(set(numbers)) < len(numbers) or numbers[-1] - numbers[0] > 2 * len(numbers):
        return []
    return sorted(set(range(numbers[0], numbers[-1])) - set(numbers))


def is_left_out(name: str) -> bool:
    """Whether a file of a folder or zip is no part of the series by its very name."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return hidden or path.name.lower() in _LEFT_OUT or path.stem.lower().endswith("_mask")


@contextmanager
def parts(paths: Sequence[Path], names: Sequence[str] | None, limits: Limits) -> Iterator[list[Part]]:
    """The files of one scan, in natural order; a zip is unpacked for as long as the context lasts.

    Args:
        paths: one folder, one zip, or files.
        names: what each path is called; by default its own name.

    Raises:
        UploadRefused: if there is nothing to read, too much, or a zip is not sound.
    """
    names = [path.name for path in paths] if names is None else names
    if len(paths) == 1 and paths[0].is_dir():
        found = _walk(paths[0], limits)
    elif len(paths) == 1 and _is_zip(paths[0]):
        with tempfile.TemporaryDirectory(prefix="brainscan-zip-") as folder:
            yield sorted(unpack(paths[0], Path(folder), limits), key=lambda part: natural_order(part.name))
        return
    else:
        found = [Part(path, name, index) for index, (path, name) in enumerate(zip(paths, names, strict=True))]
    yield sorted(found, key=lambda part: natural_order(part.name))


def is_container(path: Path) -> bool:
    """Whether a path is a folder or a zip, and so one series by itself."""
    return path.is_dir() or _is_zip(path)


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return archive.accepts(file.read(HEAD_BYTES))
    except OSError:
        return False


def _walk(folder: Path, limits: Limits) -> list[Part]:
    found: list[Part] = []
    total = 0
    for where, folders, files in os.walk(folder):  # does not follow links
        folders.sort()
        for file in sorted(files):
            path = Path(where, file)
            name = path.relative_to(folder).as_posix()
            status = path.lstat()
            if is_left_out(name) or not (stat.S_ISREG(status.st_mode) or path.is_file()):
                continue
            found.append(Part(path, name))
            total += path.stat().st_size
            if len(found) > limits.max_files:
                raise UploadRefused(f"The folder holds more than {limits.max_files:,} files. Give one series.", 413)
            if total > limits.max_total_bytes:
                raise UploadRefused("The folder is too large to be one series. Give one series.", 413)
    if not found:
        raise UploadRefused("The folder holds no image. Choose the folder with the slices.")
    return found


def unpack(path: Path, folder: Path, limits: Limits) -> list[Part]:
    """Unpack into numbered files: no name from the archive ever reaches the file system.

    Raises:
        UploadRefused: if the zip is not sound, holds another zip, too much, or nothing.
    """
    found: list[Part] = []
    total = 0
    with archive.opened(path) as zipped:
        for number, entry in enumerate(archive.entries(zipped, limits)):
            if is_left_out(entry.filename):
                continue
            target = folder / f"{number:05d}"
            total += _unpack_one(zipped, entry, target, limits.max_total_bytes - total)
            if _is_zip(target):
                raise UploadRefused("The zip holds another zip. Pack the images themselves.")
            found.append(Part(target, _shown(entry.filename)))
    if not found:
        raise UploadRefused("The zip holds no image. Pack the folder with the slices.")
    return found


def _unpack_one(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: int) -> int:
    """Write one file, counting what really comes out: an entry's stated size may lie."""
    written = 0
    with target.open("wb") as out:
        for chunk in _inflated(zipped, entry):
            written += len(chunk)
            if written > min(room, entry.file_size):
                raise UploadRefused("The zip holds more than it says. Pack the series again.", 413)
            out.write(chunk)
    return written


def _inflated(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with zipped.open(entry) as source:
            while chunk := source.read(_CHUNK):
                yield chunk
    except (UploadRefused, MemoryError, GeneratorExit):
        raise
    except Exception:  # noqa: BLE001 - zipfile and the unpackers below it raise nearly anything on hostile files
        raise damaged("zip") from None


def _shown(name: str) -> str:
    """A name from an archive without anything that could break a line or a terminal."""
    return "".join(character for character in name if character.isprintable())[:200]
