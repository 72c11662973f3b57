"""The original DICOM instances that a result refers to, and where their slices lie in the patient.

DICOM's patient coordinates grow towards the patient's left, back and head (LPS),
in millimetres (PS3.3 C.7.6.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset

from ml.imaging.grouping import SAME_PLACE_MM, SAME_SIZE, SAME_WAY, UNEVEN_SHARE, evenly_spaced
from ml.imaging.headers import head_of
from ml.imaging.headers.dicom import accepts, instance_of, load
from ml.imaging.limits import DEFAULT
from ml.imaging.readers.dicom_geometry import lay_out
from ml.imaging.writers import MOST_LESIONS
from ml.imaging.writers.common import (
    NO_GEOMETRY,
    NO_OUTLINE,
    UNEVEN,
    NotExportable,
    check_masks,
    lesion_labels,
)

# Type 2 in every result, so present and perhaps empty (PS3.3 C.7.1.1, C.7.2.1).
NEEDED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
          "AccessionNumber", "ReferringPhysicianName")  # fmt: skip

_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")

NO_DICOM = "This scan was not uploaded as DICOM, so no DICOM result can refer to it."
NO_UIDS = "The DICOM files of this scan do not say which study, series or instance they are, so no DICOM result can refer to them."


@dataclass(frozen=True, eq=False)
class Plane:
    """Where one slice lies.

    Attributes:
        position: (3,) float64, the centre of the first pixel, mm LPS.
        along_row: (3,) unit vector from one column to the next.
        along_column: (3,) unit vector from one row to the next.
        row_mm: distance between rows.
        column_mm: distance between columns.
    """

    position: np.ndarray
    along_row: np.ndarray
    along_column: np.ndarray
    row_mm: float
    column_mm: float

    @property
    def normal(self) -> np.ndarray:
        """(3,) unit vector: columns, rows, normal are right-handed."""
        return np.cross(self.along_row, self.along_column)

    def points(self, pixels: np.ndarray) -> np.ndarray:
        """Pixel coordinates to the patient.

        Args:
            pixels: (n, 2) column, row; whole numbers are pixel centres.

        Returns:
            (n, 3) float64 mm LPS.
        """
        steps = np.stack([self.along_row * self.column_mm, self.along_column * self.row_mm])
        return np.asarray(self.position + np.asarray(pixels, float) @ steps)


class SourceSeries:
    """The instances of one series, a slice each, in the order of the Volume's slices.

    Attributes:
        datasets: one for each slice, without pixel data; the same object several times for
            a multi-frame instance.
        frames: the frame number of each slice from 0, or None for single-frame instances.
    """

    def __init__(self, datasets: Sequence[Dataset], frames: Sequence[int | None] | None = None) -> None:
        self.datasets = tuple(datasets)
        given = tuple(frames) if frames is not None else (None,) * len(self.datasets)
        # An enhanced instance keeps its geometry by frame, also where it has only one.
        self.frames = tuple(
            0 if frame is None and "PerFrameFunctionalGroupsSequence" in dataset and _frames(dataset) == 1 else frame
            for frame, dataset in zip(given, self.datasets, strict=True)
        )
        if not self.datasets or len(self.frames) != len(self.datasets):
            raise ValueError("every slice needs its instance")
        first = self.datasets[0]
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Rows", "Columns"):
            if any((dataset.get(name) or "") != (first.get(name) or "") for dataset in self.datasets):
                raise NotExportable(
                    "The files of this scan are not of one series, so no DICOM result can refer to them."
                )
        for dataset, frame in zip(self.datasets, self.frames, strict=True):
            count = _frames(dataset)
            if not 0 <= (frame or 0) < count or (frame is None and count > 1):
                raise ValueError("a multi-frame instance needs the number of each frame")

    @classmethod
    def read(
        cls, paths: Sequence[Path], frames: Sequence[int | None] | None = None, *, referred: bool = True
    ) -> SourceSeries:
        """Read the headers of stored files.

        Args:
            paths: one for each slice, in slice order; several slices may share a path.
            frames: the frame of each slice, from 0.
            referred: whether the result refers to the instances, so that they have to say which they are.

        Raises:
            NotExportable: if a file is not DICOM, does not say which instance it is, or they are not of one series.
            UploadRefused: if a file can no longer be read.
        """
        by_path: dict[Path, Dataset] = {}
        for path in paths:
            if path not in by_path:
                by_path[path] = _header(path, referred=referred)
        datasets = [by_path[path] for path in paths]
        return cls(datasets, frames)

    @classmethod
    def of(cls, files: Sequence[tuple[Path, str]], sources: Sequence[str], *, referred: bool = True) -> SourceSeries:
        """Find the instance of every slice again.

        Args:
            files: each stored file, and what it was called when the Volume was read.
            sources: Volume.sources.
            referred: as for `read`.

        Raises:
            NotExportable: if a slice's file is not there, or as `read`.
        """
        found = locate(files, sources)
        return cls.read([path for path, _ in found], [frame for _, frame in found], referred=referred)

    def __len__(self) -> int:
        """The number of slices."""
        return len(self.datasets)

    @property
    def first(self) -> Dataset:
        """The instance of the first slice, for what all have in common."""
        return self.datasets[0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns) as stored."""
        return len(self), int(self.first.Rows), int(self.first.Columns)

    @property
    def instances(self) -> list[Dataset]:
        """Each instance once, in slice order."""
        return list({id(dataset): dataset for dataset in self.datasets}.values())

    @property
    def is_multiframe(self) -> bool:
        """Whether the slices are frames of enhanced instances."""
        return self.frames[0] is not None

    def references(self) -> list[Dataset]:
        """Image SOP Instance Reference of each slice (PS3.3 table 10-3), with its frame where it is one."""
        items = []
        for dataset, frame in zip(self.datasets, self.frames, strict=True):
            item = Dataset()
            item.ReferencedSOPClassUID = dataset.SOPClassUID
            item.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
            if frame is not None:
                item.ReferencedFrameNumber = frame + 1
            items.append(item)
        return items

    def planes(self) -> list[Plane]:
        """Where each slice lies.

        Raises:
            NotExportable: if the files do not say.
        """
        if not self.first.get("FrameOfReferenceUID"):
            raise NotExportable(NO_GEOMETRY)
        return [_plane(dataset, frame) for dataset, frame in zip(self.datasets, self.frames, strict=True)]

    def stated(self, index: int, macro: str, name: str) -> Any:
        """An attribute of a slice as its file states it, from the functional group `macro` where it has them; or None."""
        return _attribute(self.datasets[index], self.frames[index], macro, name)

    def thicknesses(self) -> list[float | None]:
        """How thick the files say that each slice is, in mm; None where one says nothing, or nothing above 0."""
        stated = [_number(self.stated(index, "PixelMeasuresSequence", "SliceThickness")) for index in range(len(self))]
        return [None if thickness is None or thickness <= 0 else thickness for thickness in stated]

    @staticmethod
    def is_parallel(planes: Sequence[Plane]) -> bool:
        """Whether all planes point the same way, but for the last digits, and have pixels of one size."""
        ways = np.array([(*plane.along_row, *plane.along_column) for plane in planes])
        sizes = np.array([(plane.row_mm, plane.column_mm) for plane in planes])
        return bool(np.allclose(ways, ways[0], rtol=0, atol=SAME_WAY) and np.allclose(sizes, sizes[0], rtol=SAME_SIZE))

    @staticmethod
    def distance(planes: Sequence[Plane]) -> float | None:
        """The one distance of neighbouring slices along their normal as measured, in mm; None for one or uneven ones."""
        along = [float(plane.position @ planes[0].normal) for plane in planes]
        if len(along) < 2 or not evenly_spaced(along):
            return None
        return round(abs(along[-1] - along[0]) / (len(along) - 1), 6)

    def inside(self, masks: np.ndarray, scan: Mapping[str, Any]) -> np.ndarray:
        """Which pixels are outlined, (slices, rows, columns) bool as stored.

        Args:
            masks: (slices, rows, columns) bool, uint8 or numbered (`lesion_labels`), as stored.
            scan: the contract's scan object.

        Raises:
            ValueError: if the masks are not this scan's or not of this shape.
        """
        found = check_masks(masks, scan)
        if found.shape != self.shape:
            raise ValueError(f"the masks are {found.shape}, the source is {self.shape}")
        return found

    def outlined(self, masks: np.ndarray, scan: Mapping[str, Any], *, form: str) -> tuple[list[Plane], np.ndarray, int]:
        """What an export of the outline is made from: where each slice lies, the lesions' numbers, and how many.

        Args:
            masks, scan: as for `inside`.
            form: what is made, for the sentence: "a structure set".

        Raises:
            NotExportable: if nothing or too much is outlined, or the slices' places are unknown.
            ValueError: as `inside`.
        """
        if not self.inside(masks, scan).any():
            raise NotExportable(NO_OUTLINE)
        planes = self.planes()
        labels, count = lesion_labels(masks)
        if count > MOST_LESIONS:
            raise NotExportable(f"There are too many separate outlines for {form}. Choose the NIfTI mask instead.")
        return planes, labels, count

    def affine(self) -> np.ndarray:
        """From voxel index to patient.

        Returns:
            (4, 4) float64; (column, row, slice, 1) to mm LPS.

        Raises:
            NotExportable: if positions are unknown, the slices are not parallel and evenly
                spaced, or a single slice has no thickness.
        """
        planes = self.planes()
        first = planes[0]
        if not self.is_parallel(planes):
            raise NotExportable(UNEVEN)
        positions = np.stack([plane.position for plane in planes])
        if len(planes) > 1:
            step = (positions[-1] - positions[0]) / (len(planes) - 1)
            expected = positions[0] + np.arange(len(planes))[:, np.newaxis] * step
            tolerance = max(SAME_PLACE_MM, UNEVEN_SHARE * float(np.linalg.norm(step)))
            if np.abs(positions - expected).max() > tolerance or abs(step @ first.normal) < 1e-3:
                raise NotExportable(UNEVEN)
        else:
            (thickness,) = self.thicknesses()
            if thickness is None:
                raise NotExportable(NO_GEOMETRY)
            step = first.normal * thickness
        affine = np.eye(4)
        affine[:3, 0] = first.along_row * first.column_mm
        affine[:3, 1] = first.along_column * first.row_mm
        affine[:3, 2] = step
        affine[:3, 3] = first.position
        return affine


