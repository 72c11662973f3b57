"""Whose result something is: the identity and hashes that everything carries which leaves the application."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from detection.models import Analysis, Scan, StoredFile
from ml.imaging.writers.marks import MARK_LONG


@functools.cache
def software_version() -> str:
    """Brainscan's own version, as pyproject.toml says it."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def originals(scan: Scan) -> list[StoredFile]:
    """The files that a scan was made from, in order; of a fused scan those of its channels, each once."""
    if not scan.is_fused:
        return list(scan.files.order_by("position"))
    files = {
        channel: StoredFile.objects.filter(scan=channel).order_by("position") for channel in scan.part_ids if channel
    }
    return [file for channel in files.values() for file in channel]


def received(file: StoredFile) -> str:
    """SHA-256 of a file as it arrived."""
    return file.sha256_received or file.sha256


def sha256_of(files: Sequence[StoredFile]) -> str:
    """One SHA-256 for a scan: that of its one file; of several, that of their SHA-256 in order, one on each line.

    `sha256sum FILES | cut -c 1-64 | sha256sum` gives the same.
    """
    if len(files) == 1:
        return received(files[0])
    return hashlib.sha256("".join(f"{received(file)}\n" for file in files).encode()).hexdigest()


def identity(scan: Scan, analysis: Analysis, files: Sequence[StoredFile]) -> dict[str, str]:
    """What a result was made from, by what and when: as `ml.imaging.writers.common.Provenance` writes it.

    Parameters
    ----------
    scan, analysis : Scan, Analysis
        The scan and its ended run.
    files : sequence of StoredFile
        From `originals`.
    """
    assert analysis.finished_at is not None
    return {
        "scan_id": str(scan.pk),
        "analysis_id": str(analysis.pk),
        "scan_sha256": sha256_of(files),
        "model_version": analysis.model_version,
        "software_version": software_version(),
        # In the installation's own zone: the times of a study beside it are local ones, and name none.
        "made": timezone.localtime(analysis.finished_at).isoformat(timespec="seconds"),
        "mark": MARK_LONG,
    }


def described(files: Sequence[StoredFile]) -> list[dict[str, Any]]:
    """Hashes of the originals without their names: `stored_sha256` where names were removed from the file."""
    return [
        {
            "sha256": received(file),
            "stored_sha256": file.sha256 if file.sha256 != received(file) else None,
            "bytes": file.bytes,
            "format": file.format,
        }
        for file in files
    ]
