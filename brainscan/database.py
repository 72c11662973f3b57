"""DATABASE_URL to Django's DATABASES entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

ENGINES = {"cockroachdb": "django_cockroachdb", "postgresql": "django.db.backends.postgresql"}


def database(url: str, home: Path) -> dict[str, Any]:
    """Django's settings of one database.

    Parameters
    ----------
    url : str
        `cockroachdb://...`, `postgresql://...`, `sqlite:///absolute/path`, or empty for SQLite in `home`.
    home : Path
        Where the embedded database lies.
    """
    parts = urlsplit(url)
    if parts.scheme not in ENGINES:
        path = unquote(parts.path) if url else str(home / "brainscan.sqlite3")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path,
            "OPTIONS": {
                # One writer at a time that waits its turn, readers that never wait (sqlite.org/wal.html).
                # FULL: what is committed outlives a power cut; NORMAL may take the last commits back.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
            # A file, not memory: several processes and threads of a test run share it.
            "TEST": {"NAME": str(home / "test.sqlite3")},
        }
    return {
        "ENGINE": ENGINES[parts.scheme],
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
