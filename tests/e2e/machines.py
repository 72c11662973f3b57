"""What the journeys run against: the real `manage.py serve`, and a real OpenID provider over TLS."""

from __future__ import annotations

import datetime
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CHECKOUT = Path(__file__).resolve().parents[2]
ADMIN_PASSWORD, DOCTOR_PASSWORD = "heron-cobalt-7714", "anchor-violet-3209"
START_SECONDS = 180


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Brainscan:
    """A running installation: its address and everything it wrote."""

    address: str
    home: Path
    environment: dict[str, str] = field(repr=False)
    seeded: dict[str, dict[str, str]] = field(default_factory=dict)

    def manage(self, *arguments: str, **environment: str) -> str:
        """Run `manage.py` beside the server, in its home."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=CHECKOUT, env={**self.environment, **environment}, capture_output=True, text=True, check=True
        ).stdout

    def log(self) -> str:
        return (self.home / "serve.log").read_text()


@contextmanager
def brainscan(
    home: Path, *, port: int | None = None, ready: str = "/readyz", seeded: bool = False, **settings: str
) -> Iterator[Brainscan]:
    """Start `manage.py serve` with a home of its own and stop it again.

    Parameters
    ----------
    home : Path
        BRAINSCAN_HOME; made.
    port : int or None
        A free one when None.
    ready : str
        Address that answers 200 once it may be used.
    seeded : bool
        Whether the home is filled first (tests/e2e/seed.py).
    settings
        More of the environment.
    """
    home.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    ours = ("BRAINSCAN_", "AUTH0_", "TWILIO_", "DJANGO_", "DATABASE_URL", "PORT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {
        "BRAINSCAN_HOME": str(home),
        "PORT": str(port),
        "BRAINSCAN_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "BRAINSCAN_DOCTOR_PASSWORD": DOCTOR_PASSWORD,
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    rows: dict[str, dict[str, str]] = {}
    if seeded:
        seed = subprocess.run(
            [sys.executable, "-m", "tests.e2e.seed"],
            cwd=CHECKOUT,
            env={**environment, "DJANGO_SETTINGS_MODULE": "brainscan.settings"},
            capture_output=True,
            text=True,
        )
        assert seed.returncode == 0, seed.stderr
        rows = json.loads(seed.stdout)
    with (home / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=CHECKOUT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    running = Brainscan(f"http://localhost:{port}", home, environment, rows)
    try:
        _wait_for(running, process, ready)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError("serve did not stop within 30 seconds of SIGTERM") from None


def _wait_for(running: Brainscan, process: subprocess.Popen[bytes], ready: str) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise AssertionError(f"serve ended while starting:\n{running.log()}")
        try:
            with urllib.request.urlopen(running.address + ready, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"not ready after {START_SECONDS} s:\n{running.log()}")


@dataclass(frozen=True)
class Provider:
    """A running OpenID provider: what Brainscan is to be told about it."""

    settings: dict[str, str]
    address: str


@contextmanager
def provider(folder: Path, brainscan_port: int) -> Iterator[Provider]:
    """Start the provider with a certificate of a test's own authority."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, key, certificate = certificates(folder)
    port = free_port()
    secret = "secret-of-the-e2e-client"
    command = ["node", str(CHECKOUT / "tests/e2e/oidc/provider.mjs"), str(port), str(key), str(certificate)]
    with (folder / "provider.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "brainscan", secret, f"http://localhost:{brainscan_port}"],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready", (folder / "provider.log").read_text()
        yield Provider(
            {
                "AUTH0_DOMAIN": f"localhost:{port}",
                "AUTH0_CLIENT_ID": "brainscan",
                "AUTH0_CLIENT_SECRET": secret,
                "REQUESTS_CA_BUNDLE": str(authority),
                "SSL_CERT_FILE": str(authority),
            },
            f"https://localhost:{port}",
        )
    finally:
        process.terminate()
        process.wait(10)


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """An authority and a server certificate for localhost: paths of the authority's certificate, the key, the chain."""
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Brainscan e2e authority")])
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        started = x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(public)
        return (
            started.serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=2))
        )

    identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    authority = (
        builder(name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .add_extension(identifier, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    server = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), key.public_key())
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    paths = folder / "authority.pem", folder / "key.pem", folder / "certificate.pem"
    paths[0].write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    paths[2].write_bytes(server.public_bytes(serialization.Encoding.PEM))
    return paths
