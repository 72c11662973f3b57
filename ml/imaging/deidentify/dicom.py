"""DICOM: walks every dataset and every nested sequence, and leaves only what `dicom_rules` lets stay.

Section "Attribute Confidentiality Profiles" of PS3.15 annex E; the codes written into the file are those of
context group 7050. Pixel data stay byte for byte; the preamble, the file meta information and everything
private are made anew or go.

The files of a series say the same in most of their attributes. What became of an attribute is remembered as the bytes
that pydicom wrote of it, so that the next file's is neither parsed nor looked at nor written again.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydicom import Dataset, FileMetaDataset
from pydicom.charset import default_encoding
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO, DicomIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import dcmwrite, write_dataset, write_file_meta_info
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from ml.imaging.deidentify.code_strings import is_term
from ml.imaging.deidentify.dicom_rules import CHECKED, DATES, NUMBERS, TEXTS, Act, act, count_of, expected
from ml.imaging.deidentify.words import CODE_STRING, CODE_VALUE, CODING_SCHEMES, UNITS, harmless
from ml.imaging.errors import UploadRefused, damaged
from ml.imaging.headers.dicom_values import legible

METHODS = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113105", "Clean Descriptors Option"),
    ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    ("113110", "Retain UIDs Option"),
)
"""Of DICOM's context group 7050, coding scheme DCM."""

MOST_DEPTH = 16
"""Sequences within sequences; a file that goes deeper is an attack on the walker."""

LONGEST_REMEMBERED, MOST_REMEMBERED = 2048, 8192
"""Bytes of a value, and how many attributes are remembered."""

_PREAMBLE = 128
_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)

NOBODY = "Anonymous"
SOME_AGENT = "Contrast agent"
SOME_CODE = "Code"

_FORMS = {
    "UI": re.compile(r"[0-9.]{0,64}"),
    "DA": re.compile(r"([0-9]{8}|[0-9]{4}\.[0-9]{2}\.[0-9]{2})?"),
    "TM": re.compile(r"([0-9]{2}(:?[0-9]{2}(:?[0-9]{2}(\.[0-9]{1,6})?)?)?)?"),
    "DT": re.compile(r"([0-9]{4,14}(\.[0-9]{1,6})?([+-][0-9]{4})?)?"),
    "DS": re.compile(r"([+-]?[0-9]*\.?[0-9]*([eE][+-]?[0-9]{1,3})?){0,1}"),
    "IS": re.compile(r"[+-]?[0-9]{0,11}"),
    "CS": CODE_STRING,
}
# Texts with a form of their own that is not made of words.
_OWN_FORMS = {
    "StackID": re.compile(r"[0-9]{1,4}"),
    "TimezoneOffsetFromUTC": re.compile(r"[+-](0[0-9]|1[0-4])[0-5][0-9]"),
    "RescaleType": re.compile(r"HU|US|OD|MGML|PCT"),
    "ImagedNucleus": re.compile(r"[0-9]{1,3}(H|He|C|N|O|F|Na|P|Xe)"),
    "ResonantNucleus": re.compile(r"[0-9]{1,3}(H|HE|C|N|O|F|NA|P|XE)"),
}


def deidentify(dataset: Dataset, pseudonym: str, *, may_show_text: bool) -> None:
    """Take from a parsed dataset, in place, whatever may say who the patient is.

    Parameters
    ----------
    dataset : Dataset
        As `headers.dicom.load` gives it, with pixels or without.
    pseudonym : str
        Becomes PatientID and PatientName; empty where the file names no patient.
    may_show_text : bool
        Whether names may be burnt into the pixels, which stay: the file does not claim then that the identity is gone.

    Raises
    ------
    UploadRefused
        400 for sequences nested too deep.
    """
    _walk(dataset, 0)
    dataset.pop("SpecificCharacterSet", None)  # what is left is plain ASCII
    # So that pydicom does not parse and write every value anew for the sake of another character set.
    implicit, little = dataset.original_encoding
    dataset.set_original_encoding(implicit, little, default_encoding)
    for element in _stamp(pseudonym, may_show_text, *_encoding(dataset)):
        dataset[element.tag] = element


def write(dataset: Dataset, target: Path, *, received_sha256: str) -> None:
    """Write a de-identified dataset with a zeroed preamble and file meta information of our own.

    Parameters
    ----------
    received_sha256 : str
        Of the file as it came: names an instance that lacks a UID of its own.
    """
    meta = dataset.file_meta = _file_meta(dataset, received_sha256)
    dataset.preamble = bytes(_PREAMBLE)
    syntax = meta.TransferSyntaxUID
    if not syntax.is_implicit_VR and any(element.VR is None for element in dataset.values()):
        # Some programs store compressed pixels beside implicit elements: the kind of each comes from the dictionary.
        dataset.walk(lambda *_: None)
    if syntax not in _NATIVE:
        dcmwrite(target, dataset, enforce_file_format=True)
        return
    # What dcmwrite does too, without its copies of the file meta information.
    if "PixelData" in dataset:
        dataset["PixelData"].is_undefined_length = False
    with target.open("wb") as file:
        out = DicomIO(file)
        out.is_implicit_VR, out.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
        out.write(dataset.preamble + b"DICM")
        write_file_meta_info(out, meta)
        write_dataset(out, dataset)


