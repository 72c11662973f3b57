"""Folders of training data: what lies in them, checked before anything is trained or measured.

Two layouts are known, told apart by content: `kaggle_3m` (a folder a patient, `NAME_N.tif` beside
`NAME_N_mask.tif`) and `brisc` (`images/` and `masks/`, no patient ids). A fault stops at once with
the file's name and how to mend it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

Family = Literal["lgg", "brisc"]

_LGG_FILE = re.compile(r"^(?P<patient>.+)_(?P<number>\d+)(?P<mask>_mask)?\.tif$")
_BRISC_SLICE = re.compile(r"^brisc2025_\w+?_(?P<number>\d+)_(?P<kind>gl|me|pi|no)_(?P<plane>ax|co|sa)_\w+$")
_PICTURES = {".tif", ".tiff", ".png", ".webp", ".jpg", ".jpeg", ".bmp"}
_LEFT_BEHIND = {"Thumbs.db", "desktop.ini", "__MACOSX"}


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

    @property
    def sources(self) -> tuple[str, ...]:
        """Where each slice comes from: as many names as there are slices."""
        return tuple(path.name for path in self.images)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (slices, rows, columns, channels) and bool (slices, rows, columns).

        Raises DataFault naming the file that is unreadable, of another size than its mask, or contradicts its name.
        """
        images = [_read(path) for path in self.images]
        masks = []
        for path, mask, image in zip(self.images, self.masks, images, strict=True):
            outline = np.zeros(image.shape[:2], bool) if mask is None else _read_mask(mask)
            if self.kind and outline.any() == (self.kind == "no"):
                raise DataFault(
                    f"{mask}: the mask holds {'a' if outline.any() else 'no'} tumour, but the name of its picture says "
                    "the contrary; rename or remove both."
                )
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


def one_by_one(cases: Sequence[Case]) -> list[Case]:
    """The slices of LGG patients as cases of their own, as if each had come alone; in order."""
    return [
        replace(case, name=image.stem, images=(image,), masks=(mask,))
        for case in cases
        if case.family == "lgg"
        for image, mask in zip(case.images, case.masks, strict=True)
    ]


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
    """Raises DataFault when a case comes twice, or a picture does, byte for byte, within a patient or in two splits.

    `part_of`: the split of each case's name. BRISC holds copies: they may stay while they share a
    split, or one is left out of all; two patients never hold the same picture. Blank pictures are no copies of each other.
    """
    named: dict[tuple[str, str], Case] = {}
    seen: dict[str, tuple[Case, Path]] = {}
    for case in cases:
        namesake = named.setdefault((case.family, case.name), case)
        if namesake is not case:
            raise DataFault(
                f"{case.images[0]}: {case.name} was given before, with {namesake.images[0]}; give each folder and "
                "each case once."
            )
        if part_of.get(case.name) == "left_out":
            continue
        for path in case.images:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            other, first = seen.setdefault(digest, (case, path))
            together = case.family == "brisc" and part_of.get(other.name) == part_of.get(case.name)
            if first != path and not together and np.ptp(_read(path)) > 0:
                would = "count twice" if other is case else "be in two splits"
                raise DataFault(f"{path}: the same picture as {first}; remove one, it would {would}.")


def refuse_unreadable(cases: Iterable[Case]) -> None:
    """Reads every picture and mask once, so that a bad one stops before an hour of work. Raises DataFault."""
    for case in cases:
        case.read()


def _find_lgg(folder: Path) -> list[Case]:
    cases = []
    for patient in _listed(folder):
        if patient.is_dir():
            cases.append(_find_patient(patient))
        elif patient.suffix.lower() in _PICTURES:
            raise DataFault(f"{patient}: lies in no patient's folder; move or remove it.")
    return cases


def _find_patient(patient: Path) -> Case:
    slices: dict[int, Path] = {}
    masks = set()
    for path in _listed(patient):
        found = _LGG_FILE.match(path.name)
        # Whatever else lies here was meant for something: another patient's slice, or one spelt .TIF or .png.
        if not found or found["patient"] != patient.name:
            raise DataFault(
                f"{path}: slices and masks in this folder are named {patient.name}_N.tif and {patient.name}_N_mask.tif; "
                "rename, move or remove it."
            )
        if found["mask"]:
            masks.add(path)
        elif (first := slices.setdefault(int(found["number"]), path)) != path:
            raise DataFault(f"{path}: has the number of {first.name}; remove one or number it anew.")
    if not slices:
        raise DataFault(f"{patient}: no slices named {patient.name}_N.tif; remove the folder or fill it.")
    for number in range(min(slices), min(slices) + len(slices)):
        if number not in slices:
            raise DataFault(f"{patient}: slice {number} is missing; add it, or number the slices without a gap.")
    ordered = tuple(slices[number] for number in sorted(slices))
    wanted = tuple(path.with_name(f"{path.stem}_mask.tif") for path in ordered)
    for mask in wanted:
        if mask not in masks:
            raise DataFault(f"{mask}: this mask is missing; add it (all black where there is no tumour).")
    for stray in sorted(masks - set(wanted)):
        raise DataFault(f"{stray}: a mask without its picture; add the picture or remove the mask.")
    return Case("lgg", patient.name, ordered, wanted)


def _find_brisc(folder: Path) -> list[Case]:
    masks = {path.name: path for path in _listed(folder / "masks")}
    cases = []
    stems = set()
    for path in _listed(folder / "images"):
        found = _BRISC_SLICE.match(path.stem)
        if not found or path.suffix.lower() not in _PICTURES:
            raise DataFault(f"{path}: no picture named brisc2025_PART_NUMBER_KIND_PLANE_t1; rename or remove it.")
        if path.stem in stems:
            raise DataFault(f"{path}: a second picture of this name in another format; remove one of them.")
        stems.add(path.stem)
        mask = masks.pop(f"{path.stem}.png", None)
        if mask is None and found["kind"] != "no":
            missing = folder / "masks" / f"{path.stem}.png"
            raise DataFault(f"{missing}: this mask is missing, and the picture's name says tumour; add it.")
        cases.append(Case("brisc", path.stem, (path,), (mask,), found["kind"], found["plane"]))
    for stray in masks.values():
        raise DataFault(
            f"{stray}: a mask is named as its picture, NAME.png, and this one has none; rename or remove it."
        )
    return cases


def _listed(folder: Path) -> list[Path]:
    """What lies in a folder, sorted, without what file managers leave there; nothing where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.name not in _LEFT_BEHIND)


def _read_mask(path: Path) -> np.ndarray:
    """Bool (rows, columns): where the mask is white. Raises DataFault when it has colours or shades."""
    pixels = _read(path)
    marked = pixels[pixels > 0]
    if (pixels != pixels[..., :1]).any() or (marked.size and marked.min() != marked.max()):
        raise DataFault(f"{path}: the mask has colours or shades of grey; export it in black and white, without JPEG.")
    return np.asarray(pixels[..., 0] > 0)


def _read(path: Path) -> np.ndarray:
    """uint8 (rows, columns, channels); one channel where the file has one, else three. Raises DataFault."""
    try:
        with Image.open(path) as picture:
            if picture.mode.startswith(("I", "F")):
                raise DataFault(f"{path}: holds more than 8 bits a pixel, which would be cut off; export it with 8.")
            if getattr(picture, "n_frames", 1) > 1:
                raise DataFault(f"{path}: holds several pictures; give each a file of its own.")
            pixels = np.asarray(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataFault(f"{path}: cannot be read as a picture ({error}); replace or remove it.") from error
    if pixels.ndim == 2:
        return pixels[..., None]
    return pixels
