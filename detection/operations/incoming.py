"""What a hard kill left in the folder of arriving uploads: patients' bytes that no row knows of."""

from __future__ import annotations

from pathlib import Path


def clear(folder: Path) -> int:
    """Remove half-arrived uploads; returns how many. Only while nobody receives: before the web process starts."""
    orphans = [path for path in folder.glob("upload-*") if path.is_file()]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)
