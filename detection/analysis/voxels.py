"""What the viewer reads of an analysis: the voxels that are shown, their mask, and how they lie in the patient.

Three derived files, and a fourth where the models explain themselves:

- `voxels.gz`: gzip of little-endian uint8 or int16, in C order z, y, x (and three components where the picture has
  colours). Where the orientation is known the axes are canonical: x grows to the patient's left, y to the back, z to
  the head. Where it is not they are columns, rows and slices as read.
- `mask.gz`: gzip of uint8, the same grid: 0 outside, else the number of the lesion (255 for the 255th and all after).
- `heat.gz`: gzip of uint8, 0 to 255 for 0 to 1, the same grid.
- `volume.json`: the geometry, as `Geometry` says.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from detection.analysis.pictures import FLAIR
from ml.findings import Findings, Verdict
from ml.imaging.volume import OBLIQUE_FROM, SLANTED, Orientation, Placement, Volume
from ml.imaging.writers.common import lesion_labels
from ml.preprocess import intensity_range

FASTEST = 1
"""zlib level: noise hardly shrinks further, and the worker waits for it."""

EIGHT_BITS_FROM = 48 << 20
"""Voxels from which a volume is sent with 8 bits each: a browser holds the whole of it."""

NO_ORIENTATION = "The file does not say how the head lies in it, so only the slices as acquired are shown."
NO_DISTANCE = "The distance between slices is not known, so only the plane that was acquired is shown."
ONE_SLICE = "One slice has one plane."
SHEARED = "The slices are shifted against each other (a tilted stack), so only the plane that was acquired is shown."
OBLIQUE = "Oblique: the slices lie {:.0f}° off {}. All planes follow the slices as acquired; nothing is resampled."

_CANONICAL = (("S", "I"), ("P", "A"), ("L", "R"))
"""For z, y, x: the side that the axis grows towards, and the other."""


@dataclass(frozen=True)
class Geometry:
    """The lie of the voxels, as `volume.json` gives it.

    Attributes
    ----------
    dims : list of int
        x, y, z.
    spacing : list or None
        Millimetres along x, y, z, each above 0; the one from slice to slice may be None. None where the file does
        not say.
    labels : list of str or None
        The patient's sides that x, y, z grow towards, the nearest first: L, P, S; `PS` for an oblique axis. None where
        the file does not say.
    directions : list or None
        Unit vectors in the patient (left, back, head) along x, y, z; None where only the sides are known.
    acquired : str
        The plane of the slices: axial, coronal, sagittal, or `acquired` where the orientation is not known.
    reversed : bool
        Whether slice 0 of the analysis is the last along its axis here.
    planes : list of str
        Planes that may be shown; the acquired one first.
    planes_note : str
        Why there is one plane only; empty where there are three.
    oblique_note : str
        How far the slices are tilted; empty where they are not, or nobody knows.
    dtype : str
        uint8 or int16, little-endian.
    components : int
        1, or 3 for colours.
    slope, intercept : float
        The file's own value is `slope * voxel + intercept`.
    windows : dict
        Name to [lowest, highest] voxel value: `auto`, `full`, `brain`, `contrast`, and `file` for the one that the files
        state.
    mask, heat : bool
        Whether these files are there, and (mask) not empty.
    diameters : list of dict
        RANO's two perpendicular diameters of each lesion that has them: `lesion` (its number), `ends` (four [x, y, z],
        voxels of this grid, whole numbers their middles: the longest, then the other), `mm` (the two, or None), `px`.
    """

    dims: list[int]
    spacing: list[float | None] | None
    labels: list[str] | None
    directions: list[list[float]] | None
    acquired: str
    reversed: bool
    planes: list[str]
    planes_note: str
    oblique_note: str
    dtype: str
    components: int
    slope: float
    intercept: float
    windows: dict[str, list[float]]
    mask: bool
    heat: bool
    diameters: list[dict[str, Any]]


@dataclass(frozen=True)
class Packed:
    """The voxels as they are sent, and the attributes of `Geometry` that tell how to read them."""

    content: bytes
    described: dict[str, Any]


def pack(volume: Volume, *, refused: bool) -> Packed:
    """The content of `voxels.gz`. Needs no findings: whether a volume is `refused` counts only where it has colours."""
    shown = _shown(volume, refused=refused)
    values, slope, intercept = _stored(shown)
    found = _windows(shown)
    low, high = found["full"]
    if volume.window is not None and volume.window[0] < high and volume.window[1] > low:
        found["file"] = volume.window
    windows = {name: [round((edge - intercept) / slope, 3) for edge in edges] for name, edges in found.items()}
    described = {
        "dtype": values.dtype.name,
        "components": values.shape[3],
        "slope": slope,
        "intercept": intercept,
        "windows": windows,
    }
    return Packed(_packed(canonical(values, volume.orientation)), described)


def render(
    volume: Volume, findings: Findings, heat: np.ndarray | None = None, packed: Packed | None = None
) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the derived files; `volume.json` last, because it names the others.

    Parameters
    ----------
    volume : Volume
        As analysed.
    findings : Findings
        Of that volume, one slice each.
    heat : ndarray or None
        uint8 (slices, rows, columns), 0..255 for 0..1: what the classifier looked at, on the volume's own grid.
    packed : Packed or None
        What `pack` made of the volume, where that was done before.
    """
    packed = packed or pack(volume, refused=findings.verdict is Verdict.REFUSED)
    yield "voxels.gz", packed.content
    mask = np.empty(volume.voxels.shape[:3], np.uint8)
    for index, finding in enumerate(findings.slices):
        mask[index] = finding.mask.pixels > 0
    if findings.lesions:
        mask = np.minimum(lesion_labels(mask)[0], 255).astype(np.uint8)
    yield "mask.gz", _packed(canonical(mask[..., None], volume.orientation))
    if heat is not None:
        yield "heat.gz", _packed(canonical(heat[..., None], volume.orientation), zlib.Z_DEFAULT_STRATEGY)
    described = geometry(
        volume,
        **packed.described,
        mask=bool(mask.any()),
        heat=heat is not None,
        diameters=[*_diameters(volume, findings)],
    )
    yield "volume.json", json.dumps(asdict(described)).encode()


