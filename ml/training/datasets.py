"""Folders of training data: what lies in them, checked before anything is trained or measured.

Two layouts are known, told apart by content: `kaggle_3m` (a folder a patient, `NAME_N.tif` beside
`NAME_N_mask.tif`) and `brisc` (`images/` and `masks/`, no patient ids). A fault stops at once with
the file's name and how to mend it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

Family = Literal["lgg", "brisc"]

_LGG_SLICE = re.compile(r"^(?P<patient>.+)_(?P<number>\d+)\.tif$")
_BRISC_SLICE = re.compile(r"^brisc2025_\w+?_(?P<number>\d+)_(?P<kind>gl|me|pi|no)_(?P<plane>ax|co|sa)_\w+$")
_PICTURES = {".tif", ".tiff", ".png", ".webp", ".jpg", ".jpeg", ".bmp"}


class DataFault(Exception):
    """A folder that cannot be trained on or measured; `str()` names the file and the mend."""


@dataclass(frozen=True)
class Case:
    """What is split as one: an LGG patient's series, or one BRISC picture.

    `images` and `masks` are the slices in order; a mask is None where the set says "no tumour".
    `name` is the patient or the picture's stem, `kind` and `plane` BRISC's codes (else "").
    """

    family: Family
    name: str
    images: tuple[Path, ...]
    masks: tuple[Path | None, ...]
    kind: str = ""
    plane: str = ""

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (slices, rows, columns, channels) and bool (slices, rows, columns).

        Raises DataFault naming the file that is unreadable or of another size than its mask.
        """
        images = [_read(path) for path in self.images]
        masks = []
        for path, mask, image in zip(self.images, self.masks, images, strict=True):
            outline = np.zeros(image.shape[:2], bool) if mask is None else _read(mask)[..., 0] > 0
            if outline.shape != image.shape[:2]:
                raise DataFault(
                    f"{mask}: the mask is {outline.shape} but its picture {path.name} is {image.shape[:2]}; "
                    "export both with the same rows and columns."
                )
            masks.append(outline)
        for path, image in zip(self.images, images, strict=True):
            if image.shape != images[0].shape:
                raise DataFault(
                    f"{path}: {image.shape} differs from the patient's other slices {images[0].shape}; "
                    "put slices of another size into a folder of their own."
                )
        return np.stack(images), np.stack(masks)


def find(folder: Path) -> list[Case]:
    """Lists the cases of a folder in either layout, sorted by name. Raises DataFault."""
    if not folder.is_dir():
        raise DataFault(f"{folder}: there is no such folder; give the folder that holds the scans.")
    cases = _find_brisc(folder) if (folder / "images").is_dir() else _find_lgg(folder)
    if not cases:
        raise DataFault(
            f"{folder}: no scans found; expected PATIENT/PATIENT_N.tif (as kaggle_3m) or images/ and masks/ (as brisc)."
        )
    return cases


def refuse_duplicates(cases: Iterable[Case], part_of: Mapping[str, str]) -> None:
    """Raises DataFault when two cases hold the same picture, byte for byte, and could be in two splits.

    `part_of`: the split of each case's name. BRISC holds copies: they may stay while they share a
    split, or one is left out of all; two patients never hold the same picture. Blank pictures are no copies of each other.
    """
    seen: dict[str, tuple[Case, Path]] = {}
    for case in cases:
        if part_of.get(case.name) == "left_out":
            continue
        for path in case.images:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            other, first = seen.setdefault(digest, (case, path))
            if other.name == case.name:
                continue
            together = case.family == "brisc" and part_of.get(other.name) == part_of.get(case.name)
            if not together and np.ptp(_read(path)) > 0:
                raise DataFault(f"{path}: the same picture as {first}; remove one, it would be in two splits.")


def refuse_unreadable(cases: Iterable[Case]) -> None:
    """Reads every picture and mask once, so that a bad one stops before an hour of work. Raises DataFault."""
    for case in cases:
        case.read()


def _find_lgg(folder: Path) -> list[Case]:
    cases = []
    for patient in sorted(path for path in folder.iterdir() if path.is_dir()):
        numbered = []
        for path in patient.iterdir():
            found = _LGG_SLICE.match(path.name)
            if found and not path.stem.endswith("_mask"):
                numbered.append((int(found["number"]), path))
        if not numbered:
            raise DataFault(f"{patient}: no slices named PATIENT_N.tif; remove the folder or fill it.")
        images = tuple(path for _, path in sorted(numbered))
        masks = tuple(path.with_name(f"{path.stem}_mask.tif") for path in images)
        for mask in masks:
            if not mask.exists():
                raise DataFault(f"{mask}: this mask is missing; add it (all black where there is no tumour).")
        for stray in patient.glob("*_mask.tif"):
            if stray not in masks:
                raise DataFault(f"{stray}: a mask without its picture; add the picture or remove the mask.")
        cases.append(Case("lgg", patient.name, images, masks))
    return cases


def _find_brisc(folder: Path) -> list[Case]:
    cases = []
    stems = set()
    for path in sorted((folder / "images").iterdir()):
        if path.suffix.lower() not in _PICTURES:
            continue
        found = _BRISC_SLICE.match(path.stem)
        if not found:
            raise DataFault(f"{path}: the name is not brisc2025_PART_NUMBER_KIND_PLANE_t1; rename or remove it.")
        if path.stem in stems:
            raise DataFault(f"{path}: a second picture of this name in another format; remove one of them.")
        stems.add(path.stem)
        mask: Path | None = folder / "masks" / f"{path.stem}.png"
        if mask is not None and not mask.exists():
            if found["kind"] != "no":
                raise DataFault(f"{mask}: this mask is missing, and the picture's name says tumour; add it.")
            mask = None
        cases.append(Case("brisc", path.stem, (path,), (mask,), found["kind"], found["plane"]))
    return cases


def _read(path: Path) -> np.ndarray:
    """uint8 (rows, columns, 1 or 3); one channel where all three are equal."""
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise DataFault(f"{path}: cannot be read as a picture ({error}); replace or remove it.") from error
    if pixels.ndim == 2:
        return pixels[..., None]
    return pixels
