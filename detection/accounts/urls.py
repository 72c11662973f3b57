"""Addresses of this feature."""

from __future__ import annotations

from django.urls import include, path

from detection.accounts import views

# social-auth looks its own addresses up under this namespace. Its others (linking, unlinking, launching) stay shut.
social = (
    [
        path("begin/<str:backend>/", views.begin, name="begin"),
        path("complete/<str:backend>/", views.complete, name="complete"),
    ],
    "social",
)

urlpatterns = [
    path("", views.account, name="account"),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", views.logout, name="logout"),
    path("", include(social)),
]