def canonical(values: np.ndarray, orientation: Orientation | None) -> np.ndarray:
    """(slices, rows, columns, components) as (z, y, x, components): a view, turned where the orientation is known."""
    if orientation is None:
        return values
    order, flips = _turn(orientation)
    turned = values.transpose(*order, 3)
    return turned[tuple(slice(None, None, -1 if back else None) for back in flips)]


def geometry(volume: Volume, **values: object) -> Geometry:
    """The geometry of a volume in the viewer's grid; `values` are the attributes that depend on its pixels."""
    sizes: list[int] = [len(volume), volume.rows, volume.columns]
    known = volume.spacing
    distances = None if known is None else [known.between_slices, known.row, known.column]
    acquired, backwards = "acquired", False
    labels, directions, oblique, sheared = None, None, "", False
    if volume.orientation is not None:
        order, flips = _turn(volume.orientation)
        acquired, backwards = volume.orientation.plane, flips[order.index(0)]
        sizes = [sizes[axis] for axis in order]
        distances = None if distances is None else [distances[axis] for axis in order]
        labels = ["L", "P", "S"]
        if volume.placement is not None:
            pointing = _directions(volume.placement)
            sheared = any(abs(one @ other) > SLANTED for one, other in combinations(pointing, 2))
            turned = [pointing[axis] * (-1 if back else 1) for axis, back in zip(order, flips, strict=True)]
            directions = [[round(float(part), 6) for part in direction] for direction in turned[::-1]]
            labels = [sides(direction) for direction in directions]
            tilt = volume.placement.tilt
            oblique = OBLIQUE.format(tilt, acquired) if tilt >= OBLIQUE_FROM else ""
    note = ""
    if len(volume) == 1:
        note = ONE_SLICE
    elif volume.orientation is None:
        note = NO_ORIENTATION
    elif distances is None or None in distances:
        note = NO_DISTANCE
    elif sheared:
        note = SHEARED
    others = [plane for plane in ("axial", "coronal", "sagittal") if plane != acquired]
    return Geometry(
        dims=sizes[::-1],
        spacing=None if distances is None else distances[::-1],
        labels=labels,
        directions=directions,
        acquired=acquired,
        reversed=backwards,
        planes=[acquired] if note else [acquired, *others],
        planes_note=note,
        oblique_note=oblique,
        **values,  # type: ignore[arg-type]  # given by `render`, by name
    )


def sides(direction: Sequence[float]) -> str:
    """The patient's sides that a unit vector (left, back, head) points to, the nearest first: `P`, or `PS` if it rises.

    As DICOM's Patient Orientation writes them (PS3.3 C.7.6.1.1.1).
    """
    axes = sorted(range(3), key=lambda axis: -abs(direction[axis]))
    told = [axis for axis in axes if abs(direction[axis]) >= math.sin(math.radians(OBLIQUE_FROM))]
    return "".join("LPS"[axis] if direction[axis] > 0 else "RAI"[axis] for axis in told)


