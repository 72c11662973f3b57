"""What a hard kill left of an upload: patients' bytes that no row knows of, arriving and stored."""

from __future__ import annotations

import shutil
from pathlib import Path

from detection import storage
from detection.models import Scan


def clear(folder: Path) -> int:
    """Remove half-arrived uploads, and what they had stored and not recorded; returns how many uploads.

    Only while nobody receives: before the web process starts. Of the stored originals only those go that such
    an upload wrote down: a folder without a row may as well mean another DATABASE_URL, or a restored backup.
    """
    started = set(storage.noted(folder))
    recorded = set(Scan.objects.filter(pk__in=started).values_list("pk", flat=True))
    for scan_id in started - recorded:
        storage.discard_scan(scan_id)
    orphans = list(folder.glob("upload-*"))
    for path in orphans:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)  # what the door was unpacking and cleaning
        else:
            path.unlink(missing_ok=True)
    return len(orphans)
