"""The one Django app of Brainscan."""

from django.apps import AppConfig


class DetectionConfig(AppConfig):
    """Rows, features and their admin."""

    name = "detection"
    verbose_name = "Brainscan"

    def ready(self) -> None:
        """Register the start-up checks."""
        from brainscan import checks  # noqa: F401  registering is the import's effect
