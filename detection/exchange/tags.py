"""What the result page's Download section lists. A template library: `{% load exchange %}`."""

from __future__ import annotations

from typing import Any

from django import template

from detection.exchange import formats
from detection.models import Analysis, Scan

register = template.Library()


@register.simple_tag
def downloads(scan: Scan, analysis: Analysis) -> dict[str, Any] | None:
    """The formats that this scan has, those that it has not with the reason, or None where there is no result at all."""
    if formats.why_none(analysis) not in (None, formats.OLDER_RUN):
        return None
    if formats.why_none(analysis):
        return {"there": [], "missing": [], "note": formats.OLDER_RUN}
    case = formats.case_of(analysis, formats.referred(scan))
    missing = {each.name: each.missing(case) for each in formats.FORMATS.values()}
    return {
        "there": [each for each in formats.FORMATS.values() if missing[each.name] is None],
        "missing": [(each, missing[each.name]) for each in formats.FORMATS.values() if missing[each.name]],
        "note": "",
    }
