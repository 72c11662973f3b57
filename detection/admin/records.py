"""Studies, scans, analyses and original files."""

from __future__ import annotations

import json
from typing import cast

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from detection import provenance
from detection.admin.shown import (
    NOTHING,
    LookOnly,
    RecordAdmin,
    TabularInline,
    VersionFilter,
    link,
    percent,
    thumbnail,
    verdict,
)
from detection.models import Analysis, Delivery, Scan, StoredFile, Study
from detection.models.scan import PARTS
from detection.templatetags.brainscan import moment
from detection.words import masked


def _result(scan: Scan) -> str:
    """The current verdict; that of a fused scan whose parts were corrected since counts no longer."""
    shown = verdict(scan.current_analysis)
    return format_html("No longer current (was: {})", shown) if scan.is_superseded else shown


class _ScansOfStudy(LookOnly, TabularInline):
    model = Scan
    fields = ("picture", "number", "kind", "result", "probability", "version")
    readonly_fields = fields
    extra = 0
    ordering = ("position",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Scan]:
        rows = cast("QuerySet[Scan]", super().get_queryset(request))
        return rows.select_related("current_analysis", *PARTS).defer("current_analysis__findings")

    @admin.display(description="Picture")
    def picture(self, scan: Scan) -> str:
        return thumbnail(scan, scan.current_analysis)

    @admin.display(description="Scan")
    def number(self, scan: Scan) -> str:
        return link(scan, f"Scan {scan.position + 1}")

    @admin.display(description="Verdict")
    def result(self, scan: Scan) -> str:
        return _result(scan)

    @admin.display(description="Probability")
    def probability(self, scan: Scan) -> str:
        return percent(scan.current_analysis.tumour_probability if scan.current_analysis else None)

    @admin.display(description="Model")
    def version(self, scan: Scan) -> str:
        return (scan.current_analysis and scan.current_analysis.model_version) or NOTHING


class _DeliveriesOfStudy(LookOnly, TabularInline):
    model = Delivery
    fk_name = "study"
    fields = ("recipient", "to", "state", "reason", "sender", "sent_at")
    readonly_fields = fields
    extra = 0

    @admin.display(description="Phone")
    def to(self, delivery: Delivery) -> str:
        return masked(str(delivery.phone))


@admin.register(Study)
class StudyAdmin(RecordAdmin):
    """One upload with its scans and messages."""

    list_display = ("patient_reference", "created_at", "owner", "scan_count", "is_released", "released_by")
    list_select_related = ("owner", "released_by")
    list_filter = (("released_at", admin.EmptyFieldListFilter), ("owner", admin.RelatedOnlyFieldListFilter))
    search_fields = ("patient_reference", "owner__username", "=id")
    search_help_text = "Patient reference, doctor's account, or the study's id."
    date_hierarchy = "created_at"
    fields = (
        "id",
        "patient_reference",
        "owner",
        "created_at",
        "acquired_on",
        "released_at",
        "released_by",
        "covers_the_present",
        "became_no_scan",
    )
    readonly_fields = ("covers_the_present", "became_no_scan")
    inlines = (_ScansOfStudy, _DeliveriesOfStudy)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Study]:
        rows = cast("QuerySet[Study]", super().get_queryset(request))
        return rows.annotate(scans_in_it=Count("scans"))

    @admin.display(description="Scans", ordering="scans_in_it")
    def scan_count(self, study: Study) -> int:
        count: int = getattr(study, "scans_in_it")  # noqa: B009  annotated above, so unknown to the type
        return count

    @admin.display(description="Released", boolean=True, ordering="released_at")
    def is_released(self, study: Study) -> bool:
        return study.released_at is not None

    @admin.display(description="Released is")
    def covers_the_present(self, study: Study) -> str:
        if study.released_at is None:
            return NOTHING
        return "an earlier analysis" if study.is_outdated_release else "what the scans show now"

    @admin.display(description="Became no scan")
    def became_no_scan(self, study: Study) -> str:
        told = ((each["label"], each["files"], each["reason"]) for each in study.set_aside)
        return format_html_join(mark_safe("<br>"), "{} ({} files): {}", told) or NOTHING

    def view_on_site(self, study: Study) -> str:
        return reverse("study", args=[study.pk])


