"""DICOM: one file's header, checked, as an Instance with its Frames.

pydicom (and numpy with it) is imported where a DICOM file is really opened, so that a
picture's trip through the sandbox does not pay for it.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.dicom_frames import SECONDARY_CAPTURE, Frame, frames, macros
from ml.imaging.headers.dicom_pixels import DEFLATED, check_decodes
from ml.imaging.headers.dicom_values import item, listed, number, stripped, value, whole
from ml.imaging.headers.facts import FileFacts, check_volume
from ml.imaging.limits import Limits
from ml.imaging.sequence import Acquisition

if TYPE_CHECKING:
    from pydicom import Dataset, FileDataset

# pydicom warns with the values that it finds, and those may be a patient's.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

_PREAMBLE, _HEAD = 128, 1024
_LONG = 8192
_META_GROUP, _TRANSFER_SYNTAX = b"\x02\0", b"\x10\0"
_FOREIGN = (b"MZ", b"\x7fELF", b"#!", b"PK", b"%PDF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"<")
_FIRST_GROUPS = (b"\x02\0", b"\x08\0")
ONLY_THE_LIST = "A DICOMDIR is only the list. Upload the folder with the images."
_DIRECTORY = "1.2.840.10008.1.3.10"
_NOT_SCANS = {"SR", "SEG", "PR", "KO", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "DOC", "M3D", "PLAN"}
HIGH_BIT = (
    "The file says that its values lie at other bits than DICOM allows (HighBit), so they cannot be read safely."
    " Export it again."
)
# Digitised, scanned or drawn by a workstation: what stood on the screen or film is in the pixels.
_CAPTURED = {"WSD", "DV", "DI", "DF", "SI", "SD"}


@dataclass(frozen=True)
class Instance:
    """What one DICOM file says about its pixels.

    Attributes:
        rows, columns: of each frame.
        channels: 1 or 3.
        photometric: as in the file, "MONOCHROME2" for most.
        bits: stored bits of one channel.
        signed: whether values may be below 0.
        frames: in stored order.
        patient, issuer, study, series, instance: identifiers, to keep patients, series and pictures apart; never shown.
        sop_class: UID of what kind of instance it is; empty where the file does not say.
        frame_of_reference: UID of the coordinate system that positions are in; empty where none is given.
        concatenation: UID that the parts of one instance share which was split over several files (PS3.3
            C.7.6.16.2.2.4); empty where it was not.
        part, parts: which part of it this is, from 1, and how many there are; or None.
        number, series_number, acquisition_number: whole numbers, or None.
        image_type: ImageType's values in upper case.
        acquired_on: StudyDate as YYYYMMDD, or empty.
        is_localiser: a planning picture.
        has_groups: its frames are described in functional groups (an enhanced file), also where it has only one.
        is_mosaic: many slices side by side in one picture.
        may_show_text: whether names may be burnt into the pixels: the file says so, or it is a captured screen.
        acquisition: what sequence recognition goes by.
    """

    rows: int
    columns: int
    channels: int
    photometric: str
    bits: int
    signed: bool
    frames: tuple[Frame, ...]
    patient: str
    issuer: str
    sop_class: str
    study: str
    series: str
    instance: str
    frame_of_reference: str
    concatenation: str
    part: int | None
    parts: int | None
    number: int | None
    series_number: int | None
    acquisition_number: int | None
    image_type: tuple[str, ...]
    acquired_on: str
    is_localiser: bool
    has_groups: bool
    is_mosaic: bool
    may_show_text: bool
    acquisition: Acquisition


def accepts(head: bytes) -> bool:
    """Whether a file that begins so is DICOM, with or without its preamble."""
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return True
    # Old exports begin with the first element: group 0002 or 0008, a small element number.
    return len(head) >= _PREAMBLE and head[:2] in _FIRST_GROUPS and head[2] <= 0x18 and head[3] == 0


def facts(path: Path, limits: Limits) -> FileFacts:
    """Check the header, and decode the first frame to see that there are pixels.

    Raises:
        UploadRefused: 400, 413 or 415.
    """
    dataset = load(path, limits)
    instance = instance_of(dataset, limits)
    check_decodes(dataset, instance)
    return facts_of(instance)


def facts_of(instance: Instance) -> FileFacts:
    """An instance in the door's words."""
    return FileFacts("dicom", instance.rows, instance.columns, len(instance.frames), instance.bits, instance.channels)


