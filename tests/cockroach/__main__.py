"""Run Python with arguments against the CockroachDB engine: `python -m tests.cockroach -m pytest`.

With COCKROACH_URL (cockroachdb://user:password@host:26257/name) it is that server. Without, it is a stand-in: a
PostgreSQL at SERIALIZABLE with `shim.sql`, started for this run on a free port and thrown away with it.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2

SHIM = Path(__file__).with_name("shim.sql")
NAME = "brainscan"
START_SECONDS = 30
SETTINGS = {
    "default_transaction_isolation": "serializable",
    "search_path": "public, pg_catalog",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    # Thrown away with the run, so nothing has to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def server_programs() -> Path:
    """The folder of PostgreSQL's server programs; leaves with a sentence when there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    sys.exit(
        "Neither COCKROACH_URL nor a PostgreSQL server to stand in for CockroachDB: "
        "apt-get install postgresql, or set COCKROACH_URL to a CockroachDB that tests may make databases on."
    )


def server_account() -> str | None:
    """Who runs the server: PostgreSQL refuses root. None is whoever runs this."""
    if os.geteuid() != 0:
        return None
    accounts = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in accounts else "nobody"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(server: subprocess.Popen[bytes], port: int, password: str, log: Path) -> None:
    """Return once the server answers; leave with its log when it does not."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(host="127.0.0.1", port=port, user=NAME, password=password, dbname="postgres").close()
            return
        time.sleep(0.1)
    sys.exit(f"The PostgreSQL that stands in for CockroachDB did not start:\n{log.read_text(encoding='utf-8')}")


def lay_shim(port: int, password: str) -> None:
    """Make the server answer the engine: the database that Django asks first, and the one that new ones are made from."""
    for database in ("template1", "postgres"):
        connection = psycopg2.connect(host="127.0.0.1", port=port, user=NAME, password=password, dbname=database)
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(SHIM.read_text(encoding="utf-8"))


@contextlib.contextmanager
def stand_in() -> Iterator[str]:
    """A PostgreSQL that answers as CockroachDB as far as the engine asks: its address, while the context lasts."""
    programs, account = server_programs(), server_account()
    password, port = secrets.token_hex(16), free_port()
    folder = Path(tempfile.mkdtemp(prefix="brainscan-cockroach-stand-in-"))
    log = folder / "log.txt"
    try:
        secret = folder / "password"
        secret.write_text(password, encoding="ascii")
        log.touch()
        if account:
            for path in (folder, secret, log):
                shutil.chown(path, account)
        data = folder / "data"
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", NAME, "--auth=scram-sha-256", f"--pwfile={secret}", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync"],
            user=account, cwd=folder, capture_output=True, text=True,
        )  # fmt: skip
        if made.returncode:
            sys.exit(f"The PostgreSQL that stands in for CockroachDB could not be made:\n{made.stderr}")
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with log.open("ab") as output:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), *options],
                user=account, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                # Ctrl-C ends the tests first, which still want their database then.
                start_new_session=True,
            )  # fmt: skip
        try:
            wait_until_up(server, port, password, log)
            lay_shim(port, password)
            yield f"cockroachdb://{NAME}:{password}@127.0.0.1:{port}/{NAME}"
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL's "fast": ends sessions, then itself
            try:
                server.wait(timeout=START_SECONDS)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Run Python with `arguments`; its exit status."""
    given = os.environ.get("COCKROACH_URL", "")
    with contextlib.nullcontext(given) if given else stand_in() as address:
        print(
            "Database:", "the CockroachDB of COCKROACH_URL" if given else "a PostgreSQL that stands in for CockroachDB"
        )
        sys.stdout.flush()
        environment = {**os.environ, "BRAINSCAN_TEST_DATABASE_URL": address}
        program = subprocess.Popen([sys.executable, *arguments], env=environment)
        # Whoever stops this stops the tests; the stand-in is taken down once they have ended.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _frame: program.send_signal(received))
        return program.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