def locate(files: Sequence[tuple[Path, str]], sources: Sequence[str]) -> list[tuple[Path, int | None]]:
    """The file of every slice, and its frame or plane from 0 where the file holds several.

    Args:
        files: each stored file, and what it was called when the Volume was read, in order.
        sources: Volume.sources.

    Raises:
        NotExportable: if a slice's file is not there.
    """
    named: dict[str, list[Path]] = {}
    for path, name in files:
        named.setdefault(name, []).append(path)
    found = [_file_of(source, named) for source in sources]
    if all(len(each) == 1 for each in named.values()):
        return found
    # Several files are called the same. Pictures of one series are kept in the order of its slices.
    paths = [path for path, _ in files]
    if accepts(head_of(paths[0])):
        paths = _by_place(paths)
    if len(paths) != len(sources):
        raise NotExportable("Several files of this scan have one name. Upload it again with different names.")
    return [(path, None) for path in paths]


def _header(path: Path, *, referred: bool) -> Dataset:
    """One instance without its pixels, with every attribute that results copy from it, empty where it has none."""
    if not accepts(head_of(path)):
        raise NotExportable(NO_DICOM)
    dataset = load(path, DEFAULT, with_pixels=False)
    if referred and not all(dataset.get(name) for name in _IDENTITY):
        raise NotExportable(NO_UIDS)
    for name in NEEDED:
        if name not in dataset:
            setattr(dataset, name, "")
    codes = dataset.get("ProcedureCodeSequence")
    if codes is not None and not (codes and all(item.get("CodeValue") for item in codes)):
        del dataset.ProcedureCodeSequence  # a hospital's own code, emptied at the door: results would copy what is none
    return dataset


