"""What a hard kill left in the folder of arriving uploads: patients' bytes that no row knows of."""

from __future__ import annotations

import shutil
from pathlib import Path


def clear(folder: Path) -> int:
    """Remove half-arrived uploads; returns how many. Only while nobody receives: before the web process starts."""
    orphans = list(folder.glob("upload-*"))
    for path in orphans:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)  # what the door was unpacking and cleaning
        else:
            path.unlink(missing_ok=True)
    return len(orphans)
