"""A generated CD: DICOM files under the names that PS3.10 allows, and the index beside them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydicom import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

from tests.phantoms_dicom import write


def write_cd(folder: Path, datasets: Sequence[Dataset], *, left_out: Iterable[int] = ()) -> list[Path]:
    """Write `DICOM/S<series>/IM<number>` for each dataset and a DICOMDIR that names all of them.

    Args:
        folder: becomes the disc's root.
        left_out: places in `datasets` that the index names and the disc lacks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lacking, written, names = set(left_out), [], []
    series = list(dict.fromkeys(each.SeriesInstanceUID for each in datasets))
    for place, each in enumerate(datasets):
        names.append(["DICOM", f"S{series.index(each.SeriesInstanceUID)}", f"IM{place}"])
        path = folder.joinpath(*names[-1])
        if place not in lacking:
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(write(path, each))
    (folder / "DICOMDIR").write_bytes(index(datasets, names))
    return [*written, folder / "DICOMDIR"]


def index(datasets: Sequence[Dataset], names: Sequence[list[str]], **changes: Any) -> bytes:
    """A DICOMDIR of these datasets, patient, study and series above them, linked by offsets as PS3.3 annex F says.

    Args:
        names: each dataset's ReferencedFileID; never has to exist.
        changes: set on every image's record.
    """
    patient = _record("PATIENT", PatientName="Zabrinska^Wilhelmina", PatientID=str(datasets[0].get("PatientID", "")))
    study = _record("STUDY", StudyDate="20240131", StudyInstanceUID=generate_uid(), StudyID="1")
    records: list[Dataset] = [patient, study]
    links: dict[int, tuple[int | None, int | None]] = {0: (None, 1)}
    all_series = list(dict.fromkeys(each.SeriesInstanceUID for each in datasets))
    before: int | None = None
    for uid in all_series:
        ours = [place for place, each in enumerate(datasets) if each.SeriesInstanceUID == uid]
        number = datasets[ours[0]].get("SeriesNumber")
        here = len(records)
        records.append(_record("SERIES", Modality="MR", SeriesInstanceUID=uid, SeriesNumber=number))
        links[here] = (None, here + 1)
        if before is not None:
            links[before] = (here, before + 1)
        before = here
        for count, place in enumerate(ours, start=1):
            each = datasets[place]
            links[len(records)] = (len(records) + 1 if count < len(ours) else None, None)
            records.append(
                _record(
                    "IMAGE",
                    ReferencedFileID=names[place],
                    ReferencedSOPClassUIDInFile=each.SOPClassUID,
                    ReferencedSOPInstanceUIDInFile=each.SOPInstanceUID,
                    ReferencedTransferSyntaxUIDInFile=each.file_meta.TransferSyntaxUID,
                    InstanceNumber=count,
                    **changes,
                )
            )
    links[1] = (None, 2)
    return _linked(records, links)


def _record(kind: str, **values: Any) -> Dataset:
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = 0
    record.RecordInUseFlag = 0xFFFF
    record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.DirectoryRecordType = kind
    for name, value in values.items():
        setattr(record, name, value)
    return record


def _linked(records: list[Dataset], links: dict[int, tuple[int | None, int | None]]) -> bytes:
    """Written twice: offsets have a fixed length, so the first writing tells where each record will lie."""
    content = _saved(records, 0)
    starts, at = [], content.index(b"\xfe\xff\x00\xe0")
    for record in records:
        starts.append(at)
        target = DicomBytesIO()
        target.is_little_endian, target.is_implicit_VR = True, False
        write_dataset(target, record)
        at += 8 + len(target.getvalue())
    for place, (following, below) in links.items():
        records[place].OffsetOfTheNextDirectoryRecord = 0 if following is None else starts[following]
        records[place].OffsetOfReferencedLowerLevelDirectoryEntity = 0 if below is None else starts[below]
    return _saved(records, starts[0])


def _saved(records: list[Dataset], first: int) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["index"])
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.FileSetID = "CD"
    dataset.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = first
    dataset.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = first
    dataset.FileSetConsistencyFlag = 0
    dataset.DirectoryRecordSequence = Items(records)
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()
