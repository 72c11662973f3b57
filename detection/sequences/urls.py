"""Addresses of this feature."""

from django.urls import path

from detection.sequences import views

urlpatterns = [path("scans/<uuid:scan_id>/sequence/", views.correct, name="correct_sequence")]