def _file_meta(dataset: Dataset, received_sha256: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(str(dataset.get("SOPClassUID") or "1.2.840.10008.5.1.4.1.1.7"))
    own = str(dataset.get("SOPInstanceUID") or "")
    meta.MediaStorageSOPInstanceUID = UID(own or f"2.25.{int(received_sha256[:32], 16)}")
    meta.TransferSyntaxUID = transfer_syntax(dataset)
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    meta.ImplementationVersionName = "BRAINSCAN"
    return meta


def transfer_syntax(dataset: Dataset) -> UID:
    """How the file is encoded: as it says, else as it was found to be."""
    stated = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if stated is not None and UID(stated).is_transfer_syntax:
        return UID(stated)
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _encoding(dataset: Dataset) -> tuple[bool, bool]:
    """Whether a dataset was read as implicit VR, and as little endian; what was not read from a file is explicit, little."""
    implicit, little = dataset.original_encoding
    return bool(implicit), little is not False


@lru_cache(maxsize=8)
def _stamp(pseudonym: str, may_show_text: bool, implicit: bool, little: bool) -> tuple[RawDataElement, ...]:
    """What every file of a patient says instead of the patient's own attributes."""
    stamp = Dataset()
    stamp.PatientName = pseudonym or NOBODY
    stamp.PatientID = pseudonym
    stamp.PatientBirthDate = ""
    stamp.PatientSex = ""
    stamp.PatientIdentityRemoved = "NO" if may_show_text else "YES"  # of attributes and pixel data (PS3.3 C.7.1.1)
    stamp.DeidentificationMethod = "Brainscan: PS3.15 basic profile; pixels as they came"
    stamp.DeidentificationMethodCodeSequence = Sequence(_code(value, meaning) for value, meaning in METHODS)
    stamp.LongitudinalTemporalInformationModified = "UNMODIFIED"
    return _as_stored(stamp, implicit, little)


def _as_stored(dataset: Dataset, implicit: bool, little: bool) -> tuple[RawDataElement, ...]:
    """Its elements as pydicom writes them, read back: such elements it writes again without parsing them."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, little
    dataset.set_original_encoding(implicit, little, default_encoding)
    write_dataset(buffer, dataset)
    buffer.seek(0)
    found = read_dataset(buffer, implicit, little)  # type: ignore[arg-type]  # reads whatever has a file's methods
    return tuple(element for _, element in found.items())  # type: ignore[misc]  # raw, as nobody has looked at it


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _walk(dataset: Dataset, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise damaged()
    had_agent = depth == 0 and (
        legible(dataset, "ContrastBolusAgent").strip() or "ContrastBolusAgentSequence" in dataset
    )
    coded = _is_known_code(dataset) if depth else False
    for tag in list(dataset.keys()):
        try:
            _treat(dataset, tag, depth, coded=coded)
        except (UploadRefused, MemoryError, RecursionError):
            raise
        except Exception:  # noqa: BLE001 - parsers raise what they like; what cannot be parsed cannot be checked
            del dataset[tag]
    if had_agent and not dataset.get("ContrastBolusAgent"):
        dataset.ContrastBolusAgent = SOME_AGENT  # that there was one decides which sequence this is


def _treat(dataset: Dataset, tag: BaseTag, depth: int, *, coded: bool) -> None:
    doing = act(int(tag))
    if doing is Act.REMOVE:
        del dataset[tag]
        return
    found = dataset.get_item(tag)
    if doing is Act.KEEP and _is_as_declared(found, tag):
        return
    # Deeper, it also depends on the code that an item holds.
    if depth or not isinstance(found, RawDataElement) or len(found.value or b"") > LONGEST_REMEMBERED:
        _look_at(dataset, tag, doing, depth, coded=coded)
        return
    key = (*found._replace(value_tell=0), *_encoding(dataset), str(dataset.original_character_set))
    if key not in _remembered:
        _look_at(dataset, tag, doing, depth, coded=False)
        if key in _seen_once:
            _remember(key, dataset, tag)
        elif len(_seen_once) < MOST_REMEMBERED:
            _seen_once.add(key)
    elif (known := _remembered[key]) is not None:
        dataset[tag] = known
    else:
        del dataset[tag]


_remembered: dict[Hashable, RawDataElement | None] = {}
"""What became of an attribute at the top of a dataset, None where it went. A process of the door sees one upload."""
_seen_once: set[Hashable] = set()
"""Many are another one in every file, and remembering costs more than looking."""


def _remember(key: Hashable, dataset: Dataset, tag: BaseTag) -> None:
    if tag not in dataset:
        _remembered[key] = None
        return
    alone = Dataset()
    alone[tag] = dataset[tag]
    try:
        (_remembered[key],) = _as_stored(alone, *_encoding(dataset))
    except Exception:  # noqa: BLE001 - what cannot be written is left for `write` to refuse
        return


def _look_at(dataset: Dataset, tag: BaseTag, doing: Act, depth: int, *, coded: bool) -> None:
    element = dataset[tag]
    if not _fits(element.VR, expected(int(tag))):
        del dataset[tag]
    elif doing is Act.EMPTY:
        element.value = Sequence() if element.VR == "SQ" else None
    elif doing is Act.WALK:
        codes = [_is_code(item) and not _is_known_code(item) for item in element.value]
        for item in element.value:
            _walk(item, depth + 1)
        if any(codes):  # without its code, value and meaning such an item says nothing, and is none (PS3.3 8.8)
            element.value = Sequence(item for item, gone in zip(element.value, codes, strict=True) if not gone)
    elif doing is Act.CHECK:
        if not _has_form(element.VR, element.value):
            del dataset[tag]
        elif element.VR == "CS":
            _keep_terms(element)
    elif doing is Act.CLEAN:
        _clean(dataset, element, coded=coded)
    elif not _is_as_declared(element, tag):
        del dataset[tag]


def _fits(found: str, wanted: frozenset[str]) -> bool:
    """Whether a file's VR is the dictionary's, or one of the same nature."""
    return (
        found in wanted
        or (found in TEXTS and wanted <= TEXTS)
        or (found in CHECKED and wanted <= CHECKED and (found in DATES) == (wanted <= DATES))
        or (found in NUMBERS and wanted <= NUMBERS.keys())
    )


def _is_as_declared(element: Any, tag: BaseTag) -> bool:
    """Whether binary values are what the dictionary says: nobody writes prose into Rows."""
    wanted, vr = expected(int(tag)), element.VR
    if isinstance(element, RawDataElement):
        if vr == "UN" or (vr is not None and not _fits(vr, wanted)):
            return False
        size = NUMBERS.get(vr or next(iter(wanted)))
        count = count_of(int(tag))
        return size is None or count is None or len(element.value or b"") in (0, size * count)
    if not _fits(vr, wanted):
        return False
    count = count_of(int(tag))
    return vr not in NUMBERS or count is None or element.is_empty or count == element.VM


def _has_form(vr: str, value: Any) -> bool:
    form = _FORMS[vr]
    return all(form.fullmatch(str(getattr(each, "original_string", each)).strip(" \0")) for each in _each(value))


def _keep_terms(element: Any) -> None:
    """Blank what is no term among code strings; the others keep their places, which have meanings (ImageType)."""
    values, sides = [str(value) for value in _each(element.value)], element.keyword == "PatientOrientation"
    kept = [value if is_term(value.strip(" \0"), sides=sides) else "" for value in values]
    if kept != values:
        element.value = kept if any(kept) and len(kept) > 1 else None


def _clean(dataset: Dataset, element: Any, *, coded: bool) -> None:
    keyword = keyword_for_tag(element.tag)
    values = [str(value) for value in _each(element.value)]
    if keyword in ("CodeValue", "CodingSchemeDesignator"):
        if not coded:
            del dataset[element.tag]
        return
    own = _OWN_FORMS.get(keyword)
    machine = keyword in ("Manufacturer", "ManufacturerModelName")
    kept = (
        [value if own.fullmatch(value.strip()) else "" for value in values]
        if own
        else [harmless(value, machine=machine) for value in values]
    )
    if keyword == "CodeMeaning":
        kept = [" ".join(kept) or SOME_CODE] if coded else []
    kept = [value for value in kept if value]
    element.value = kept[0] if len(kept) == 1 else (kept or None)


def _is_code(item: Dataset) -> bool:
    return any(name in item for name in ("CodeValue", "LongCodeValue", "URNCodeValue", "CodeMeaning"))


def _is_known_code(item: Dataset) -> bool:
    """Whether an item's code is a public one: its scheme is known and its value looks like that scheme's."""
    scheme, value = legible(item, "CodingSchemeDesignator").strip(), legible(item, "CodeValue").strip()
    if scheme not in CODING_SCHEMES:
        return False
    return value in UNITS if scheme == "UCUM" else CODE_VALUE.fullmatch(value) is not None


def _each(value: Any) -> list[Any]:
    if value is None or isinstance(value, str | bytes):
        return [] if value is None else [value]
    try:
        return list(value)
    except TypeError:
        return [value]
