"""The only reader of the environment: every setting, typed, checked at start-up.

Each field below is one environment variable (its name is the field's alias). A group that
is half set, or a value that does not parse, stops start-up with one sentence naming the
variable. `docs/configuration.md` lists them all; `tests/test_docs.py` holds it to that.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import secrets
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent

AUTH0_GROUP = ("AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET")
TWILIO_GROUP = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM_NUMBER")
DATABASE_SCHEMES = ("sqlite", "cockroachdb", "postgresql")


class ConfigurationError(Exception):
    """The environment does not make a usable configuration; `str(error)` is the sentence."""


def _comma_separated(value: object) -> object:
    """`a, b` becomes `("a", "b")`; an empty string becomes no entries."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _database_url(value: str) -> str:
    scheme = urlsplit(value).scheme
    if value and scheme not in DATABASE_SCHEMES:
        raise ValueError(f"must start with one of {', '.join(s + '://' for s in DATABASE_SCHEMES)}")
    try:
        urlsplit(value).port  # noqa: B018  reading it is the check
    except ValueError:
        raise ValueError("has a port that is not a number") from None
    return value


def _time_zone(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        raise ValueError("must be a time zone such as Europe/London")
    return value


def _host_name(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9.-]+(:\d{1,5})?", value):
        raise ValueError("must be a bare host name such as hospital.eu.auth0.com, without https://")
    return value


def _https_origin(value: str) -> str:
    if value:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
            raise ValueError("must be an address such as https://scans.hospital.example")
    return value.rstrip("/")


def _e164(value: str) -> str:
    if value and not re.fullmatch(r"\+[1-9]\d{6,14}", value):
        raise ValueError("must be a phone number in E.164 form such as +447700900123")
    return value


class Config(BaseSettings):
    """Brainscan's configuration. Field descriptions are the documentation of each variable."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True, case_sensitive=True)

    home: Path = Field(
        CHECKOUT / "var",
        alias="BRAINSCAN_HOME",
        description="Folder of everything a run writes: database, scans, secrets.",
    )
    debug: bool = Field(
        False, alias="BRAINSCAN_DEBUG", description="Django's debug pages. Never on where patients' scans are."
    )
    secret_key: SecretStr | None = Field(
        None,
        alias="BRAINSCAN_SECRET_KEY",
        description="Signs sessions. Made once and kept in BRAINSCAN_HOME when unset.",
    )
    pseudonym_key: SecretStr | None = Field(
        None,
        alias="BRAINSCAN_PSEUDONYM_KEY",
        min_length=32,
        description="Makes patients' pseudonyms from the numbers in their DICOM files; at least 32 characters. Made once and kept in BRAINSCAN_HOME when unset. With another key a patient's studies link no longer.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        alias="BRAINSCAN_ALLOWED_HOSTS",
        description="Host names that this installation answers to, separated by commas.",
    )
    public_url: Annotated[str, AfterValidator(_https_origin)] = Field(
        "",
        alias="BRAINSCAN_PUBLIC_URL",
        description="Address that people use, e.g. https://scans.hospital.example. https switches on secure cookies and HSTS.",
    )
    port: int = Field(8000, alias="PORT", ge=1, le=65535, description="Port that `make run` serves on.")
    bind: str = Field("127.0.0.1", alias="BRAINSCAN_BIND", description="Address that `make run` listens on.")
    web_threads: int = Field(
        8, alias="BRAINSCAN_WEB_THREADS", ge=1, le=256, description="Requests served at once by the web process."
    )
    workers: int = Field(
        1,
        alias="BRAINSCAN_WORKERS",
        ge=0,
        le=64,
        description="Analysis workers that `make run` starts; 0 where they run elsewhere.",
    )
    worker_batch: int = Field(
        16,
        alias="BRAINSCAN_WORKER_BATCH",
        ge=1,
        le=256,
        description="Waiting analyses that one worker takes up together.",
    )
    lease_seconds: int = Field(
        60,
        alias="BRAINSCAN_LEASE_SECONDS",
        ge=2,
        le=3600,
        description="After this long without a heartbeat another worker takes an analysis up.",
    )
    max_attempts: int = Field(
        3,
        alias="BRAINSCAN_MAX_ATTEMPTS",
        ge=1,
        le=20,
        description="An analysis or message that failed this often is parked with its reason.",
    )
    max_upload_mb: int = Field(
        200, alias="BRAINSCAN_MAX_UPLOAD_MB", ge=1, le=4096, description="Largest single file, in megabytes."
    )
    max_upload_files: int = Field(
        2000, alias="BRAINSCAN_MAX_UPLOAD_FILES", ge=1, le=5000, description="Most files in one upload."
    )
    max_study_mb: int = Field(
        1000, alias="BRAINSCAN_MAX_STUDY_MB", ge=1, le=16384, description="Largest whole upload, in megabytes."
    )
    database_url: Annotated[SecretStr, AfterValidator(lambda s: (_database_url(s.get_secret_value()), s)[1])] = Field(
        SecretStr(""),
        alias="DATABASE_URL",
        description="cockroachdb://user:password@host:26257/name?sslmode=verify-full, or sqlite:///path. SQLite in BRAINSCAN_HOME when unset.",
    )
    local_accounts: bool = Field(
        True,
        alias="BRAINSCAN_LOCAL_ACCOUNTS",
        description="Sign-in by name and password. Switch off where everybody comes through Auth0.",
    )
    admin_password: SecretStr | None = Field(
        None, alias="BRAINSCAN_ADMIN_PASSWORD", description="Password of the first `admin` account; random when unset."
    )
    doctor_password: SecretStr | None = Field(
        None,
        alias="BRAINSCAN_DOCTOR_PASSWORD",
        description="Password of the first `doctor` account; random when unset.",
    )
    auth0_domain: Annotated[str, AfterValidator(_host_name)] = Field(
        "", alias="AUTH0_DOMAIN", description="Auth0 tenant, e.g. hospital.eu.auth0.com."
    )
    auth0_client_id: str = Field("", alias="AUTH0_CLIENT_ID", description="Client ID of the Auth0 application.")
    auth0_client_secret: SecretStr = Field(
        SecretStr(""), alias="AUTH0_CLIENT_SECRET", description="Client secret of the Auth0 application."
    )
    auth0_email_domains: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        alias="AUTH0_EMAIL_DOMAINS",
        description="Only people with an e-mail address in one of these domains come in through Auth0, separated by commas, e.g. hospital.example. Everybody that the tenant lets in when unset.",
    )
    twilio_account_sid: str = Field(
        "", alias="TWILIO_ACCOUNT_SID", description="Twilio account, AC and 32 hexadecimal digits."
    )
    twilio_auth_token: SecretStr = Field(
        SecretStr(""), alias="TWILIO_AUTH_TOKEN", description="Twilio's secret for that account."
    )
    twilio_from_number: Annotated[str, AfterValidator(_e164)] = Field(
        "", alias="TWILIO_FROM_NUMBER", description="Number that messages come from, in E.164 form."
    )
    twilio_api_url: Annotated[str, AfterValidator(_https_origin)] = Field(
        "",
        alias="TWILIO_API_URL",
        description="Address of a stand-in for Twilio, for trying it out. Twilio itself when unset.",
    )
    default_phone_region: str = Field(
        "GB",
        alias="BRAINSCAN_PHONE_REGION",
        pattern=r"^[A-Z]{2}$",
        description="Country of phone numbers typed without a country code.",
    )
    overlay_first: bool = Field(
        True,
        alias="BRAINSCAN_OVERLAY_FIRST",
        description="Whether a result opens with the AI's marks on the picture. Off: the picture comes bare, until somebody asks for them.",
    )
    attribution: bool = Field(
        False,
        alias="BRAINSCAN_ATTRIBUTION",
        description="Whether the worker also makes an attribution map of each scan: what the classifier looked at, to switch on in the viewer. Such maps persuade people of wrong answers too. Scans analysed before have none.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="BRAINSCAN_LOG_LEVEL", description="How much is logged."
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "UTC",
        alias="BRAINSCAN_TIME_ZONE",
        description="Time zone of the times on pages and in results, e.g. Europe/London.",
    )

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, Any]) -> dict[str, Any]:
        for name in ("BRAINSCAN_ALLOWED_HOSTS", "AUTH0_EMAIL_DOMAINS"):
            if name in values:
                values[name] = _comma_separated(values[name])
        return values

    @model_validator(mode="after")
    def _whole_groups(self) -> Config:
        for group in (AUTH0_GROUP, TWILIO_GROUP):
            filled = {alias for alias in group if self._value_of(alias)}
            if filled and filled != set(group):
                missing = ", ".join(alias for alias in group if alias not in filled)
                raise ValueError(
                    f"{missing} must be set too, because {', '.join(sorted(filled))} is: set all of {', '.join(group)}, or none"
                )
        if self.twilio_account_sid and not re.fullmatch(r"AC[0-9a-fA-F]{32}", self.twilio_account_sid):
            raise ValueError("TWILIO_ACCOUNT_SID must be AC and 32 hexadecimal digits")
        if self.twilio_api_url and not self.twilio_account_sid:
            raise ValueError("TWILIO_API_URL is set, but TWILIO_ACCOUNT_SID is not: set the Twilio group, or unset it")
        if self.auth0_email_domains and not self.auth0_domain:
            raise ValueError("AUTH0_EMAIL_DOMAINS is set, but AUTH0_DOMAIN is not: set the Auth0 group, or unset it")
        if not self.local_accounts and not self.auth0_domain:
            raise ValueError("BRAINSCAN_LOCAL_ACCOUNTS is off and AUTH0_DOMAIN is not set: nobody could sign in")
        return self

    def _value_of(self, alias: str) -> str:
        name = next(n for n, f in type(self).model_fields.items() if f.alias == alias)
        value = getattr(self, name)
        return value.get_secret_value() if isinstance(value, SecretStr) else value

    @property
    def auth0_enabled(self) -> bool:
        """Whether people sign in through Auth0."""
        return bool(self.auth0_domain)

    @property
    def twilio_enabled(self) -> bool:
        """Whether messages go out through Twilio (to the console otherwise)."""
        return bool(self.twilio_account_sid)

    @property
    def served_over_https(self) -> bool:
        """Whether people reach this installation by https."""
        return self.public_url.startswith("https://")

    def session_key(self) -> str:
        """The key that signs sessions: the variable's, else one made once and kept (mode 600) in `home`."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return self._kept_secret("secret-key")

    def patients_key(self) -> bytes:
        """The key of patients' pseudonyms: the variable's, else one made once and kept (mode 600) in `home`."""
        if self.pseudonym_key is not None:
            return self.pseudonym_key.get_secret_value().encode()
        return self._kept_secret("pseudonym-key").encode("ascii")

    def _kept_secret(self, name: str) -> str:
        path = self.home / f"{name}.txt"
        self.home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            draft = self.home / f".{name}-{os.getpid()}"
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(64))
            # A link appears whole or not at all: of two processes starting at once, both read the first one's key.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return path.read_text(encoding="ascii").strip()


def _sentence(error: ValidationError) -> str:
    """One sentence for the first thing that is wrong, naming its variable; never the value, it may be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    variable = str(first["loc"][0]) if first["loc"] else ""
    message = first["msg"].removeprefix("Value error, ")
    return f"{variable}: {message}." if variable else f"{message}."


@functools.cache
def load() -> Config:
    """Read the environment once.

    Raises
    ------
    ConfigurationError
        With one sentence that names the variable that is wrong or missing.
    """
    try:
        return Config()
    except ValidationError as error:
        raise ConfigurationError(_sentence(error)) from None
