"""`make run` ends with what it started, however it is stopped. A small server takes Brainscan's place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parent.parent / "tools" / "run.py"
SERVER = """\
import os, signal, sys
from pathlib import Path
ended = lambda number, frame: sys.exit(0)
signal.signal(signal.SIGTERM, ended)
signal.signal(signal.SIGINT, ended)
Path("arguments").write_text(" ".join(sys.argv[1:]))
Path("pid.draft").write_text(str(os.getpid()))
Path("pid.draft").rename("pid")
if "EXIT" in os.environ:
    sys.exit(int(os.environ["EXIT"]))
while True:
    signal.pause()
"""
SECONDS = 10


def becomes_true(condition) -> bool:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def processes_of(session: int) -> list[int]:
    """The living processes of a session (what `setsid` began), zombies left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _parent, _group, owner = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:4]
        except OSError:
            continue
        if int(owner) == session and state != "Z":
            found.append(int(folder.name))
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "manage.py").write_text(SERVER)
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {sys.executable} {RUN}\n")
    return tmp_path


@pytest.fixture
def make(checkout: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`make run`, in a session of its own, with its server up."""
    running = subprocess.Popen(
        ["make", "run"],
        cwd=checkout,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        # A shell's background jobs ignore SIGINT and hand that on; a person's terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert becomes_true((checkout / "pid").exists)
        yield running
    finally:
        for pid in processes_of(running.pid):
            os.kill(pid, signal.SIGKILL)
        running.wait()


def test_it_is_manage_serve_that_runs(checkout, make):
    assert (checkout / "arguments").read_text() == "serve"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_to_make_alone_leaves_nothing_running(make, number):
    make.send_signal(number)
    assert becomes_true(lambda: make.poll() is not None)
    assert becomes_true(lambda: processes_of(make.pid) == [])


def test_ctrl_c_in_a_terminal_leaves_nothing_running(make):
    os.killpg(make.pid, signal.SIGINT)
    assert becomes_true(lambda: make.poll() is not None)
    assert becomes_true(lambda: processes_of(make.pid) == [])


def test_a_killed_make_takes_its_server_with_it(make):
    make.kill()
    make.wait()
    assert becomes_true(lambda: processes_of(make.pid) == [])


@pytest.mark.parametrize(("status", "answer"), [("0", 0), ("3", 2)])
def test_the_server_s_failure_is_make_s_failure(checkout, status, answer):
    # GNU make answers 2 for any failure of what it ran.
    done = subprocess.run(
        ["make", "run"], cwd=checkout, env={**os.environ, "EXIT": status}, capture_output=True, timeout=SECONDS
    )
    assert done.returncode == answer
