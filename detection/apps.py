"""The one Django app of Brainscan."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DetectionConfig(AppConfig):
    """Rows, features and their admin."""

    name = "detection"
    verbose_name = "Brainscan"

    def ready(self) -> None:
        """Register the start-up checks."""
        from brainscan import checks  # noqa: F401  registering is the import's effect


class BrainscanAdminConfig(AdminConfig):
    """Django admin under Brainscan's name, behind Brainscan's own sign-in."""

    default_site = "detection.admin_site.BrainscanAdminSite"
