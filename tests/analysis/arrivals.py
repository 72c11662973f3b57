"""Scans that arrive: real pictures through the door's own service."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from detection.models import Analysis, Scan, Study, User
from detection.uploads.handlers import StreamedFile
from detection.uploads.services import SmsRequest, receive
from tests.rows import known_pictures

SIDE = 64


def picture(level: int = 100, *, rows: int = SIDE, columns: int = SIDE) -> bytes:
    """A grey PNG: a bright disc of this level on black. The level tells the stand-in models what to do."""
    y, x = np.mgrid[:rows, :columns]
    disc = (y - rows / 2) ** 2 + (x - columns / 2) ** 2 < (min(rows, columns) / 3) ** 2
    target = io.BytesIO()
    Image.fromarray((disc * level).astype(np.uint8)).save(target, "PNG")
    return target.getvalue()


def arrive(owner: User, *contents: bytes, as_series: bool = False, sms: SmsRequest | None = None) -> Study:
    """One upload of these files, named `slice_0.png`, `slice_1.png`, ..."""
    files = []
    for index, content in enumerate(contents):
        file = StreamedFile(f"slice_{index}.png", "image/png", None)
        file.append(content)
        file.finish(len(content))
        files.append(file)
    try:
        with known_pictures():
            return receive(owner=owner, files=files, as_series=as_series, sms=sms)
    finally:
        for file in files:
            file.close()


def arrived(owner: User, *contents: bytes, as_series: bool = False) -> list[Analysis]:
    """The queued analyses of one upload, in the order of its scans."""
    study = arrive(owner, *contents, as_series=as_series)
    scans = Scan.objects.filter(study=study).order_by("position").select_related("current_analysis")
    return [scan.current_analysis for scan in scans if scan.current_analysis is not None]
