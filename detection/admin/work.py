"""Messages and the processes that do the work."""

from __future__ import annotations

from django.contrib import admin

from detection.admin.shown import RecordAdmin, link
from detection.models import Delivery, Worker
from detection.words import masked


@admin.register(Delivery)
class DeliveryAdmin(RecordAdmin):
    """Messages: to whom, with whose consent, and what became of them. Never the whole number."""

    list_display = ("created_at", "of_study", "recipient", "to", "state", "reason", "sender", "sent_at", "attempts")
    list_select_related = ("study",)
    list_filter = ("state", "recipient", "sender")
    search_fields = ("study__patient_reference", "=receipt", "=id")
    search_help_text = "Patient reference, the sender's receipt, or the delivery's id."
    date_hierarchy = "created_at"
    fields = (
        "id",
        "of_study",
        "recipient",
        "to",
        "consented_at",
        "consent_recorded_by",
        "state",
        "reason",
        "attempts",
        "sender",
        "receipt",
        "created_at",
        "sent_at",
    )
    readonly_fields = ("id", "of_study", "to", "attempts")

    @admin.display(description="Phone")
    def to(self, delivery: Delivery) -> str:
        return masked(str(delivery.phone))

    @admin.display(description="Study", ordering="study__patient_reference")
    def of_study(self, delivery: Delivery) -> str:
        return link(delivery.study, delivery.study.patient_reference)


@admin.register(Worker)
class WorkerAdmin(RecordAdmin):
    """Processes as they last reported themselves."""

    list_display = ("name", "purpose", "ready", "model_version", "started_at", "heartbeat_at")
    list_filter = ("purpose", "ready")
    search_fields = ("name",)
