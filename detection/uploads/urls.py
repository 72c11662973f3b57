"""Addresses of this feature."""

from django.urls import path

from detection.uploads import views

urlpatterns = [path("new/", views.new_scan, name="new_scan")]
