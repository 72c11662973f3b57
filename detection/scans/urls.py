"""Addresses of this feature."""

from django.urls import path

from detection.scans import pictures, views

urlpatterns = [
    path("scans/", views.scans, name="scans"),
    path("scans/<uuid:scan_id>/", views.scan, name="scan"),
    path("scans/<uuid:scan_id>/status.json", views.status, name="scan_status"),
    path("scans/<uuid:scan_id>/result.json", views.result, name="scan_result"),
    path("scans/<uuid:scan_id>/comparison.json", views.compared, name="scan_comparison"),
    path("scans/<uuid:scan_id>/thumbnail.png", pictures.thumbnail, name="scan_thumbnail"),
    path("scans/<uuid:scan_id>/slices/<int:index>/image.png", pictures.image, name="slice_image"),
    path("scans/<uuid:scan_id>/slices/<int:index>/mask.png", pictures.mask, name="slice_mask"),
    path("scans/<uuid:scan_id>/slices/<int:index>/thumbnail.png", pictures.slice_thumbnail, name="slice_thumbnail"),
    path("studies/<uuid:study_id>/", views.study, name="study"),
    path("help/", views.help_page, name="help"),
]