class _RunsOfScan(LookOnly, TabularInline):
    model = Analysis
    fields = ("run", "state", "result", "probability", "model_version", "milliseconds", "attempts")
    readonly_fields = fields
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Analysis]:
        rows = cast("QuerySet[Analysis]", super().get_queryset(request))
        return rows.defer("findings")

    @admin.display(description="Queued")
    def run(self, analysis: Analysis) -> str:
        return link(analysis, moment(analysis.queued_at))

    @admin.display(description="Verdict")
    def result(self, analysis: Analysis) -> str:
        return verdict(analysis)

    @admin.display(description="Probability")
    def probability(self, analysis: Analysis) -> str:
        return percent(analysis.tumour_probability)


class _FilesOfScan(LookOnly, TabularInline):
    model = StoredFile
    fields = ("position", "original_name", "format", "rows", "columns", "bytes", "received", "sha256")
    readonly_fields = fields
    extra = 0

    @admin.display(description="SHA-256 as received")
    def received(self, file: StoredFile) -> str:
        return provenance.received(file)


@admin.register(Scan)
class ScanAdmin(RecordAdmin):
    """Scans with their current result."""

    list_display = ("picture", "reference", "created_at", "owner", "kind", "result", "probability", "version")
    list_display_links = ("reference",)
    list_select_related = ("study", "owner", "current_analysis", *PARTS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Scan]:
        rows = cast("QuerySet[Scan]", super().get_queryset(request))
        return rows.defer("current_analysis__findings")

    list_filter = (
        "current_analysis__verdict",
        "current_analysis__state",
        "kind",
        ("current_analysis__model_version", VersionFilter),
        ("owner", admin.RelatedOnlyFieldListFilter),
    )
    search_fields = ("study__patient_reference", "owner__username", "=id", "=files__sha256", "=files__sha256_received")
    search_help_text = "Patient reference, doctor's account, the scan's id, or a file's SHA-256."
    date_hierarchy = "created_at"
    fields = (
        "large_picture",
        "id",
        "of_study",
        "position",
        "owner",
        "kind",
        "series_uid",
        "sequence",
        "sequence_by_doctor",
        "sequence_corrected_by",
        "sequence_corrected_at",
        "fused_of",
        "created_at",
        "opened_at",
        "result",
        "probability",
        "version",
        "why",
    )
    readonly_fields = fields
    inlines = (_RunsOfScan, _FilesOfScan)

    @admin.display(description="Picture")
    def picture(self, scan: Scan) -> str:
        return thumbnail(scan, scan.current_analysis)

    @admin.display(description="Picture")
    def large_picture(self, scan: Scan) -> str:
        return thumbnail(scan, scan.current_analysis, 160)

    @admin.display(description="Fused of")
    def fused_of(self, scan: Scan) -> str:
        parts = [scan.fused_pre, scan.fused_flair, scan.fused_post]
        named = ((link(part, f"Scan {part.position + 1}"),) for part in parts if part is not None)
        return format_html_join(", ", "{}", named) or NOTHING

    @admin.display(description="Patient reference", ordering="study__patient_reference")
    def reference(self, scan: Scan) -> str:
        return f"{scan.study.patient_reference} / {scan.position + 1}"

    @admin.display(description="Study")
    def of_study(self, scan: Scan) -> str:
        return link(scan.study, scan.study.patient_reference)

    @admin.display(description="Verdict", ordering="current_analysis__verdict")
    def result(self, scan: Scan) -> str:
        return _result(scan)

    @admin.display(description="Probability", ordering="current_analysis__tumour_probability")
    def probability(self, scan: Scan) -> str:
        return percent(scan.current_analysis.tumour_probability if scan.current_analysis else None)

    @admin.display(description="Model", ordering="current_analysis__model_version")
    def version(self, scan: Scan) -> str:
        return (scan.current_analysis and scan.current_analysis.model_version) or NOTHING

    @admin.display(description="Reason")
    def why(self, scan: Scan) -> str:
        return (scan.current_analysis and scan.current_analysis.reason) or NOTHING

    def view_on_site(self, scan: Scan) -> str:
        return reverse("scan", args=[scan.pk])


