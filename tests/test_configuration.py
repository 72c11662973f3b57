"""Configuration: a wrong environment stops start-up with one sentence that names the variable."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from brainscan import checks, home
from brainscan.config import CHECKOUT, Config, ConfigurationError, load
from brainscan.database import database

TWILIO = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "a-token", "TWILIO_FROM_NUMBER": "+15005550006"}
AUTH0 = {"AUTH0_DOMAIN": "hospital.eu.auth0.com", "AUTH0_CLIENT_ID": "an-id", "AUTH0_CLIENT_SECRET": "a-secret"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Sets variables, with every one of Brainscan's own taken away first."""
    for field in Config.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.setenv("BRAINSCAN_HOME", str(tmp_path))

    def read(**variables: str) -> Config:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load.__wrapped__()

    return read


def test_without_variables_it_runs_embedded(environment):
    config = environment()
    assert not config.auth0_enabled
    assert not config.twilio_enabled
    assert config.local_accounts
    assert database(config.database_url.get_secret_value(), config.home)["ENGINE"] == "django.db.backends.sqlite3"


def test_whole_groups_switch_features_on(environment):
    config = environment(**AUTH0, **TWILIO)
    assert config.auth0_enabled
    assert config.twilio_enabled


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"AUTH0_DOMAIN": "hospital.eu.auth0.com"}, "AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET"),
        ({"AUTH0_CLIENT_SECRET": "x"}, "AUTH0_DOMAIN, AUTH0_CLIENT_ID"),
        ({"TWILIO_AUTH_TOKEN": "x"}, "TWILIO_ACCOUNT_SID, TWILIO_FROM_NUMBER"),
        ({"TWILIO_API_URL": "http://127.0.0.1:4010"}, "TWILIO_ACCOUNT_SID"),
        ({**AUTH0, "AUTH0_DOMAIN": "https://hospital.eu.auth0.com/"}, "AUTH0_DOMAIN"),
        ({**TWILIO, "TWILIO_ACCOUNT_SID": "AC12"}, "TWILIO_ACCOUNT_SID"),
        ({**TWILIO, "TWILIO_FROM_NUMBER": "07700 900123"}, "TWILIO_FROM_NUMBER"),
        ({"PORT": "eighty"}, "PORT"),
        ({"PORT": "99999"}, "PORT"),
        ({"BRAINSCAN_DEBUG": "maybe"}, "BRAINSCAN_DEBUG"),
        ({"BRAINSCAN_WORKERS": "-1"}, "BRAINSCAN_WORKERS"),
        ({"BRAINSCAN_PUBLIC_URL": "scans.hospital.example"}, "BRAINSCAN_PUBLIC_URL"),
        ({"BRAINSCAN_PHONE_REGION": "Britain"}, "BRAINSCAN_PHONE_REGION"),
        ({"BRAINSCAN_TIME_ZONE": "Europe/Nowhere"}, "BRAINSCAN_TIME_ZONE"),
        ({"DATABASE_URL": "mysql://user:very-secret@host/name"}, "DATABASE_URL"),
        ({"DATABASE_URL": "cockroachdb://user:very-secret@host:port/name"}, "DATABASE_URL"),
        ({"BRAINSCAN_LOCAL_ACCOUNTS": "off"}, "BRAINSCAN_LOCAL_ACCOUNTS"),
    ],
)
def test_a_wrong_or_half_set_variable_is_named_in_one_sentence(environment, variables, named):
    with pytest.raises(ConfigurationError) as stopped:
        environment(**variables)
    sentence = str(stopped.value)
    assert named in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "very-secret" not in sentence


def test_start_up_stops_before_anything_is_written(tmp_path):
    home = tmp_path / "home"
    environment = {**os.environ, "BRAINSCAN_HOME": str(home), "AUTH0_DOMAIN": "hospital.eu.auth0.com"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "Brainscan did not start: AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET must be set too, because AUTH0_DOMAIN is: "
        "set all of AUTH0_DOMAIN, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET, or none."
    )
    assert not home.exists()


def test_the_session_key_is_made_once_and_kept_to_the_owner(environment):
    config = environment()
    key = config.session_key()
    assert len(key) >= 50
    assert config.session_key() == key
    assert stat.S_IMODE((config.home / "secret-key.txt").stat().st_mode) == 0o600
    assert [path.name for path in config.home.iterdir()] == ["secret-key.txt"]


def test_cockroachdb_is_reached_through_its_own_engine(tmp_path):
    made = database("cockroachdb://brain:p%40ss@db.example:26257/scans?sslmode=verify-full", tmp_path)
    assert made["ENGINE"] == "django_cockroachdb"
    assert (made["NAME"], made["USER"], made["PASSWORD"], made["HOST"], made["PORT"]) == (
        "scans",
        "brain",
        "p@ss",
        "db.example",
        "26257",
    )
    assert made["OPTIONS"]["sslmode"] == "verify-full"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_home_is_for_its_own_account_alone(tmp_path):
    home.prepare(tmp_path / "srv" / "brainscan")
    assert _mode(tmp_path / "srv" / "brainscan") == 0o700


@pytest.mark.parametrize("holds", ["", "brainscan.sqlite3", "secret-key.txt"])
def test_a_home_that_an_older_version_left_open_is_shut(tmp_path, holds):
    tmp_path.chmod(0o755)
    if holds:
        (tmp_path / holds).touch()
    home.prepare(tmp_path)
    assert _mode(tmp_path) == 0o700


def test_a_folder_that_is_more_than_a_home_is_left_alone_and_warned_of(tmp_path, settings):
    tmp_path.chmod(0o755)
    (tmp_path / "other-things").mkdir()
    home.prepare(tmp_path)
    assert _mode(tmp_path) == 0o755
    settings.HOME = tmp_path
    assert [each.id for each in checks.home_is_private(None)] == ["brainscan.W002"]


def test_the_domains_of_hospital_accounts_are_a_list_and_belong_to_auth0(environment):
    domains = "hospital.example, clinic.example"
    assert environment(**AUTH0, AUTH0_EMAIL_DOMAINS=domains).auth0_email_domains == (
        "hospital.example",
        "clinic.example",
    )
    with pytest.raises(ConfigurationError, match="AUTH0_EMAIL_DOMAINS"):
        environment(AUTH0_DOMAIN="", AUTH0_CLIENT_ID="", AUTH0_CLIENT_SECRET="")


def test_no_page_lets_itself_be_framed(client):
    assert client.get("/healthz").headers["X-Frame-Options"] == "DENY"
