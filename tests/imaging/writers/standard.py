"""dicom-validator, fed with the tables of PS3.3 that highdicom carries, since it would download its own.

The tables say which attributes a module must have (types 1 and 2) and may have (others); they
hold no conditions, so a conditional attribute may be there or not. `validate` returns what is
wrong in words, an empty list for a sound instance.
"""

from __future__ import annotations

import logging
from functools import cache
from io import BytesIO
from typing import Any

from dicom_validator.validator.dicom_info import DicomInfo
from dicom_validator.validator.iod_validator import IODValidator
from highdicom._standard_utils import get_iod_module_map, get_module_attribute_map, get_sop_class_iod_map
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_keyword, tag_for_keyword

# Modules of the tables that stand for value type macros: what is required depends on ValueType.
_CONTENT_TREE = "sr-document-content"
_ALWAYS = {"ValueType", "ContinuityOfContent"}
_FUNCTIONAL_GROUPS = (("SharedFunctionalGroupsSequence",), ("PerFrameFunctionalGroupsSequence",))


def validate(content: bytes) -> list[str]:
    """What the validator holds against a DICOM file."""
    dataset = dcmread(BytesIO(content))
    _has_no_empty_value_of_type_1(dataset)
    validator = IODValidator(dataset, _standard(dataset.SOPClassUID), log_level=logging.CRITICAL)
    result = validator.validate()
    found = []
    for module, errors in result.module_errors.items():
        for tag, error in errors.items():
            path = [_keyword(parent) for parent in tag.parents or []]
            found.append(f"{module}: {'/'.join([*path, _keyword(tag.tag)])} {error.code.name}")
    return found or ([] if result.errors == 0 else [result.status.name])


def _keyword(tag: Any) -> str:
    try:
        return dictionary_keyword(tag)
    except (KeyError, ValueError, TypeError):
        return str(tag)


@cache
def _standard(sop_class: str) -> DicomInfo:
    iod = get_sop_class_iod_map()[sop_class]
    modules: dict[str, dict[str, dict]] = {}
    used: dict[str, Any] = {}
    for module in get_iod_module_map()[iod]:
        name = module["key"]
        modules[name] = _module(name)
        used[name] = {"ref": name, "use": module["usage"]}
    iods: dict[str, Any] = {sop_class: {"title": iod, "modules": used, "group_macros": {}}}
    return DicomInfo({}, iods, modules)


def _module(name: str) -> dict[str, dict]:
    tree: dict[str, dict] = {}
    items: dict[tuple[str, ...], dict[str, dict]] = {(): tree}
    for attribute in sorted(get_module_attribute_map()[name], key=lambda attribute: len(attribute["path"])):
        path, keyword = tuple(attribute["path"]), attribute["keyword"]
        tag = tag_for_keyword(keyword)
        if tag is None or path not in items:
            continue
        kind = attribute["type"]
        if name == _CONTENT_TREE and keyword not in _ALWAYS and not path:
            kind = "3"
        if path in _FUNCTIONAL_GROUPS:  # each macro stands in one of the two
            kind = "3"
        entry: dict[str, Any] = {"name": keyword, "type": kind}
        inner: dict[str, dict] = {}
        items[(*path, keyword)] = inner
        items[path][f"({tag >> 16:04X},{tag & 0xFFFF:04X})"] = entry
        entry["_inner"] = inner
    for table in items.values():
        for entry in table.values():
            inner = entry.pop("_inner", None)
            if inner:
                entry["items"] = inner
    if name == _CONTENT_TREE:
        # The tree is as deep as one likes: every item may hold what the root may, and refer to its parent so.
        inner = tree["(0040,A730)"].setdefault("items", {})
        for key, entry in tree.items():
            inner.setdefault(key, entry)
        inner["(0040,A730)"] = tree["(0040,A730)"]
        for entry in inner.values():
            entry["type"] = "3"
    return tree


def _has_no_empty_value_of_type_1(dataset: Dataset) -> None:
    """UIDs in use are never empty, wherever they stand."""
    for element in dataset.iterall():
        if element.VR == "UI" and element.keyword.endswith("InstanceUID"):
            assert element.value, element.keyword
