"""What people measured, removed ones included: nothing measured is ever lost."""

from __future__ import annotations

from django.contrib import admin

from detection.admin.shown import RecordAdmin, link
from detection.models import Measurement


@admin.register(Measurement)
class MeasurementAdmin(RecordAdmin):
    """Rulers, areas and angles, each with who drew it, when, and whether it was removed or moved since."""

    list_display = ("created_at", "of_scan", "kind", "plane", "slice_index", "author", "removed_at")
    list_select_related = ("author", "scan__study")
    list_filter = ("kind", "plane", ("removed_at", admin.EmptyFieldListFilter))
    search_fields = ("scan__study__patient_reference", "author__username", "=id", "=scan__id")
    search_help_text = "Patient reference, author, or an id."
    date_hierarchy = "created_at"
    fields = (
        "id",
        "of_scan",
        "kind",
        "plane",
        "slice_index",
        "points",
        "author",
        "created_at",
        "removed_at",
        "replaces",
    )
    readonly_fields = ("id", "of_scan")

    @admin.display(description="Scan", ordering="scan__study__patient_reference")
    def of_scan(self, measurement: Measurement) -> str:
        return link(measurement.scan, measurement.scan.study.patient_reference)
