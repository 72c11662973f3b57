"""Addresses of this feature."""

from django.urls import path

from detection.review import views

urlpatterns = [path("studies/<uuid:study_id>/release/", views.release_study, name="release_study")]
