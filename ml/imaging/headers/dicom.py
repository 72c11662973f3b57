"""DICOM: one file's header, checked, as an Instance with its Frames.

pydicom (and numpy with it) is imported where a DICOM file is really opened, so that a
picture's trip through the sandbox does not pay for it.
"""

from __future__ import annotations

import logging
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.facts import FileFacts, check_volume
from ml.imaging.limits import Limits
from ml.imaging.sequence import Acquisition

if TYPE_CHECKING:
    from pydicom import Dataset

# pydicom warns with the values that it finds, and those may be a patient's.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

Triple = tuple[float, float, float]

_PREAMBLE = 128
_FOREIGN = (b"MZ", b"\x7fELF", b"#!", b"PK", b"%PDF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"<")
_FIRST_GROUPS = (b"\x02\0", b"\x08\0")
_DEFLATED = "1.2.840.10008.1.2.1.99"
_DIRECTORY = "1.2.840.10008.1.3.10"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_NOT_SCANS = {"SR", "SEG", "PR", "KO", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "DOC", "M3D", "PLAN"}
# Digitised, scanned or drawn by a workstation: what stood on the screen or film is in the pixels.
_CAPTURED = {"WSD", "DV", "DI", "DF", "SI", "SD"}
_CUT = "The file is cut short: pixels are missing. Export it again and upload the new copy."


@dataclass(frozen=True)
class Frame:
    """One picture of an instance.

    Attributes:
        position: ImagePositionPatient in mm, or None.
        directions: ImageOrientationPatient: towards growing columns, then growing rows; unit
            vectors at right angles, or None.
        pixel_spacing: mm between rows and between columns, or None where not trustworthy.
        slope, intercept: of DICOM's rescale.
    """

    position: Triple | None
    directions: tuple[Triple, Triple] | None
    pixel_spacing: tuple[float, float] | None
    slope: float
    intercept: float


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
        patient, issuer, series, instance: identifiers, to keep patients, series and pictures apart; never shown.
        frame_of_reference: UID of the coordinate system that positions are in; empty where none is given.
        number, series_number, acquisition_number, temporal_number: whole numbers, or None.
        b_value: of diffusion weighting, or None.
        image_type: ImageType's values in upper case.
        acquired_on: StudyDate as YYYYMMDD, or empty.
        is_localiser: a planning picture.
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
    series: str
    instance: str
    frame_of_reference: str
    number: int | None
    series_number: int | None
    acquisition_number: int | None
    temporal_number: int | None
    b_value: float | None
    image_type: tuple[str, ...]
    acquired_on: str
    is_localiser: bool
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


def check_decodes(dataset: Dataset, instance: Instance) -> None:
    """See that there are pixels; decode the first frame where that can fail, which is where it is compressed.

    Raises:
        UploadRefused: 400.
    """
    from pydicom.pixels.utils import pixel_array

    check_pixels(dataset, instance)
    if not is_encapsulated(dataset):
        return
    try:
        pixel_array(dataset, index=0)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - codecs raise what they like
        raise damaged() from None


def load(path: Path, limits: Limits, *, with_pixels: bool = True) -> Dataset:
    """Parse one file.

    Raises:
        UploadRefused: 400 if it is no sound DICOM file, 413 if it unpacks to too much.
    """
    from pydicom import config, dcmread

    config.settings.reading_validation_mode = config.IGNORE
    with path.open("rb") as file:
        preamble = file.read(_PREAMBLE + 4)
    if preamble.endswith(b"DICM") and preamble.startswith(_FOREIGN):
        raise UploadRefused("The file pretends to be two kinds at once. Export the scan again.")
    try:
        if preamble.endswith(b"DICM"):
            _check_deflated(path, limits)
        return dcmread(path, force=not preamble.endswith(b"DICM"), stop_before_pixels=not with_pixels)
    except (UploadRefused, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - pydicom's parsers raise nearly anything on hostile files
        raise damaged() from None


def _check_deflated(path: Path, limits: Limits) -> None:
    """Measure what comes out of a deflated file, because pydicom inflates it in one go."""
    from pydicom.filereader import read_file_meta_info

    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != _DEFLATED:
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
    modality = str(dataset.get("Modality", "")).upper()
    if modality in _NOT_SCANS:
        raise UploadRefused("This DICOM file is a report or a plan, not a scan. Remove it to go on.", 415)
    if str(dataset.get("MediaStorageSOPClassUID", dataset.get("SOPClassUID", ""))) == _DIRECTORY or (
        "DirectoryRecordSequence" in dataset
    ):
        raise UploadRefused("A DICOMDIR is only the list. Upload the folder with the images.", 415)
    if "Rows" not in dataset or "Columns" not in dataset:
        raise UploadRefused("This DICOM file holds no image. Remove it to go on.", 415)
    kinds = tuple(str(kind).upper().strip() for kind in _listed(dataset.get("ImageType")))

    rows, columns = int(dataset.Rows), int(dataset.Columns)
    channels = int(dataset.get("SamplesPerPixel", 1))
    count = int(dataset.get("NumberOfFrames") or 1)
    allocated = int(dataset.get("BitsAllocated", 16))
    if channels not in (1, 3) or count < 1 or allocated not in (8, 16, 32, 64):
        raise UploadRefused("The image's pixels are of a kind that is not read. Export it as 16-bit grey.", 415)
    check_volume(count, rows, columns, channels, limits)
    return Instance(
        rows=rows,
        columns=columns,
        channels=channels,
        photometric=str(dataset.get("PhotometricInterpretation", "MONOCHROME2")).strip(),
        bits=int(dataset.get("BitsStored") or allocated),
        signed=int(dataset.get("PixelRepresentation") or 0) == 1,
        frames=_frames(dataset, count),
        patient=_stripped(dataset, "PatientID"),
        issuer=_stripped(dataset, "IssuerOfPatientID"),
        series=_stripped(dataset, "SeriesInstanceUID"),
        instance=_stripped(dataset, "SOPInstanceUID"),
        frame_of_reference=_stripped(dataset, "FrameOfReferenceUID"),
        number=_whole(dataset.get("InstanceNumber")),
        series_number=_whole(dataset.get("SeriesNumber")),
        acquisition_number=_whole(dataset.get("AcquisitionNumber")),
        temporal_number=_whole(dataset.get("TemporalPositionIdentifier")),
        b_value=_number(dataset.get("DiffusionBValue")),
        image_type=kinds,
        acquired_on=_stripped(dataset, "StudyDate").replace(".", "")[:8],
        is_localiser="LOCALIZER" in kinds,
        is_mosaic="MOSAIC" in kinds,
        may_show_text=_may_show_text(dataset),
        acquisition=Acquisition(
            text=" ".join(str(dataset.get(key) or "") for key in ("SeriesDescription", "ProtocolName", "SequenceName")),
            modality=modality,
            repetition_ms=_number(dataset.get("RepetitionTime")),
            echo_ms=_number(dataset.get("EchoTime")),
            inversion_ms=_number(dataset.get("InversionTime")),
            contrast_agent=bool(str(dataset.get("ContrastBolusAgent") or "").strip()),
        ),
    )


def _may_show_text(dataset: Dataset) -> bool:
    """Section C.7.6.1.1.4 and C.8.6.1: burnt-in annotation, and how a picture was converted."""
    return (
        _stripped(dataset, "BurnedInAnnotation").upper() == "YES"
        or _stripped(dataset, "SOPClassUID").startswith(_SECONDARY_CAPTURE)
        or _stripped(dataset, "ConversionType").upper() in _CAPTURED
    )


def is_encapsulated(dataset: Dataset) -> bool:
    """Whether the pixels are compressed, frame by frame."""
    try:
        syntax = dataset.file_meta.TransferSyntaxUID
        return bool(syntax.is_compressed and syntax != _DEFLATED)
    except (AttributeError, ValueError):
        return False


def check_pixels(dataset: Dataset, instance: Instance) -> None:
    """Hold the length of the pixel data, or the number of compressed frames, against what the header promises.

    Raises:
        UploadRefused: 400 if there are none, or fewer than promised.
    """
    keys = [key for key in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if key in dataset]
    if not keys:
        raise UploadRefused("The file holds no pixels, only a description. Export the images with it.")
    data = dataset[keys[0]].value
    if is_encapsulated(dataset):
        _check_fragments(data, len(instance.frames))
        return
    bits = int(dataset.get("BitsAllocated", 16))
    if keys[0] != "PixelData":
        bits = 32 if keys[0].startswith("Float") else 64
    # 4:2:2 colour stores two channels' worth for three.
    stored = 2 if instance.photometric == "YBR_FULL_422" else instance.channels
    wanted = instance.rows * instance.columns * stored * len(instance.frames) * bits // 8
    if data is None or len(data) < wanted:
        raise UploadRefused(_CUT)


def _check_fragments(data: bytes | None, frames: int) -> None:
    """Every compressed frame has at least one fragment of its own."""
    from pydicom.encaps import parse_basic_offsets, parse_fragments

    try:
        stream = BytesIO(data or b"")
        parse_basic_offsets(stream)
        found, _ = parse_fragments(stream)
    except Exception:  # noqa: BLE001 - broken item tags, lengths over the end
        raise damaged() from None
    if found < frames:
        raise UploadRefused(_CUT)


def _frames(dataset: Dataset, count: int) -> tuple[Frame, ...]:
    shared = _item(dataset.get("SharedFunctionalGroupsSequence"))
    each = dataset.get("PerFrameFunctionalGroupsSequence")
    if shared is None and each is None:
        frame = _frame(dataset, dataset, dataset, dataset, dataset)
        if count == 1:
            return (frame,)
        # Classic multi-frame: one position for all of them says nothing about each.
        return (Frame(None, frame.directions, frame.pixel_spacing, frame.slope, frame.intercept),) * count
    if each is not None and len(each) != count:
        raise damaged()
    frames = []
    for index in range(count):
        groups = [group for group in (each[index] if each is not None else None, shared) if group is not None]

        def macro(name: str, groups: Sequence[Dataset] = groups) -> Dataset | None:
            found = (_item(group.get(name)) for group in groups)
            return next((item for item in found if item is not None), None)

        frames.append(
            _frame(
                dataset,
                macro("PlanePositionSequence"),
                macro("PlaneOrientationSequence"),
                macro("PixelMeasuresSequence"),
                macro("PixelValueTransformationSequence"),
            )
        )
    return tuple(frames)


def _frame(
    dataset: Dataset,
    position: Dataset | None,
    orientation: Dataset | None,
    measures: Dataset | None,
    rescale: Dataset | None,
) -> Frame:
    where = _numbers(position, "ImagePositionPatient", 3)
    spacing = _numbers(measures, "PixelSpacing", 2)
    captured = str(dataset.get("SOPClassUID", "")).startswith(_SECONDARY_CAPTURE)
    if spacing is not None and not captured and min(spacing) <= 0:
        raise UploadRefused("The file gives a pixel spacing of zero or less. Export the series again.")
    if spacing is not None and (captured or not all(0.02 <= value <= 20.0 for value in spacing)):
        spacing = None  # a screenshot's spacing, or a placeholder, is no measure of the patient
    slope = _number(rescale.get("RescaleSlope")) if rescale is not None else None
    intercept = _number(rescale.get("RescaleIntercept")) if rescale is not None else None
    return Frame(
        position=(where[0], where[1], where[2]) if where else None,
        directions=_directions(_numbers(orientation, "ImageOrientationPatient", 6)),
        pixel_spacing=(spacing[0], spacing[1]) if spacing else None,
        slope=slope or 1.0,
        intercept=intercept or 0.0,
    )


def _directions(values: Sequence[float] | None) -> tuple[Triple, Triple] | None:
    """Two unit vectors at right angles, or None for anything else."""
    if values is None:
        return None
    along, down = (values[0], values[1], values[2]), (values[3], values[4], values[5])
    lengths = math.hypot(*along), math.hypot(*down)
    cosine = sum(a * b for a, b in zip(along, down, strict=True))
    if any(abs(length - 1.0) > 0.01 for length in lengths) or abs(cosine) > 0.01:
        return None
    return along, down


def _stripped(dataset: Dataset, key: str) -> str:
    return str(dataset.get(key) or "").strip(" \0")


def _listed(value: Any) -> list[Any]:
    if value is None or isinstance(value, str):
        return [] if value is None else [value]
    return list(value)


def _item(sequence: Any) -> Dataset | None:
    return sequence[0] if sequence is not None and len(sequence) > 0 else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _numbers(dataset: Dataset | None, key: str, count: int) -> list[float] | None:
    """Exactly `count` finite numbers, or None."""
    if dataset is None:
        return None
    numbers = [_number(value) for value in _listed(dataset.get(key))]
    known = [number for number in numbers if number is not None]
    return known if len(known) == len(numbers) == count else None
