"""What the result page's Download section lists. A template library: `{% load exchange %}`."""

from __future__ import annotations

from typing import Any

from django import template

from detection.exchange import formats
from detection.models import Analysis, Scan

register = template.Library()


@register.simple_tag
def downloads(scan: Scan, analysis: Analysis) -> dict[str, Any] | None:
    """The formats that this scan has, the labels of those that it has not for each reason, or None where there is no result at all."""
    reason = formats.why_none(scan, analysis)
    if reason not in (None, formats.OLDER_RUN):
        return None
    if reason:
        return {"there": [], "missing": [], "note": formats.OLDER_RUN}
    case = formats.case_of(analysis, formats.referred(scan))
    there: list[formats.Format] = []
    missing: dict[str, list[str]] = {}
    for each in formats.FORMATS.values():
        reason = each.missing(case)
        if reason is None:
            there.append(each)
        else:
            missing.setdefault(reason, []).append(each.label)
    return {"there": there, "missing": [(", ".join(labels), reason) for reason, labels in missing.items()], "note": ""}
