"""Real processes on the test's own database and folder, to be killed in the middle of their work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.db import connection

CHECKOUT = Path(__file__).resolve().parent.parent
SCHEMES = {"django_cockroachdb": "cockroachdb", "django.db.backends.postgresql": "postgresql"}


def database_url() -> str:
    """The address of the database that this test runs on."""
    settings = connection.settings_dict
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        return f"sqlite://{quote(str(settings['NAME']))}"
    login = f"{quote(settings['USER'])}:{quote(settings['PASSWORD'])}"
    return f"{SCHEMES[settings['ENGINE']]}://{login}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


@contextmanager
def process(module: str, *arguments: str, home: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module` with Brainscan's settings, killed at the end if it still runs."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BRAINSCAN_", "DJANGO_"))}
    child = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=CHECKOUT,
        env={
            **inherited,
            "DJANGO_SETTINGS_MODULE": "brainscan.settings",
            "BRAINSCAN_HOME": str(home),
            "BRAINSCAN_SECRET_KEY": "only-for-tests-" + "0" * 40,
            "DATABASE_URL": database_url(),
            **environment,
        },
    )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


def becomes_true(condition: Callable[[], object], *, seconds: float = 40) -> bool:
    """Whether something comes true in that time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False
