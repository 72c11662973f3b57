"""Collecting static files at start-up, only when something about them has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

MARK = ".collected"


def fingerprint() -> str:
    """SHA-256 over path, length and time of change of every static file, and Django's version."""
    digest = hashlib.sha256(django.get_version().encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def collect() -> bool:
    """Bring STATIC_ROOT up to date; returns whether that was needed."""
    root = Path(settings.STATIC_ROOT)
    mark, wanted = root / MARK, fingerprint()
    if mark.exists() and mark.read_text(encoding="ascii") == wanted:
        return False
    mark.unlink(missing_ok=True)  # broken off, it is done again
    call_command("collectstatic", interactive=False, verbosity=0, clear=root.exists())
    mark.write_text(wanted, encoding="ascii")
    return True