@admin.register(Analysis)
class AnalysisAdmin(RecordAdmin):
    """Every run of the models, with what was used and what was found."""

    list_display = (
        "picture",
        "reference",
        "queued_at",
        "state",
        "result",
        "probability",
        "model_version",
        "seconds",
        "attempts",
    )
    list_display_links = ("reference",)
    list_select_related = ("scan__study",)
    list_filter = ("state", "verdict", ("model_version", VersionFilter))
    search_fields = ("scan__study__patient_reference", "=id", "=scan__id", "=model_version")
    search_help_text = "Patient reference, model version, or the id of the analysis or the scan."
    date_hierarchy = "queued_at"
    fields = (
        ("large_picture",),
        ("id", "of_scan"),
        ("state", "progress", "attempts"),
        ("queued_at", "started_at", "finished_at", "seconds"),
        ("result", "probability", "reason"),
        ("model_version", "weight_files"),
        ("what_was_found",),
    )
    readonly_fields = ("large_picture", "of_scan", "result", "probability", "seconds", "weight_files", "what_was_found")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Analysis]:
        rows = cast("QuerySet[Analysis]", super().get_queryset(request))
        return rows.defer("findings")  # its own page reads them; a list would read megabytes

    @admin.display(description="Picture")
    def picture(self, analysis: Analysis) -> str:
        return thumbnail(analysis.scan, analysis)

    @admin.display(description="Picture")
    def large_picture(self, analysis: Analysis) -> str:
        return thumbnail(analysis.scan, analysis, 160)

    @admin.display(description="Patient reference", ordering="scan__study__patient_reference")
    def reference(self, analysis: Analysis) -> str:
        return f"{analysis.scan.study.patient_reference} / {analysis.scan.position + 1}"

    @admin.display(description="Scan")
    def of_scan(self, analysis: Analysis) -> str:
        return link(analysis.scan, self.reference(analysis))

    @admin.display(description="Verdict", ordering="verdict")
    def result(self, analysis: Analysis) -> str:
        return verdict(analysis)

    @admin.display(description="Probability", ordering="tumour_probability")
    def probability(self, analysis: Analysis) -> str:
        return percent(analysis.tumour_probability)

    @admin.display(description="Seconds", ordering="milliseconds")
    def seconds(self, analysis: Analysis) -> str:
        return NOTHING if analysis.milliseconds is None else f"{analysis.milliseconds / 1000:.2f}"

    @admin.display(description="Weight files")
    def weight_files(self, analysis: Analysis) -> str:
        return format_html(
            "<pre>{}</pre>",
            "\n".join(f"{name}  {digest}" for name, digest in sorted(analysis.weights.items())) or NOTHING,
        )

    @admin.display(description="Findings")
    def what_was_found(self, analysis: Analysis) -> str:
        return NOTHING if not analysis.findings else format_html("<pre>{}</pre>", _without_outlines(analysis))

    def view_on_site(self, analysis: Analysis) -> str:
        return reverse("scan", args=[analysis.scan_id])


def _without_outlines(analysis: Analysis) -> str:
    """Findings as indented JSON; outlines are thousands of numbers that the picture shows better."""
    findings = {**(analysis.findings or {})}
    findings["slices"] = [
        {key: value for key, value in found.items() if key != "outline"} for found in findings.get("slices", [])
    ]
    return json.dumps(findings, indent=2, ensure_ascii=False)


@admin.register(StoredFile)
class StoredFileAdmin(RecordAdmin):
    """Original files as they are kept: without what names the patient."""

    list_display = ("original_name", "of_scan", "format", "pixels", "bytes", "sha256")
    list_select_related = ("scan__study",)
    list_filter = ("format",)
    search_fields = ("scan__study__patient_reference", "=sha256", "=sha256_received", "=id")
    search_help_text = "Patient reference, SHA-256 as received or as stored, or the file's id."
    fields = ("id", "of_scan", "position", "original_name", "format", "pixels", "bytes", "received", "sha256", "key")
    readonly_fields = ("id", "of_scan", "pixels", "received", "key")

    @admin.display(description="Scan")
    def of_scan(self, file: StoredFile) -> str:
        return link(file.scan, f"{file.scan.study.patient_reference} / {file.scan.position + 1}")

    @admin.display(description="SHA-256 as received", ordering="sha256_received")
    def received(self, file: StoredFile) -> str:
        return provenance.received(file)

    @admin.display(description="Rows x columns")
    def pixels(self, file: StoredFile) -> str:
        return NOTHING if file.rows is None else f"{file.rows} x {file.columns}"
