"""Addresses of this feature."""

from django.urls import path

from detection.analysis import views

urlpatterns = [
    path("scans/<uuid:scan_id>/analyses/", views.analyse_again, name="analyse_again"),
]
