"""Addresses of this feature."""

from django.urls import path

from detection.viewer import views

urlpatterns = [
    path("scans/<uuid:scan_id>/volume.json", views.volume, name="scan_volume"),
    path("scans/<uuid:scan_id>/voxels", views.voxels, name="scan_voxels"),
    path("scans/<uuid:scan_id>/mask-voxels", views.mask_voxels, name="scan_mask_voxels"),
    path("scans/<uuid:scan_id>/heat-voxels", views.heat_voxels, name="scan_heat_voxels"),
    path("scans/<uuid:scan_id>/measurements/", views.measurements, name="measurements"),
    path("scans/<uuid:scan_id>/measurements/<uuid:measurement_id>/", views.measurement, name="measurement"),
]