def load(path: Path, limits: Limits, *, with_pixels: bool = True, pixels_later: bool = False) -> FileDataset:
    """Parse one file.

    Args:
        with_pixels: whether to read on when the pixels come.
        pixels_later: leaves long values in the file until they are asked for; it has to stay as it is until then.

    Raises:
        UploadRefused: 400 if it is no sound DICOM file, 413 if it unpacks to too much.
    """
    from pydicom import config, dcmread

    config.settings.reading_validation_mode = config.IGNORE
    with path.open("rb") as file:
        head = file.read(_HEAD)
        has_preamble = head[_PREAMBLE : _PREAMBLE + 4] == b"DICM"
        if has_preamble and head.startswith(_FOREIGN):
            raise UploadRefused("The file pretends to be two kinds at once. Export the scan again.")
        try:
            if has_preamble and not _is_plainly_inflated(head):
                _check_deflated(path, limits)
            file.seek(0)
            return dcmread(
                file,
                defer_size=_LONG if pixels_later else None,
                force=not has_preamble,
                stop_before_pixels=not with_pixels,
            )
        except (UploadRefused, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - pydicom's parsers raise nearly anything on hostile files
            raise damaged() from None


def beside(dataset: Dataset) -> Dataset:
    """A dataset of its own with the same elements: what is parsed in it stays unparsed in the other."""
    from pydicom import Dataset

    copy = Dataset(dict(dataset.items()))
    implicit, little = dataset.original_encoding
    copy.set_original_encoding(implicit, little, dataset.original_character_set)
    copy.file_meta = dataset.file_meta
    return copy


def _is_plainly_inflated(head: bytes) -> bool:
    """Whether the file meta information (PS3.10 7.1), all of it in the file's first bytes, names one other transfer syntax.

    Anything unusual in it is left for pydicom's own reading of it.
    """
    at, found = _PREAMBLE + 4, 0
    while len(head) >= at + 12:
        if head[at : at + 2] != _META_GROUP:
            return found == 1
        number, vr = head[at + 2 : at + 4], head[at + 4 : at + 6]
        long = vr == b"OB"
        if not long and vr not in (b"UI", b"UL", b"SH", b"AE"):
            return False
        start = at + (12 if long else 8)
        end = start + int.from_bytes(head[start - (4 if long else 2) : start], "little")
        if number == _TRANSFER_SYNTAX:
            found += 1
            if DEFLATED.encode() in head[start:end]:
                return False
        at = end
    return False


def _check_deflated(path: Path, limits: Limits) -> None:
    """Measure what comes out of a deflated file, because pydicom inflates it in one go."""
    from pydicom.filereader import read_file_meta_info

    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DEFLATED:
        return
    with path.open("rb") as file:
        # The group length element itself takes 12 bytes and counts what follows it.
        file.seek(_PREAMBLE + 4 + 12 + int(meta.FileMetaInformationGroupLength))
        inflater, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while chunk := file.read(65_536):
            while chunk:
                total += len(inflater.decompress(chunk, 1024 * 1024))
                chunk = inflater.unconsumed_tail
                if total > limits.max_bytes:
                    raise UploadRefused("Unpacked, the file is too large. Export it without compression.", 413)


def instance_of(dataset: Dataset, limits: Limits) -> Instance:
    """Read what the pixels need from a parsed file, and hold it against the limits.

    Raises:
        UploadRefused: 400, 413 or 415.
    """
    try:
        return _instance(dataset, limits)
    except (UploadRefused, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - values that do not parse: wrong types, no numbers, broken sequences
        raise damaged() from None


def _instance(dataset: Dataset, limits: Limits) -> Instance:
    modality = str(value(dataset, "Modality", "")).upper()
    if modality in _NOT_SCANS:
        raise UploadRefused("This DICOM file is a report or a plan, not a scan. Remove it to go on.", 415)
    if str(value(dataset, "MediaStorageSOPClassUID", value(dataset, "SOPClassUID", ""))) == _DIRECTORY or (
        "DirectoryRecordSequence" in dataset
    ):
        raise UploadRefused(ONLY_THE_LIST, 415)
    if "Rows" not in dataset or "Columns" not in dataset:
        raise UploadRefused("This DICOM file holds no image. Remove it to go on.", 415)
    kinds = tuple(str(kind).upper().strip() for kind in listed(value(dataset, "ImageType")))

    rows, columns = int(dataset.Rows), int(dataset.Columns)
    channels = int(value(dataset, "SamplesPerPixel", 1))
    count = int(value(dataset, "NumberOfFrames") or 1)
    allocated = int(value(dataset, "BitsAllocated", 16))
    if channels not in (1, 3) or count < 1 or allocated not in (8, 16, 32, 64):
        raise UploadRefused("The image's pixels are of a kind that is not read. Export it as 16-bit grey.", 415)
    high, stored = whole(value(dataset, "HighBit")), whole(value(dataset, "BitsStored"))
    if high is not None and stored and high != stored - 1:
        # PS3.5 8.1.1. Some such files hold shifted values, in others only the attribute is wrong: nobody can tell.
        raise UploadRefused(HIGH_BIT)
    check_volume(count, rows, columns, channels, limits)
    found = frames(dataset, count)
    return Instance(
        rows=rows,
        columns=columns,
        channels=channels,
        photometric=str(value(dataset, "PhotometricInterpretation", "MONOCHROME2")).strip(),
        bits=int(value(dataset, "BitsStored") or allocated),
        signed=int(value(dataset, "PixelRepresentation") or 0) == 1,
        frames=found,
        patient=stripped(dataset, "PatientID"),
        issuer=stripped(dataset, "IssuerOfPatientID"),
        sop_class=stripped(dataset, "SOPClassUID"),
        study=stripped(dataset, "StudyInstanceUID"),
        series=stripped(dataset, "SeriesInstanceUID"),
        instance=stripped(dataset, "SOPInstanceUID"),
        frame_of_reference=stripped(dataset, "FrameOfReferenceUID"),
        concatenation=stripped(dataset, "ConcatenationUID"),
        part=whole(value(dataset, "InConcatenationNumber")),
        parts=whole(value(dataset, "InConcatenationTotalNumber")),
        number=whole(value(dataset, "InstanceNumber")),
        series_number=whole(value(dataset, "SeriesNumber")),
        acquisition_number=whole(value(dataset, "AcquisitionNumber")),
        image_type=kinds,
        acquired_on=stripped(dataset, "StudyDate").replace(".", "")[:8],
        is_localiser="LOCALIZER" in kinds,
        has_groups="PerFrameFunctionalGroupsSequence" in dataset,
        is_mosaic="MOSAIC" in kinds,
        may_show_text=_may_show_text(dataset),
        acquisition=_acquisition(dataset, modality, found),
    )


def _acquisition(dataset: Dataset, modality: str, found: tuple[Frame, ...]) -> Acquisition:
    """What recognition goes by; an enhanced file says its times in functional groups, the first frame's stand for all."""
    first = macros(dataset, 0)
    timing, modifier = first("MRTimingAndRelatedParametersSequence"), first("MRModifierSequence")
    inversion = (
        value(dataset, "InversionTime")
        if modifier is None
        else next(iter(listed(value(modifier, "InversionTimes"))), None)
    )
    return Acquisition(
        # Many devices write one text into two of them.
        text=" ".join(
            dict.fromkeys(
                str(value(dataset, key) or "") for key in ("SeriesDescription", "ProtocolName", "SequenceName")
            )
        ),
        modality=modality,
        repetition_ms=number(value(dataset if timing is None else timing, "RepetitionTime")),
        echo_ms=found[0].echo_ms,
        inversion_ms=number(inversion),
        contrast_agent=bool(stripped(dataset, "ContrastBolusAgent"))
        or item(value(dataset, "ContrastBolusAgentSequence")) is not None,
    )


def _may_show_text(dataset: Dataset) -> bool:
    """Section C.7.6.1.1.4 and C.8.6.1: burnt-in annotation, and how a picture was converted."""
    return (
        stripped(dataset, "BurnedInAnnotation").upper() == "YES"
        or stripped(dataset, "SOPClassUID").startswith(SECONDARY_CAPTURE)
        or stripped(dataset, "ConversionType").upper() in _CAPTURED
    )
