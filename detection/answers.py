"""Where a page that was posted leads to."""

from __future__ import annotations

from django.http import HttpResponseRedirect
from django.urls import reverse

from detection.models import Study


class SeeOther(HttpResponseRedirect):
    """303: the page is fetched from there, so that a reload of it does not send the form again (RFC 9110, 15.4.4)."""

    status_code = 303


def page_of(study: Study) -> str:
    """The address of a study's result: of its scan's page where it has only one."""
    scans = list(study.scans.values_list("id", flat=True)[:2])
    return reverse("scan", args=scans) if len(scans) == 1 else reverse("study", args=[study.pk])
