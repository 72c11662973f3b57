"""What a command writes: tried before the work begins, and never lost after it."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any


def refuse(*, file: Path | None = None, folder: Path | None = None) -> str | None:
    """Why a file or into a folder cannot be written, a sentence; None when it can. Makes the folders on the way."""
    if file is not None and file.is_dir():
        return f"{file} is a folder. Name a file."
    for place in (None if file is None else file.parent, folder):
        if place is not None:
            try:
                place.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=place) as probe:
                    probe.write(b"probe")
            except OSError as error:
                return f"Nothing can be written to {place}: {error.strerror}."
    return None


def write_json(path: Path, content: dict[str, Any]) -> bool:
    """Writes all or nothing: a reader never sees half a file. Where it cannot be written, it is printed instead.

    Gives whether it was written.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        print(f"{path} could not be written ({error.strerror}): its content is printed instead.", file=sys.stderr)
        print(text, end="")
        return False
    return True
