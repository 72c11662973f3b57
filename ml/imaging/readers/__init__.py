"""From files to a Volume. A format a file; the file's content decides which one reads it.

Adding a format: add `headers/NAME.py` (accepts, facts) and `readers/NAME.py` (accepts,
read), and name them in `HEADERS` and `READERS`. For uploads, `deidentify/NAME.py` too, and
name it in `intake_child`: what it does not name is taken for a picture there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from ml.imaging import gather
from ml.imaging.burnt_in import BURNT_IN, may_show_text
from ml.imaging.errors import UploadRefused
from ml.imaging.headers import format_of, head_of
from ml.imaging.limits import DEFAULT, Limits
from ml.imaging.readers import dicom, nifti, picture
from ml.imaging.sequence_check import CONTRADICTED, contradicts
from ml.imaging.volume import OBLIQUE_FROM, Volume

OBLIQUE = (
    "The slices lie {:.0f}° off {}. Diameters were measured on them as acquired; a printed letter is the nearest side."
)

READERS: tuple[ModuleType, ...] = (dicom, nifti, picture)


def read(
    paths: Sequence[Path], *, as_series: bool = False, limits: Limits = DEFAULT, names: Sequence[str] | None = None
) -> Volume:
    """Read one scan.

    Args:
        paths: one file, one folder, one zip, or the files of one series.
        as_series: whether a lone single-slice picture counts as a series; several files, a
            folder and a zip always do.
        limits: checked before pixels are decoded.
        names: what each path is called, where the stored name is not the owner's.

    Returns:
        The Volume, slices in order of DICOM geometry, else of the last number in the file name.

    Raises:
        UploadRefused: with `index` telling which of `paths` is at fault, where one is.
    """
    if not paths:
        raise ValueError("nothing to read")
    container = len(paths) == 1 and gather.is_container(paths[0])
    with gather.parts(paths, names, limits) as parts:
        reader, chosen, left_out = _choose(parts, tolerant=container)
        try:
            volume: Volume = reader.read(
                [part.path for part in chosen],
                [part.name for part in chosen],
                as_series=as_series or container or len(paths) > 1,
                limits=limits,
            )
        except UploadRefused as refusal:
            index = chosen[refusal.index].position if refusal.index is not None and not container else None
            raise UploadRefused(refusal.sentence, refusal.status, index=index) from None
    if contradicts(volume):
        volume = replace(volume, sequence=None, notes=(*volume.notes, CONTRADICTED))
    if volume.orientation and volume.placement and volume.placement.tilt >= OBLIQUE_FROM:
        told = OBLIQUE.format(volume.placement.tilt, volume.orientation.plane)
        volume = replace(volume, notes=(*volume.notes, told))
    if BURNT_IN not in volume.notes and may_show_text(volume):
        volume = replace(volume, notes=(*volume.notes, BURNT_IN))
    if not left_out:
        return volume
    files = "1 file was" if left_out == 1 else f"{left_out:,} files were"
    return replace(volume, notes=(*volume.notes, f"{files} left out: not an image of this series."))


def _choose(parts: Sequence[gather.Part], *, tolerant: bool) -> tuple[ModuleType, list[gather.Part], int]:
    """The reader for these files, the files it reads, and how many are left out.

    A folder or zip may hold other things: the kind with the most files is the series. Files
    that were named one by one must all be read.
    """
    kinds: dict[ModuleType, list[gather.Part]] = {}
    first_refusal: UploadRefused | None = None
    for part in parts:
        try:
            kinds.setdefault(_reader_of(part.path), []).append(part)
        except UploadRefused as refusal:
            if not tolerant:
                raise UploadRefused(refusal.sentence, refusal.status, index=part.position) from None
            first_refusal = first_refusal or refusal
    if not kinds:
        raise UploadRefused("There is no image in it that is read here. Choose the folder with the slices.", 415) from (
            first_refusal
        )
    if len(kinds) > 1 and not tolerant:
        raise UploadRefused("Files of different kinds are not one series. Upload each kind by itself.")
    reader, chosen = max(kinds.items(), key=lambda kind: len(kind[1]))
    return reader, chosen, len(parts) - len(chosen)


def _reader_of(path: Path) -> ModuleType:
    head = head_of(path)
    for reader in READERS:
        if reader.accepts(head):
            return reader
    format_of(head)  # raises with the sentence for what this is, unless it is a zip among other files
    raise UploadRefused("A zip cannot be one of several files. Upload it by itself.")