def _file_of(source: str, named: Mapping[str, Sequence[Path]]) -> tuple[Path, int | None]:
    """The file (the first of its name) and the frame that a slice came from."""
    if source in named:
        return named[source][0], None
    name, bracket, number = source.rpartition("[")
    if bracket and number.endswith("]") and number[:-1].isdecimal() and name in named:
        return named[name][0], int(number[:-1])
    raise NotExportable("The files of this scan are not the ones that were analysed. Analyse it again.")


def _by_place(files: Sequence[Path]) -> list[Path]:
    """Single-frame files in slice order: by where they lie, as the reader orders them."""
    instances = [instance_of(load(path, DEFAULT, with_pixels=False), DEFAULT) for path in files]
    if any(len(instance.frames) > 1 for instance in instances):
        return []
    order, _, _ = lay_out([instance.frames[0] for instance in instances], [instance.number for instance in instances])
    return [files[place] for place in order]


def _frames(dataset: Dataset) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _plane(dataset: Dataset, frame: int | None) -> Plane:
    position = _numbers(_attribute(dataset, frame, "PlanePositionSequence", "ImagePositionPatient"), 3)
    directions = _numbers(_attribute(dataset, frame, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    spacing = _numbers(_attribute(dataset, frame, "PixelMeasuresSequence", "PixelSpacing"), 2)
    if position is None or directions is None or spacing is None or min(spacing) <= 0:
        raise NotExportable(NO_GEOMETRY)
    along_row, along_column = directions[:3], directions[3:]
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if not np.allclose(lengths, 1.0, atol=1e-2) or abs(along_row @ along_column) > 1e-2:
        raise NotExportable(NO_GEOMETRY)
    return Plane(
        position,
        along_row / lengths[0],
        along_column / lengths[1],
        row_mm=float(spacing[0]),
        column_mm=float(spacing[1]),
    )


def _attribute(dataset: Dataset, frame: int | None, macro: str, name: str) -> Any:
    """An attribute of a slice: at the top level, or in the functional groups of an enhanced instance."""
    if frame is not None:
        per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or ()
        shared = dataset.get("SharedFunctionalGroupsSequence") or ()
        for groups in (per_frame[frame : frame + 1], shared[:1]):
            for group in groups:
                for item in group.get(macro) or ():
                    if item.get(name) is not None:
                        return item.get(name)
    return dataset.get(name)


def _number(value: object) -> float | None:
    numbers = _numbers([value], 1) if value is not None else None
    return None if numbers is None else float(numbers[0])


def _numbers(value: object, count: int) -> np.ndarray | None:
    try:
        numbers = np.asarray(value, float)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None
