"""What the DICOM writers share: identity copied from the source, marks, times, bytes."""

from __future__ import annotations

import re
from datetime import datetime
from io import BytesIO

from pydicom import Dataset, FileMetaDataset
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID, ExplicitVRLittleEndian

from ml.imaging.writers.common import MANUFACTURER, MODEL_NAME, Provenance
from ml.imaging.writers.source import NEEDED

# Series numbers in this range do not collide with a scanner's; one for each kind of result.
SERIES_NUMBERS = {"SEG": 9001, "SR": 9002, "RTSTRUCT": 9003, "SC": 9004, "PDF": 9005}

# Patient and study of a result are those of its source: names and emptiness included.
_PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientIdentityRemoved",
    "DeidentificationMethod", "DeidentificationMethodCodeSequence", "LongitudinalTemporalInformationModified",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber",
    "ReferringPhysicianName", "SpecificCharacterSet",
)  # fmt: skip
_ACQUIRED = "109101"
"""Of DICOM's context group 7005: the equipment that the original was acquired with."""
_OFFSET = re.compile(r"[+-](0[0-9]|1[0-4])[0-5][0-9]")


def new_instance(source: Dataset, provenance: Provenance, *, sop_class: str, kind: str, modality: str) -> Dataset:
    """An instance of the source's patient and study, with general series and equipment filled in.

    Args:
        source: an original instance.
        sop_class: SOP Class UID.
        kind: key of SERIES_NUMBERS.
        modality: as in (0008,0060).
    """
    dataset = Dataset()
    for name in _PATIENT_AND_STUDY:
        if name in source:
            dataset[name] = source[name]
        elif name in NEEDED:
            setattr(dataset, name, "")
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = provenance.uid_as_written(kind, "instance")
    dataset.SeriesInstanceUID = provenance.uid_as_written(kind, "series")
    dataset.SeriesNumber = SERIES_NUMBERS[kind]
    dataset.InstanceNumber = 1
    dataset.Modality = modality
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = MODEL_NAME
    dataset.SoftwareVersions = provenance.software_version
    dataset.DeviceSerialNumber = provenance.model_version
    stamp(dataset, source, provenance)
    return dataset


def stamp(dataset: Dataset, source: Dataset, provenance: Provenance) -> None:
    """Set the times of content, series and instance to the end of the analysis, so that exports repeat.

    They are in the zone of the study's times where the source states one (PS3.3 C.12.1.1.8), else as `made` is.
    """
    made, offset = provenance.made, str(source.get("TimezoneOffsetFromUTC") or "").strip()
    if _OFFSET.fullmatch(offset):
        dataset.TimezoneOffsetFromUTC = offset
        made = made.astimezone(datetime.strptime(offset, "%z").tzinfo)
    date, time = made.strftime("%Y%m%d"), made.strftime("%H%M%S")
    for name in ("Content", "Series", "InstanceCreation"):
        setattr(dataset, f"{name}Date", date)
        setattr(dataset, f"{name}Time", time)
    for contribution in dataset.get("ContributingEquipmentSequence") or ():
        if contribution.PurposeOfReferenceCodeSequence[0].CodeValue != _ACQUIRED:  # the scanner's own was long before
            contribution.ContributionDateTime = f"{date}{time}"


def may_name_patient(dataset: Dataset) -> None:
    """Say that what is seen in it may name the patient: then the header's clean names are not the whole (PS3.3 C.7.1.1)."""
    dataset.BurnedInAnnotation = "YES"
    dataset.PatientIdentityRemoved = "NO"


def file_meta(syntax: UID) -> FileMetaDataset:
    """What a file of this transfer syntax begins with; its instance is named when it is written."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    return meta


def to_bytes(dataset: Dataset) -> bytes:
    """A DICOM file (PS3.10), explicit VR little endian unless the dataset says otherwise."""
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = file_meta(ExplicitVRLittleEndian)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """A code as a sequence item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
