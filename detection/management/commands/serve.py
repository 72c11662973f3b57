"""`manage.py serve`: all of Brainscan on one machine, until Ctrl-C."""

from __future__ import annotations

import errno
import http.client
import logging
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from detection import leases, retry
from detection.accounts.services import FIRST_ACCOUNTS, make_first_accounts
from detection.analysis import services as analyses
from detection.operations import incoming, static_files
from detection.operations.supervisor import AlreadyServed, Child, HomeLock, Supervisor
from detection.sms import services as deliveries

MANAGE = str(Path(__file__).resolve().parents[3] / "manage.py")
BACKLOG = 256

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Runs the web server, the analysis workers and the sender of messages, after bringing the database up to date."
    )
    requires_system_checks: list[str] = []  # every child checks; one start-up is enough

    def handle(self, *args: Any, **options: Any) -> None:
        config = settings.CONFIG
        supervisor = Supervisor()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: supervisor.stop())
        try:
            lock = HomeLock(config.home)
        except AlreadyServed:
            sys.exit(
                f"Brainscan is already running on {config.home}. Stop it first, or set BRAINSCAN_HOME to another folder."
            )
        listening = listen(config.bind, config.port)
        try:
            prepare(config)
            incoming.clear(settings.FILE_UPLOAD_TEMP_DIR)
            for place in range(config.workers):
                supervisor.add(worker(place))
            supervisor.add(child("Sender", "deliver", on_end=partial(free, deliveries.free_leases_of, "sms")))
            static_files.collect()
            connection.close()
            supervisor.add(web(listening, config.web_threads))
            supervisor.run(Announcement(config, self.stdout.write))
        finally:
            supervisor.end()
            listening.close()
            lock.release()
        self.stdout.write("Brainscan has stopped.")


def listen(address: str, port: int) -> socket.socket:
    """Take the port before anything is started. The web process inherits it, so that no request is turned away when that restarts."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.strip("[]"), port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"Port {port} is in use by another program. Choose another one: PORT={port + 1} make run")
        sys.exit(f"Brainscan cannot listen on {address}, port {port}: {error.strerror}.")
    listening.listen(BACKLOG)
    return listening


def prepare(config: Any) -> None:
    """The database as this version needs it, and somebody who can sign in."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
        call_command("clearsessions")
        make_first_accounts(
            config.home,
            admin_password=config.admin_password.get_secret_value() if config.admin_password else None,
            doctor_password=config.doctor_password.get_secret_value() if config.doctor_password else None,
        )
    except retry.DatabaseTrouble as error:
        log.error("%s", type(error).__name__)
        sys.exit("The database cannot be used. Check DATABASE_URL, and that the database runs.")


def child(name: str, *command: str, **more: Any) -> Child:
    """One of Brainscan's own commands."""
    return Child(name, [sys.executable, MANAGE, *command], **more)


def worker(number: int) -> Child:
    """An analysis worker."""
    return child(f"Worker {number + 1}", "work", on_end=partial(free, analyses.free_leases_of, "analysis"))


def web(listening: socket.socket, threads: int) -> Child:
    """The web server: gunicorn, one process with threads, on the socket that is open already."""
    descriptor = listening.fileno()
    options = {
        "bind": f"fd://{descriptor}",
        "workers": "1",
        "worker-class": "gthread",
        "threads": str(threads),
        "timeout": "120",
        "graceful-timeout": "3",
        "log-level": "warning",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "gunicorn", *flags, "--no-control-socket", "brainscan.wsgi:application"]
    return Child("Web server", command, descriptors=[descriptor])


def free(free_leases_of: Any, purpose: str, pid: int) -> None:
    """What a dead process held is taken up at once, not only when its lease runs out."""
    try:
        if count := free_leases_of(leases.worker_prefix(purpose, pid)):
            log.warning("%d that it held can be taken up again.", count)
    except retry.DatabaseTrouble:
        log.warning("What it held is taken up when its lease runs out: the database did not answer.")
    finally:
        connection.close()


class Announcement:
    """Says once where Brainscan is, when a scan that is uploaded would be analysed."""

    def __init__(self, config: Any, say: Any) -> None:
        self._config = config
        self._say = say
        self._said = False
        self._next = 0.0

    def __call__(self) -> None:
        """Ask, a few times a second, until the answer is yes."""
        if self._said or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.2
        if not self._answers("/readyz" if self._config.workers else "/healthz"):
            return
        self._said = True
        address = self._config.public_url or f"http://{self._host()}:{self._config.port}"
        passwords = self._config.home / FIRST_ACCOUNTS
        where = f" The first passwords are in {passwords}." if passwords.exists() else ""
        self._say(f"Brainscan is ready at {address}/.{where} Stop it with Ctrl-C.")

    def _host(self) -> str:
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "[::]": "[::1]"}  # noqa: S104  compared, not bound
        bind: str = self._config.bind
        return everywhere.get(bind, bind)

    def _answers(self, path: str) -> bool:
        asked = http.client.HTTPConnection(self._host().strip("[]"), self._config.port, timeout=2)
        known = next((name for name in self._config.allowed_hosts if name[:1] not in ("*", ".")), "localhost")
        try:
            asked.request("GET", path, headers={"Host": known})
            return asked.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asked.close()
