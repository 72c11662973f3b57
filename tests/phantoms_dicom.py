"""Generated heads as DICOM: series, multi-frame, any orientation, any value range."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def series(
    voxels: np.ndarray,
    *,
    spacing: tuple[float, float, float] = (5.0, 0.9, 0.8),
    directions: tuple[float, ...] = AXIAL,
    **tags: Any,
) -> list[Dataset]:
    """One dataset a slice.

    Args:
        voxels: (slices, rows, columns) uint8, uint16 or int16, as each slice is stored; along
            the normal of `directions`.
        spacing: mm between slices, rows, columns.
        directions: ImageOrientationPatient.
        tags: set on every dataset.
    """
    uid = generate_uid()
    normal = np.cross(directions[:3], directions[3:])
    datasets = []
    for index, pixels in enumerate(voxels):
        dataset = single(pixels, SeriesInstanceUID=uid, InstanceNumber=index + 1)
        dataset.PixelSpacing = [spacing[1], spacing[2]]
        dataset.ImageOrientationPatient = list(directions)
        dataset.ImagePositionPatient = [float(value) for value in normal * index * spacing[0] - 50.0]
        for name, value in tags.items():
            setattr(dataset, name, value)
        datasets.append(dataset)
    return datasets


def single(pixels: np.ndarray, **tags: Any) -> Dataset:
    """One slice (rows, columns) or colour picture (rows, columns, 3), without any geometry."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.Modality = "MR"
    dataset.PatientID = "PHANTOM"
    dataset.Rows, dataset.Columns = pixels.shape[-2:] if pixels.ndim == 2 else pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    if len(dataset.PixelData) % 2:
        dataset.PixelData += b"\0"
    for name, value in tags.items():
        setattr(dataset, name, value)
    return dataset


NAMES = ("Zabrinska", "Wilhelmina", "1957-03-21", "19570321", "Ward 7B", "MRN-4711", "Dr Quackenbush", "St Elsewhere")
"""What a patient's files may say about her; none of it is a harmless word."""


def with_names(dataset: Dataset) -> Dataset:
    """Plant the patient's names wherever software has been seen to leave them: tags, private tags, nested sequences."""
    name, forename, _, birth, ward, number, doctor, hospital = NAMES
    whole = f"{name}^{forename}"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = whole, number, birth
    dataset.IssuerOfPatientID, dataset.PatientAddress, dataset.PatientSex = hospital, ward, "F"
    dataset.PatientComments = f"{forename} born {NAMES[2]}"
    dataset.InstitutionName, dataset.ReferringPhysicianName, dataset.OperatorsName = hospital, doctor, doctor
    dataset.StationName, dataset.AccessionNumber, dataset.StudyID = hospital, number, number
    dataset.StudyDate, dataset.StudyTime = "20240131", "101500"
    dataset.StudyDescription = f"MRI brain {name}"
    dataset.ImageComments = f"{whole} {ward}"
    dataset.PatientAge, dataset.PatientWeight = "066Y", 71.5
    dataset.OtherPatientIDs = number
    dataset.AdditionalPatientHistory = f"{name}: headache"
    inner, outer, request = Dataset(), Dataset(), Dataset()
    inner.PatientName, inner.PatientID, inner.PersonName = whole, number, doctor
    inner.TextValue = f"seen by {doctor}"
    outer.ReferencedSOPInstanceUID = generate_uid()
    outer.ReferencedSOPClassUID = MRImageStorage
    outer.PurposeOfReferenceCodeSequence = Sequence([inner])
    outer.ReferencedPatientSequence = Sequence([inner])
    dataset.ReferencedImageSequence = Sequence([outer])
    request.RequestedProcedureDescription = f"brain with contrast {name}"
    request.RequestingPhysician = doctor
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "WILHELMINA", "99HOSPITAL", hospital
    request.RequestedProcedureCodeSequence = Sequence([code])
    dataset.RequestAttributesSequence = Sequence([request])
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", f"tPatientName = {whole}".encode())
    block.add_new(0x20, "LO", whole)
    dataset.add_new(0x60000010, "US", 8)
    dataset.add_new(0x60000022, "LO", whole)
    dataset.add_new(0x00189999, "LO", whole)  # no such tag in the dictionary
    return dataset


def multiframe(
    voxels: np.ndarray, *, spacing: tuple[float, float, float] = (5.0, 0.9, 0.8), order: list[int] | None = None
) -> Dataset:
    """An enhanced MR instance with one frame a slice; `order` says in which order frames are stored."""
    order = list(range(len(voxels))) if order is None else order
    dataset = single(voxels[0])
    dataset.SOPClassUID = EnhancedMRImageStorage
    dataset.NumberOfFrames = len(voxels)
    dataset.PixelData = np.ascontiguousarray(voxels[order]).tobytes()
    measures, orientation, rescale = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [spacing[1], spacing[2]]
    orientation.ImageOrientationPatient = list(AXIAL)
    rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 1.0, 0.0, "US"
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelValueTransformationSequence = Sequence([rescale])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for index in order:
        position, frame = Dataset(), Dataset()
        position.ImagePositionPatient = [-50.0, -50.0, index * spacing[0]]
        frame.PlanePositionSequence = Sequence([position])
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return dataset


def in_parts(dataset: Dataset, lengths: list[int]) -> list[Dataset]:
    """An enhanced instance split into a concatenation (PS3.3 C.7.6.16.2.2.4) of parts with so many frames each."""
    size = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    frames, uid, parts, start = dataset.PerFrameFunctionalGroupsSequence, generate_uid(), [], 0
    for number, length in enumerate(lengths, start=1):
        part = deepcopy(dataset)
        part.SOPInstanceUID = generate_uid()
        part.ConcatenationUID, part.SOPInstanceUIDOfConcatenationSource = uid, dataset.SOPInstanceUID
        part.InConcatenationNumber, part.InConcatenationTotalNumber = number, len(lengths)
        part.ConcatenationFrameOffsetNumber, part.NumberOfFrames = start, length
        part.PerFrameFunctionalGroupsSequence = Sequence(frames[start : start + length])
        part.PixelData = dataset.PixelData[start * size : (start + length) * size]
        parts.append(part)
        start += length
    return parts


def with_content(dataset: Dataset, contents: list[dict[str, Any]]) -> Dataset:
    """Says of each frame of an enhanced instance which stack or time it belongs to: FrameContentSequence's values."""
    for frame, values in zip(dataset.PerFrameFunctionalGroupsSequence, contents, strict=True):
        content = Dataset()
        for name, value in values.items():
            setattr(content, name, value)
        frame.FrameContentSequence = Sequence([content])
    return dataset


def write(path: Path, dataset: Dataset) -> Path:
    """Write one dataset as a DICOM file with preamble."""
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_series(folder: Path, datasets: list[Dataset], *, order: list[int] | None = None) -> list[Path]:
    """Write a series with names that say nothing about the slices' order."""
    folder.mkdir(parents=True, exist_ok=True)
    order = list(range(len(datasets))) if order is None else order
    return [write(folder / f"{place:03d}.dcm", datasets[index]) for place, index in enumerate(order)]
