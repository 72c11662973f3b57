"""From rows to an order: plain data that says what to make from which files, for a process without a database."""

from __future__ import annotations

from typing import Any

from detection import provenance, storage
from detection.exchange.formats import Format, referred
from detection.models import Analysis, Scan
from detection.reports.render import report

WITH_REPORT = ("report.pdf", "report.dcm")


def order(scan: Scan, analysis: Analysis, format: Format) -> dict[str, Any]:
    """What `makers.make` needs, ready for JSON.

    Parameters
    ----------
    scan, analysis : Scan, Analysis
        The scan, and its ended run with an answer.
    format : Format
        One that the scan has.
    """
    assert analysis.findings is not None
    files = provenance.originals(scan)
    slices = [{key: value for key, value in each.items() if key != "outline"} for each in analysis.findings["slices"]]
    made: dict[str, Any] = {
        "format": format.name,
        "scan": {**analysis.findings, "input": str(scan.pk), "slices": slices},
        "identity": provenance.identity(scan, analysis, files),
        "model": {"version": analysis.model_version, "files": analysis.weights},
        "files": [
            {
                "path": str(storage.original_path(file.key)),
                "name": file.original_name,
                "format": file.format,
                "sha256": provenance.received(file),
            }
            for file in referred(scan)
        ],
        "originals": provenance.described(files),
        "pictures": str(storage.derived_path(analysis.pk, "0-mask.png").parent),
    }
    if format.name in WITH_REPORT:
        made["report"] = report(scan, analysis, files).as_json()
    return made
