"""Every address of the application. A new one needs a row in tests/test_permissions.py."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="scans"), name="home"),
    path("", include("detection.operations.urls")),
    path("accounts/", include("detection.accounts.urls")),
    path("scans/", include("detection.uploads.urls")),
    path("", include("detection.scans.urls")),
    path("", include("detection.analysis.urls")),
    path("", include("detection.review.urls")),
    path("", include("detection.sequences.urls")),
    path("", include("detection.exchange.urls")),
    path("", include("detection.viewer.urls")),
    path("", include("detection.sms.urls")),
    path("admin/", admin.site.urls),
]
