"""Addresses of this feature."""

from django.urls import path

from detection.exchange import views

urlpatterns = [path("scans/<uuid:scan_id>/exports/<str:name>", views.export, name="export")]
