"""The real program over HTTP: start-up, upload to visible result, memory, the list of many records."""

from __future__ import annotations

import io
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from bench import machine
from tests.phantoms import slice_picture

CHECKOUT = Path(__file__).resolve().parent.parent
PASSWORD = "bench-cobalt-heron"
UPLOADS = 40
LIST_LOADS = 30
RECORDS = 10_000
CHOOSING = 1.0
"""Seconds that the page to upload on is open before files are sent."""
FIRST_WAIT, LIVELY_WAIT, LONGEST_WAIT, GROWTH = 0.1, 0.15, 2.0, 1.3
"""Seconds between two looks at status.json, and how they grow: those of static/js/live-status.js."""


@dataclass
class Server:
    """A running `manage.py serve` in a home of its own."""

    process: subprocess.Popen[bytes]
    home: Path
    address: str

    def signed_in(self) -> requests.Session:
        """A browser of the doctor's."""
        session = requests.Session()
        page = session.get(f"{self.address}/accounts/login/", timeout=30)
        page.raise_for_status()
        form = {"username": "doctor", "password": PASSWORD, "csrfmiddlewaretoken": token(page.text)}
        answer = session.post(
            f"{self.address}/accounts/login/", data=form, headers={"Referer": self.address}, timeout=30
        )
        answer.raise_for_status()
        if "/accounts/login/" in answer.url:
            raise SystemExit("bench: the doctor could not sign in.")
        return session

    def memory(self) -> dict[str, float]:
        """Resident MiB of each kind of process; the largest of its kind."""
        kinds = {
            "web": "gunicorn",
            "worker (models loaded)": "manage.py work",
            "decoder": "decoder_child",
            "process that waits for the next upload": "sandbox_child",
            "sender of messages": "manage.py deliver",
        }
        below = machine.descendants(self.process.pid)
        return {
            kind: max((machine.resident_mib(pid) for pid, command in below.items() if word in command), default=0.0)
            for kind, word in kinds.items()
        }


def token(page: str) -> str:
    """The form's token against forgery."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    if found is None:
        raise SystemExit("bench: the page has no form.")
    return found.group(1)


def upload_page(server: Server, session: requests.Session) -> str:
    """Open the page to upload on, take as long as a person to choose files, and give the form's token."""
    page = session.get(f"{server.address}/scans/new/", timeout=30).text
    time.sleep(CHOOSING)
    return token(page)


def environment(home: Path, port: int, **more: str) -> dict[str, str]:
    """Of the server: only what it needs, in the bench's own home, and `more`."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("BRAINSCAN_", "DATABASE_", "DJANGO_"))
    }
    passwords = {f"BRAINSCAN_{name}_PASSWORD": PASSWORD for name in ("DOCTOR", "ADMIN")}
    return {**kept, **passwords, "BRAINSCAN_HOME": str(home), "PORT": str(port), "BRAINSCAN_LOG_LEVEL": "ERROR", **more}


@contextmanager
def serving(home: Path, **more: str) -> Iterator[tuple[Server, float]]:
    """The server, with `more` in its environment, and the seconds from its start to ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=CHECKOUT,
        env=environment(home, port, **more),
        stdout=subprocess.DEVNULL,
    )
    server = Server(process, home, f"http://127.0.0.1:{port}")
    try:
        while not ready(server):
            if process.poll() is not None or time.perf_counter() - began > 900:
                raise SystemExit("bench: the server did not become ready.")
            time.sleep(0.05)
        yield server, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(timeout=30)


