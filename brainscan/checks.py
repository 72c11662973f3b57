"""Start-up checks of this installation (`manage.py check --deploy` shows the second group)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from brainscan.home import others_may_read


@register(Tags.files)
def home_is_private(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Scans must not lie inside a folder that the web server hands out, nor where other accounts may look."""
    home = settings.HOME.resolve()
    for public in (settings.BASE_DIR / "static", settings.BASE_DIR / "templates"):
        if home.is_relative_to(public.resolve()):
            return [
                Error(
                    "BRAINSCAN_HOME lies inside a public folder of the checkout: choose another place.",
                    id="brainscan.E001",
                )
            ]
    if others_may_read(home):
        return [
            Warning("BRAINSCAN_HOME can be read by other accounts of this machine: chmod 700.", id="brainscan.W002")
        ]
    return []


@register(Tags.security, deploy=True)
def deployed_safely(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """What is fine on one desk and not in a hospital."""
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(Error("BRAINSCAN_DEBUG is on: error pages would show data.", id="brainscan.E002"))
    if not settings.SERVED_OVER_HTTPS:
        found.append(
            Warning("BRAINSCAN_PUBLIC_URL is not https: passwords and scans travel readable.", id="brainscan.W001")
        )
    return found
