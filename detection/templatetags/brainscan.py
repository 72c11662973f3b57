"""Icons, numbers and times as the pages write them."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from detection.words import NBSP

register = template.Library()

KILOBYTE = 1000


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """One symbol of the sprite. It is decoration: the word stands beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        classes,
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def overlay_first() -> bool:
    """Whether a result opens with the AI's marks on the picture (BRAINSCAN_OVERLAY_FIRST)."""
    return settings.CONFIG.overlay_first


@register.filter
def moment(value: datetime | None) -> str:
    """A time as `24 Nov 2025, 11:20`, in the installation's time zone; "Not known" without one."""
    if value is None:
        return "Not known"
    local = timezone.localtime(value)
    return f"{local.day} {local:%b %Y, %H:%M}"


@register.filter
def moment_near(value: datetime) -> str:
    """A time as `Today 11:20`, `Yesterday 17:40` or `24 Nov 2025, 11:20`."""
    local, now = timezone.localtime(value), timezone.localtime()
    days = (now.date() - local.date()).days
    if days in (0, 1):
        return f"{('Today', 'Yesterday')[days]} {local:%H:%M}"
    return moment(value)


@register.filter
def size(number: int) -> str:
    """A number of bytes as `412 KB` or `8.2 MB` (powers of 1000, as file managers show them)."""
    if number < KILOBYTE**2:
        return f"{max(1, round(number / KILOBYTE))}{NBSP}KB"
    return f"{number / KILOBYTE**2:.1f}{NBSP}MB"
