"""The suite keeps to this machine and to its own folders, and the web process stays small."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pytest_socket import SocketConnectBlockedError

CHECKOUT = Path(__file__).resolve().parent.parent


def test_tests_cannot_reach_another_machine():
    with socket.socket() as connection, pytest.raises(SocketConnectBlockedError):
        connection.connect(("192.0.2.1", 80))


def test_tests_write_outside_the_checkout():
    assert not settings.HOME.resolve().is_relative_to(CHECKOUT)
    assert not str(settings.DATABASES["default"]["NAME"]).startswith(str(CHECKOUT))


def test_each_test_has_a_scan_folder_of_its_own(scan_folder):
    default_storage.save("scans/one", ContentFile(b"pixels"))
    assert [path.name for path in (scan_folder / "scans").iterdir()] == ["one"]


def test_the_web_process_starts_without_tensorflow():
    program = (
        "import sys, brainscan.wsgi\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        "print(sorted({'tensorflow', 'keras', 'sklearn', 'ml.pipeline'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