def ready(server: Server) -> bool:
    """Whether a scan uploaded now would be analysed."""
    try:
        return requests.get(f"{server.address}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def phantom(number: int) -> bytes:
    """A PNG of a generated head with a lesion; no two alike."""
    target = io.BytesIO()
    Image.fromarray(slice_picture(seed=number)[0]).save(target, "PNG")
    return target.getvalue()


def upload_to_result(server: Server, session: requests.Session, pictures: Sequence[bytes]) -> list[float]:
    """Seconds from sending each picture to having the page with its result and the picture on it."""
    seconds = []
    for number, picture in enumerate(pictures):
        form = upload_page(server, session)
        began = time.perf_counter()
        answer = session.post(
            f"{server.address}/scans/new/",
            data={"csrfmiddlewaretoken": form},
            files={"files": (f"phantom-{number}.png", picture, "image/png")},
            headers={"Referer": server.address},
            allow_redirects=False,
            timeout=60,
        )
        if answer.status_code != 303:
            raise SystemExit(f"bench: the upload was answered {answer.status_code}.")
        page = f"{server.address}{answer.headers['Location']}"
        session.get(page, timeout=30)
        waited(session, page)
        session.get(page, timeout=30).raise_for_status()
        session.get(f"{page}slices/0/image.png", timeout=30).raise_for_status()
        seconds.append(time.perf_counter() - began)
    return seconds


def waited(session: requests.Session, page: str) -> dict[str, Any]:
    """The status of a scan once its analysis has ended, asked for as often as its page asks."""
    wait, progress = FIRST_WAIT, 0.0
    while True:
        time.sleep(wait)
        wait = min(wait * GROWTH, LONGEST_WAIT)
        status: dict[str, Any] = session.get(f"{page}status.json", timeout=60).json()
        if status["state"] not in ("queued", "running"):
            return status
        if status["progress"] > progress:
            wait = min(wait, LIVELY_WAIT)
        progress = status["progress"]


def list_pages(server: Server, session: requests.Session) -> list[float]:
    """Seconds of the list's first page, again and again."""
    seconds = []
    for _ in range(LIST_LOADS):
        began = time.perf_counter()
        session.get(f"{server.address}/scans/", timeout=60).raise_for_status()
        seconds.append(time.perf_counter() - began)
    return seconds


def in_django(home: Path, *arguments: str) -> str:
    """Run `bench.listing` on the server's database."""
    answer = subprocess.run(
        [sys.executable, "-m", "bench.listing", *arguments],
        cwd=CHECKOUT,
        env={**environment(home, 1), "DJANGO_SETTINGS_MODULE": "brainscan.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise SystemExit(f"bench: {answer.stderr.strip().splitlines()[-1]}")
    return answer.stdout.strip()


def percentile(seconds: Sequence[float], percent: int) -> float:
    """A percentile of measured times, in milliseconds."""
    return 1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def measure() -> list[tuple[str, str, str]]:
    """Rows of the report: what, measured, aim."""
    pictures = [phantom(number) for number in range(UPLOADS + 1)]
    with tempfile.TemporaryDirectory(prefix="brainscan-bench-") as folder:
        home = Path(folder)
        with serving(home) as (_, first):
            pass
        with serving(home) as (server, second):
            session = server.signed_in()
            upload_to_result(server, session, pictures[:1])
            seconds = upload_to_result(server, session, pictures[1:])
            few = in_django(home, "queries")
            made = in_django(home, "fill", str(RECORDS))
            many = in_django(home, "queries")
            loads = list_pages(server, session)
            upload_page(server, session)
            memory = server.memory()
    return [
        ("Start to ready, first time (new database, static files)", f"{first:.1f} s", ""),
        ("Start to ready, later", f"{second:.1f} s", ""),
        (f"Upload to visible result, p50 of {UPLOADS}", f"{percentile(seconds, 50):.0f} ms", "500 ms"),
        (f"Upload to visible result, p95 of {UPLOADS}", f"{percentile(seconds, 95):.0f} ms", ""),
        (f"List page, queries at {UPLOADS + 1} records", few, ""),
        (f"List page, queries at {made} records", many, f"{few}: no more than with few"),
        (f"List page at {made} records, p50 of {LIST_LOADS}", f"{percentile(loads, 50):.0f} ms", ""),
        (f"List page at {made} records, p95 of {LIST_LOADS}", f"{percentile(loads, 95):.0f} ms", ""),
        *(
            (f"Memory, {kind}", f"{mib:.0f} MB", "under 150 MB" if kind == "web" else "")
            for kind, mib in memory.items()
        ),
    ]
