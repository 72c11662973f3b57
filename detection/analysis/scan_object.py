"""Findings as they are stored: the contract's scan object, with outlines to draw and thresholds to explain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from ml.findings import Findings, to_json
from ml.imaging.outlines import outline
from ml.imaging.volume import Volume


def of(findings: Findings, volume: Volume, *, scan_id: UUID, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The scan object of `shared/contracts.md`, ready for JSON.

    Keys that are added: on each slice `outline` (closed polygons [[x, y], ...] in pixels of the upright
    slice, for SVG); on the scan `thresholds` ({"nothing_below", "tumour_from"}, probabilities; a series' own, where the
    pipeline tells them), `slice_thresholds` (the same of a single slice),
    `stored_orientation` (as in Volume: exports turn the masks back into the file's own rows x columns by it) and
    `references` (what the DICOM files say of themselves, as in Volume: which results can refer to them; null for others).
    `mask` is null everywhere: the web has an address for each.
    """
    found = to_json(findings, input=str(scan_id), volume=volume)
    for described, finding in zip(found["slices"], findings.slices, strict=True):
        described["outline"] = outline(finding.mask.pixels)
    found["stored_orientation"] = volume.stored_orientation
    found["references"] = None if volume.references is None else asdict(volume.references)
    if thresholds:
        found["slice_thresholds"] = dict(thresholds)
        if findings.kind == "image":
            found.setdefault("thresholds", dict(thresholds))
    return found