def _directions(placement: Placement) -> list[np.ndarray]:
    """Unit vectors (left, back, head) along growing slices, rows and columns."""
    row, column = np.array(placement.row), np.array(placement.column)
    first, last = np.array(placement.slices[0]), np.array(placement.slices[-1])
    through = last - first if len(placement.slices) > 1 else np.cross(column, row)
    return [vector / np.linalg.norm(vector) for vector in (through, row, column)]


def _diameters(volume: Volume, findings: Findings) -> Iterator[dict[str, Any]]:
    """The drawn diameters, as `Geometry` says."""
    sizes = volume.voxels.shape[:3]
    order, flips = ([0, 1, 2], [False] * 3) if volume.orientation is None else _turn(volume.orientation)
    for number, lesion in enumerate(findings.lesions, 1):
        if lesion.diameter_ends_px is None or lesion.diameter_slice is None:
            continue
        places = [(float(lesion.diameter_slice), *end) for end in lesion.diameter_ends_px]
        turned = [
            [sizes[axis] - 1 - place[axis] if back else place[axis] for axis, back in zip(order, flips, strict=True)]
            for place in places
        ]
        yield {
            "lesion": number,
            "ends": [[round(value, 3) for value in place[::-1]] for place in turned],
            "mm": lesion.diameters_mm,
            "px": lesion.diameters_px,
        }


def _turn(orientation: Orientation) -> tuple[list[int], list[bool]]:
    """For z, y, x: which of slices, rows, columns it is, and whether that runs the other way."""
    labels = (orientation.slices, orientation.rows, orientation.columns)
    order, flips = [], []
    for towards, away in _CANONICAL:
        axis = next(place for place, label in enumerate(labels) if label in (towards, away))
        order.append(axis)
        flips.append(labels[axis] == away)
    return order, flips


def _shown(volume: Volume, *, refused: bool) -> np.ndarray:
    """The channel that `pictures.display` shows, with the file's own values: (slices, rows, columns, 1 or 3)."""
    if volume.channels == 1 or refused:
        return volume.voxels
    flair = volume.voxels[..., FLAIR : FLAIR + 1]
    return flair if flair.min() < flair.max() else volume.voxels.max(axis=3, keepdims=True)


def _stored(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Values as they are sent, with slope and intercept that lead back to the file's own."""
    if values.dtype == np.uint8:
        return values, 1.0, 0.0
    low, high = float(values.min()), float(values.max())
    small = values.size >= EIGHT_BITS_FROM or values.shape[3] == 3
    if not small and values.dtype.kind in "iu" and low >= -32768 and high <= 32767:
        return values.astype("<i2", copy=False), 1.0, 0.0
    if small:
        # 8 bits are for what is worth seeing; a hot spot would leave a handful of greys for the brain.
        low, high = intensity_range(values)
    top, dtype = (255, np.dtype("u1")) if small else (32767, np.dtype("<i2"))
    slope = (high - low) / top if high > low else 1.0
    sent = np.empty(values.shape, dtype)
    for index, picture in enumerate(values):  # slice by slice: a large volume is not held as floats as well
        sent[index] = np.clip((picture.astype(np.float32) - low) / slope + 0.5, 0, top).astype(dtype)
    return sent, slope, low


def _windows(values: np.ndarray) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each preset, in the file's own values."""
    full = (float(values.min()), float(values.max()))
    if values.shape[3] == 3:
        return {"auto": (0.0, 255.0) if values.dtype == np.uint8 else full, "full": full}
    auto = intensity_range(values)
    if not auto[1] > auto[0]:
        return {"auto": full, "full": full}
    # The middle half of the picture each way is brain, whatever lies round it.
    _, rows, columns, _ = values.shape
    middle = values[:, rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
    sample = middle.flat[:: max(1, middle.size // 200_000)].astype(np.float32)
    tissue = sample[sample > auto[0] + 0.15 * (auto[1] - auto[0])]
    if tissue.size < 100:
        return {"auto": auto, "full": full}
    low, dark, bright, high = (float(edge) for edge in np.percentile(tissue, (2, 15, 97, 99.9)))
    windows = {"auto": auto, "full": full}
    if high > low:
        windows["brain"] = (low, high)
    if bright > dark:
        windows["contrast"] = (dark, bright)
    return windows


def _packed(values: np.ndarray, strategy: int = zlib.Z_RLE) -> bytes:
    """Gzip of the values in C order, made slice by slice. Noise and masks hold nothing that repeats but runs."""
    packer = zlib.compressobj(FASTEST, zlib.DEFLATED, 31, strategy=strategy)
    parts = [packer.compress(np.ascontiguousarray(layer).tobytes()) for layer in values]
    return b"".join((*parts, packer.flush()))
