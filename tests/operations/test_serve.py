"""`manage.py serve`: one command starts everything, and nothing that it started outlives it. The real program, with no worker."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import CHECKOUT, becomes_true


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def command(home: Path, port: int) -> tuple[list[str], dict[str, str]]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("BRAINSCAN_", "DJANGO_", "DATABASE_"))
    }
    settings = {
        "BRAINSCAN_HOME": str(home),
        "PORT": str(port),
        "BRAINSCAN_WORKERS": "0",
        "BRAINSCAN_DOCTOR_PASSWORD": "cobalt-heron-4471",
    }
    return [sys.executable, "manage.py", "serve"], {**kept, **settings, "PYTHONUNBUFFERED": "1"}


@contextmanager
def serving(home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    said = home / "said"
    arguments, environment = command(home, port)
    with said.open("w") as out:
        server = subprocess.Popen(
            arguments, cwd=CHECKOUT, env=environment, stdout=out, stderr=subprocess.STDOUT, text=True
        )
    try:
        assert becomes_true(lambda: "ready at" in said.read_text() or server.poll() is not None, seconds=60), (
            said.read_text()
        )
        assert server.poll() is None, said.read_text()
        yield server
    finally:
        server.kill()
        server.wait()


def children(of: int) -> list[int]:
    """Living processes below one, in any depth."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    found, new = [], [of]
    while new:
        new = [pid for pid, parent in parents.items() if parent in new]
        found += new
    return found


def alive(pids: list[int]) -> list[int]:
    return [
        pid for pid in pids if Path(f"/proc/{pid}").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    ]


def status_of(port: int, path: str) -> int:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asked.request("GET", path)
    status = asked.getresponse().status
    asked.close()
    return status


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
class TestServe:
    def test_from_an_empty_home_to_the_last_process(self, tmp_path: Path) -> None:
        port = free_port()
        with serving(tmp_path, port) as server:
            said = (tmp_path / "said").read_text()
            ready = [line for line in said.splitlines() if "ready at" in line]
            assert len(ready) == 1
            assert f"http://127.0.0.1:{port}/" in ready[0]
            assert str(tmp_path / "first-accounts.txt") in ready[0]
            assert status_of(port, "/healthz") == 200
            assert status_of(port, "/readyz") == 503
            assert status_of(port, "/accounts/login/") == 200
            self.accounts_are_made(tmp_path)
            self.a_second_one_is_turned_away(tmp_path, port)

            started = children(server.pid)
            assert len(started) >= 3  # gunicorn, its process, the sender
            self.a_killed_web_process_comes_back(server, port)
            started = children(server.pid)
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=10) == 0
            assert alive(started) == []

    def accounts_are_made(self, home: Path) -> None:
        file = home / "first-accounts.txt"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        lines = [line.split(" ") for line in file.read_text().splitlines()]
        assert [line[0] for line in lines] == ["admin", "doctor"]
        assert lines[1][1] == "cobalt-heron-4471"
        with sqlite3.connect(home / "brainscan.sqlite3") as database:
            assert database.execute("SELECT count(*) FROM detection_user").fetchone() == (2,)

    def a_second_one_is_turned_away(self, home: Path, port: int) -> None:
        arguments, environment = command(home, free_port())
        second = subprocess.run(arguments, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert second.stderr.strip().startswith(f"Brainscan is already running on {home}.")

        other = home / "other"
        arguments, environment = command(other, port)
        third = subprocess.run(arguments, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        assert third.returncode == 1
        assert (
            third.stderr.strip()
            == f"Port {port} is in use by another program. Choose another one: PORT={port + 1} make run"
        )

    def a_killed_web_process_comes_back(self, server: subprocess.Popen[str], port: int) -> None:
        web = [pid for pid in children(server.pid) if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        for pid in web:
            os.kill(pid, signal.SIGKILL)
        assert becomes_true(lambda: alive(web) == [])
        # The port stays taken meanwhile: whoever asks waits instead of being turned away.
        assert status_of(port, "/healthz") == 200

    def test_killed_itself_it_leaves_no_process(self, tmp_path: Path) -> None:
        with serving(tmp_path, free_port()) as server:
            started = children(server.pid)
            server.kill()
            server.wait()
            assert becomes_true(lambda: alive(started) == [], seconds=15), alive(started)


def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    arguments, environment = command(tmp_path, 8000)
    environment["PORT"] = "a-port"
    refused = subprocess.run(arguments, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "PORT" in refused.stderr
