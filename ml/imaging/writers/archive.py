"""The result as a zip that any program opens: masks as PNG, tables as CSV, the result as JSON, and what it all means.

Nothing in it is named after the person's files, which may be named after the patient: an
original is called by its SHA-256, from which its owner finds it again.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from PIL import Image

from ml.imaging.writers.common import Provenance, meaning_of

_COMPRESSION = 1
# Zips made twice from one run are the same bytes.
DAY_ONE = (1980, 1, 1, 0, 0, 0)

SLICE_COLUMNS = (
    "slice",
    "mask",
    "original_sha256",
    "original_frame",
    "tumour_probability",
    "verdict",
    "area_px",
    "area_mm2",
)
LESION_COLUMNS = (
    "lesion", "first_slice", "last_slice", "largest_slice", "pixels", "largest_area_px", "largest_area_mm2",
    "extent_slices_px", "extent_rows_px", "extent_columns_px", "extent_slices_mm", "extent_rows_mm", "extent_columns_mm",
    "volume_ml", "volume_ml_low", "volume_ml_high", "longest_diameter_mm", "perpendicular_diameter_mm", "measurable",
    "side", "centroid_left_mm", "centroid_back_mm", "centroid_head_mm",
)  # fmt: skip

_README = """\
Brainscan result
================

{mark}

{identity}
Made: {made}

What is in here
---------------
masks/NNN.png   One picture a slice: 255 inside the outline, 0 outside. Exactly the rows and columns of the
                original slice, the way round that its file stores them. Numbered from 0. Also there when empty.
slices.csv      A line a slice: its mask, the original it belongs to, probability, verdict and outlined area.
lesions.csv     A line a lesion, largest first. Slices are numbered from 1, as on the page. The centroid is in mm
                towards the patient's left, back and head, in the coordinates of the originals, as DICOM counts
                (LPS); NIfTI counts right and front (RAS): change the sign of the first two.
result.json     The whole result, as from /scans/<id>/result.json. Slices are numbered from 0.
originals.csv   The files that were analysed, by SHA-256 as they arrived{stored}.

What the outline means
----------------------
{meaning}

Empty fields mean: not known, or not computable because the files give no pixel spacing or no distance
between slices. They never mean zero.

What it does not say
--------------------
A probability below the threshold does not exclude a tumour. The outline is a program's proposal; nobody has
corrected it. The kind and the grade of a tumour are not told. Anything but a tumour was not looked for.
"""
_SHA_OF_SCAN = (
    "The SHA-256 of the scan is that of its file; for several files, that of their SHA-256 in order, one on each line."
)


@dataclass(frozen=True)
class Origin:
    """Where a slice came from: the SHA-256 of the original as received, and its frame or plane from 0, or None."""

    sha256: str
    frame: int | None


def write_archive(
    out: IO[bytes],
    masks: Iterable[np.ndarray],
    scan: Mapping[str, Any],
    provenance: Provenance,
    *,
    origins: Sequence[Origin],
    originals: Sequence[Mapping[str, Any]],
    model: Mapping[str, Any],
) -> None:
    """Write the zip.

    Args:
        out: open for writing.
        masks: for each slice (rows, columns) uint8, 0 or 255, as stored.
        scan: the contract's scan object.
        provenance: of the result.
        origins: where each slice came from.
        originals: `sha256`, `bytes`, `format` and, where the stored file differs, `stored_sha256` of each file.
        model: `version` and `files`, as in the contract.
    """
    names = [f"masks/{index:03d}.png" for index in range(len(scan["slices"]))]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:

        def add(name: str, content: str | bytes, kind: int = zipfile.ZIP_DEFLATED) -> None:
            archive.writestr(zipfile.ZipInfo(name, DAY_ONE), content, kind)

        add("README.txt", _readme(scan, provenance, any(each.get("stored_sha256") for each in originals)))
        add("slices.csv", _table(SLICE_COLUMNS, _slices(scan, names, origins)))
        add("lesions.csv", _table(LESION_COLUMNS, _lesions(scan)))
        add("originals.csv", _table(("file", "sha256", "stored_sha256", "bytes", "format"), _originals(originals)))
        add("result.json", json.dumps(result(scan, provenance, names, origins, originals, model), indent=1))
        for name, mask in zip(names, masks, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(mask).save(buffer, "PNG", compress_level=_COMPRESSION)
            add(name, buffer.getvalue(), zipfile.ZIP_STORED)


def result(
    scan: Mapping[str, Any],
    provenance: Provenance,
    names: Sequence[str],
    origins: Sequence[Origin],
    originals: Sequence[Mapping[str, Any]],
    model: Mapping[str, Any],
) -> dict[str, Any]:
    """The scan object with identity and hashes, slices by the hash of their original and the name of their mask."""
    slices = [
        {**{key: value for key, value in found.items() if key != "outline"}, "source": _called(origin), "mask": name}
        for found, origin, name in zip(scan["slices"], origins, names, strict=True)
    ]
    return {
        **scan,
        "input": str(provenance.scan_id),
        "slices": slices,
        "model": dict(model),
        "identity": provenance.as_json(),
        "originals": [dict(each) for each in originals],
    }


def _called(origin: Origin) -> str:
    return f"sha256:{origin.sha256}" + ("" if origin.frame is None else f"[{origin.frame}]")


def _readme(scan: Mapping[str, Any], provenance: Provenance, cleaned: bool) -> str:
    meaning = "Nothing is outlined in this scan."
    if scan["compartment"] is not None:
        meaning = f"{meaning_of(scan).label}. FLAIR abnormality (tumour and the swelling around it) and\ncontrast-enhancing tumour are different things and must not be compared with each other."
    return _README.format(
        mark=provenance.as_json()["mark"],
        identity=f"{provenance.sentence}\n{_SHA_OF_SCAN}",
        made=provenance.as_json()["made"],
        meaning=meaning,
        stored=",\n                and as they are stored after names were removed" if cleaned else "",
    )


def _slices(scan: Mapping[str, Any], names: Sequence[str], origins: Sequence[Origin]) -> Iterable[tuple[Any, ...]]:
    for found, name, origin in zip(scan["slices"], names, origins, strict=True):
        yield (
            found["index"] + 1, name, origin.sha256, origin.frame, found["tumour_probability"], found["verdict"],
            found["area_px"], found["area_mm2"],
        )  # fmt: skip


def _lesions(scan: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    nothing = (None, None, None)
    for number, lesion in enumerate(scan["lesions"], 1):
        first, last = lesion["slices"]
        measurable = lesion.get("measurable")
        yield (
            number, first + 1, last + 1, lesion["largest_slice"] + 1, lesion["area_px"], lesion["largest_area_px"],
            lesion.get("area_mm2"), *(lesion.get("extent_px") or nothing), *(lesion.get("extent_mm") or nothing),
            lesion.get("volume_ml"), *(lesion.get("volume_ml_interval") or (None, None)),
            *(lesion.get("diameters_mm") or (None, None)),
            None if measurable is None else "yes" if measurable else "no", lesion.get("side"),
            *(lesion.get("centroid_lps_mm") or nothing),
        )  # fmt: skip


def _originals(originals: Sequence[Mapping[str, Any]]) -> Iterable[tuple[Any, ...]]:
    for number, each in enumerate(originals, 1):
        yield number, each["sha256"], each.get("stored_sha256"), each["bytes"], each["format"]


def _table(columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """RFC 4180, None as an empty field."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    writer.writerows(lines)
    return buffer.getvalue()
