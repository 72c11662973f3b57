"""What happens to one DICOM attribute, by its tag alone: PS3.15's table as dicom-anonymizer keeps it, with our options.

The table (edition 2026c) gives the basic profile's code of an attribute. On top of it stand the options:
Retain UIDs (every UI stays, and the sequences that only refer to other instances), Retain Longitudinal with
full dates (every date and time stays but those of group 0010, the patient's own), Clean Descriptors (free text goes
through `words`). Attributes that the table does not name are held to what their VR allows.
"""

from __future__ import annotations

import enum
import importlib
from functools import cache

from pydicom.datadict import dictionary_has_tag, dictionary_VM, dictionary_VR, keyword_for_tag

_TABLE = "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c"
_PATIENT = 0x0010


class Act(enum.Enum):
    """What is done with an attribute."""

    REMOVE = enum.auto()
    EMPTY = enum.auto()
    KEEP = enum.auto()
    """Numbers, and bytes that are pixels: not even looked at."""
    CHECK = enum.auto()
    """UIDs, dates, numbers written as text, code strings: kept where they look like it."""
    CLEAN = enum.auto()
    """Free text: only harmless words stay."""
    WALK = enum.auto()
    """A sequence: every item is treated like the whole."""


NUMBERS = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "SV": 8, "UV": 8, "AT": 4}
"""VRs of binary numbers, with the bytes of one."""
TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
DATES = frozenset({"DA", "TM", "DT"})
CHECKED = frozenset({"UI", "DS", "IS", "CS"}) | DATES

# Retain UIDs: these name other instances of the study and nobody.
_REFERENCES = frozenset(
    {
        "ReferencedImageSequence",
        "SourceImageSequence",
        "ReferencedStudySequence",
        "ReferencedPerformedProcedureStepSequence",
    }
)
# Clean Descriptors: texts that the table removes or replaces, and that say which sequence this is.
_DESCRIPTORS = frozenset(
    {
        "AcquisitionContrast",
        "AcquisitionProtocolDescription",
        "ContrastBolusAgent",
        "DerivationDescription",
        "PerformedProcedureStepDescription",
        "ProtocolName",
        "RequestedProcedureDescription",
        "SeriesDescription",
        "StudyDescription",
    }
)
# Retain Longitudinal with full dates: what the times that stay are counted from. Held to its form.
_ZONE = "TimezoneOffsetFromUTC"
# Bytes that a picture cannot be drawn without.
_PIXELS = frozenset(
    {
        "PixelData",
        "FloatPixelData",
        "DoubleFloatPixelData",
        "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths",
        "RedPaletteColorLookupTableData",
        "GreenPaletteColorLookupTableData",
        "BluePaletteColorLookupTableData",
        "SegmentedRedPaletteColorLookupTableData",
        "SegmentedGreenPaletteColorLookupTableData",
        "SegmentedBluePaletteColorLookupTableData",
    }
)
# A small second picture and what is drawn on top: text may be burnt into them, and nothing here needs them.
_PICTURES_BESIDE = frozenset({"IconImageSequence", "GraphicAnnotationSequence", "ContentSequence"})
_REMOVED_GROUPS = frozenset({0x0000, 0x0002, 0x0004, 0xFFFA, 0xFFFC, 0xFFFE})
_OVERLAYS_AND_CURVES = frozenset({0x5000, 0x6000})


@cache
def _codes() -> dict[int, str]:
    """Tag to PS3.15 code ("X", "Z", "D", "XZ", ...) for every attribute that the table names by one tag."""
    # By name, because the package's own __init__ brings its command line along.
    table = importlib.import_module(_TABLE)
    codes: dict[int, str] = {}
    for name in ("X", "Z", "D", "U", "Z_D", "X_Z", "X_D", "X_Z_D", "X_Z_U_STAR"):
        for tag in getattr(table, f"{name}_TAGS"):
            if len(tag) == 2:  # those of four are masks over groups 50xx and 60xx, which go as a whole
                codes[tag[0] << 16 | tag[1]] = name.replace("_", "")
    return codes


@cache
def act(tag: int) -> Act:
    """What is done with the attribute of this tag, anywhere in a dataset.

    PatientName and PatientID count as EMPTY here; the top of the dataset gets the pseudonym afterwards.
    """
    group = tag >> 16
    if group & 1 or group in _REMOVED_GROUPS or (group & 0xFF00) in _OVERLAYS_AND_CURVES:
        return Act.REMOVE
    if not tag & 0xFFFF or not dictionary_has_tag(tag):
        return Act.REMOVE
    vrs = expected(tag)
    keyword, code = keyword_for_tag(tag), _codes().get(tag, "")
    if group == _PATIENT:
        return Act.EMPTY if "Z" in code and "SQ" not in vrs else Act.REMOVE
    if keyword in _PICTURES_BESIDE:
        return Act.REMOVE
    if keyword in _REFERENCES:
        return Act.WALK
    if (keyword in _DESCRIPTORS and vrs & TEXTS) or keyword == _ZONE:
        return Act.CLEAN
    if vrs <= DATES or vrs == {"UI"}:
        return Act.CHECK
    if code and code != "U":
        return Act.REMOVE if code == "X" or ("SQ" in vrs and "Z" not in code) else Act.EMPTY
    return _by_vr(keyword, vrs)


def _by_vr(keyword: str, vrs: frozenset[str]) -> Act:
    if vrs == {"SQ"}:
        return Act.WALK
    if vrs <= TEXTS:
        return Act.CLEAN
    if vrs <= CHECKED:
        return Act.CHECK
    if vrs == {"PN"}:
        return Act.EMPTY
    if keyword in _PIXELS or vrs <= NUMBERS.keys():
        return Act.KEEP
    return Act.REMOVE  # ages, application entities, addresses, bytes of unknown meaning


@cache
def expected(tag: int) -> frozenset[str]:
    """The VRs that the dictionary gives an attribute."""
    return frozenset(dictionary_VR(tag).split(" or ")) - {"NONE"}


@cache
def count_of(tag: int) -> int | None:
    """How many values an attribute has, or None where that varies."""
    multiplicity = dictionary_VM(tag)
    return int(multiplicity) if multiplicity.isdigit() else None
