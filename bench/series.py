"""Whole series over HTTP: from drop to full result beside the networks' bare time; bytes to the first picture."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import requests

from bench.server import CHECKOUT, Server, serving, upload_page, waited
from tests import phantoms, phantoms_dicom

LENGTHS = (22, 160)
SIZE = 256
FACTOR = 1.5
"""Aim: a full result takes no more than this many times the networks' bare time."""
PARTS_OF_A_PAGE = re.compile(r'(?:href|src)="([^"]+[.](?:css|js)(?:[?][^"]*)?)"')
FIRST_PICTURE = re.compile(r'<image[^>]*href="([^"]+)"')
PARTS_OF_A_SHEET = re.compile(r'url[(]"?([^")]+latin-wght[^")]*[.]woff2)"?[)]')
IMPORTED = re.compile(r'(?:from|import) "([.]{1,2}/[^"]+[.]js)"')


def write_series(folder: Path, slices: int, *, seed: int) -> list[Path]:
    """A generated head as DICOM files, a slice each, 12 bits as scanners store them."""
    folder.mkdir()
    voxels, _ = phantoms.volume(slices=slices, size=SIZE, seed=seed)
    stored = voxels.astype(np.uint16) * 14
    between = 110.0 / slices
    paths = []
    for number, dataset in enumerate(
        phantoms_dicom.series(
            stored, spacing=(between, 0.9, 0.9), BitsStored=12, HighBit=11, SeriesDescription="FLAIR ax"
        )
    ):
        paths.append(folder / f"IM{number:04}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def drop_to_result(server: Server, session: requests.Session, files: Sequence[Path]) -> tuple[float, float, str]:
    """Seconds from sending the files to the full result with its picture, those of the sending, and the page."""
    form = upload_page(server, session)
    began = time.perf_counter()
    opened = [("files", (path.name, path.read_bytes(), "application/octet-stream")) for path in files]
    answer = session.post(
        f"{server.address}/scans/new/",
        data={"csrfmiddlewaretoken": form},
        files=opened,
        headers={"Referer": server.address},
        allow_redirects=False,
        timeout=600,
    )
    if answer.status_code != 303 or not answer.headers["Location"].startswith("/scans/"):
        raise SystemExit(f"bench: the upload was answered {answer.status_code} {answer.headers.get('Location', '')}.")
    sent = time.perf_counter() - began
    page = f"{server.address}{answer.headers['Location']}"
    session.get(page, timeout=60)
    status = waited(session, page)
    if status["state"] != "done":
        raise SystemExit(f"bench: the series was {status['state']}: {status['reason']}")
    shown = session.get(page, timeout=60)
    shown.raise_for_status()
    session.get(urljoin(page, first_picture(shown.text)), timeout=30).raise_for_status()
    return time.perf_counter() - began, sent, page


def first_picture(page: str) -> str:
    """Address of the picture that a result page shows first."""
    found = FIRST_PICTURE.search(page)
    if found is None:
        raise SystemExit("bench: the result page shows no picture.")
    return found.group(1).replace("&amp;", "&")


def bytes_to_first_picture(session: requests.Session, page: str) -> dict[str, int]:
    """Bytes on the wire, as compressed, that a browser with an empty cache needs until the first picture stands."""
    waiting, seen = [page], set()
    sizes: dict[str, int] = {}
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = session.get(address, headers={"Accept-Encoding": "gzip, br"}, stream=True, timeout=60)
        answer.raise_for_status()
        kind = answer.headers["Content-Type"].partition(";")[0].rpartition("/")[2]
        length = len(answer.raw.read(decode_content=False))
        sizes[kind] = sizes.get(kind, 0) + length
        if kind in ("html", "css", "javascript"):
            text = session.get(address, timeout=60).text
            found = [*PARTS_OF_A_PAGE.findall(text), first_picture(text)] if kind == "html" else []
            found += PARTS_OF_A_SHEET.findall(text) if kind == "css" else []
            found += IMPORTED.findall(text) if kind == "javascript" else []
            waiting += [urljoin(address, part) for part in found]
    return sizes


def bare(folder: Path) -> dict[str, float]:
    """Seconds inside the networks for the same files, in a process of its own, warm."""
    answer = subprocess.run(
        [sys.executable, "-m", "bench.bare", str(folder)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise SystemExit(f"bench: {answer.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def measure() -> list[tuple[str, str, str]]:
    """Rows of the report: what, measured, aim."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="brainscan-bench-") as folder:
        home = Path(folder, "home")
        with serving(home) as (server, _):
            session = server.signed_in()
            drop_to_result(server, session, write_series(Path(folder, "warm"), 12, seed=1))
            for slices in LENGTHS:
                source = Path(folder, f"series-{slices}")
                files = write_series(source, slices, seed=slices)
                whole, sent, page = drop_to_result(server, session, files)
                inside = bare(source)
                name = f"{slices} slices"
                rows += [
                    (f"{name}, from drop to full result", f"{whole:.1f} s", ""),
                    (f"{name}, of that until the upload was taken in", f"{sent:.1f} s", ""),
                    (
                        f"{name}, the networks' bare time ({inside['classified']} classified, {inside['outlined']} outlined)",
                        f"{inside['seconds']:.1f} s",
                        "",
                    ),
                    (f"{name}, times the bare time", f"{whole / inside['seconds']:.2f}", f"{FACTOR} or less"),
                ]
            sizes = bytes_to_first_picture(session, page)
        rows.append(("Bytes to the first picture, empty cache", f"{sum(sizes.values()) / 1000:.0f} kB", ""))
        rows += [(f"of that {kind}", f"{size / 1000:.1f} kB", "") for kind, size in sorted(sizes.items())]
    return rows
