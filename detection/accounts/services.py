"""Making accounts and changing roles."""

from __future__ import annotations

import ipaddress
import os
import secrets
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from detection import audit
from detection.models import User
from detection.models.user import Role

FIRST_ACCOUNTS = "first-accounts.txt"


class AccountRefused(Exception):
    """An account that cannot be made or changed; `str(error)` is the sentence."""


def client_address(request: HttpRequest) -> str:
    """Where a request came from, for the lock-out: what the proxy saw, where there is one.

    The last entry of X-Forwarded-For is the proxy's own; whatever stands before it the client may have written.
    """
    seen: str = request.META.get("REMOTE_ADDR", "")
    if settings.SERVED_OVER_HTTPS:
        told = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
        try:
            return str(ipaddress.ip_address(told))
        except ValueError:
            return seen
    return seen


def make_account(name: str, *, role: Role, password: str) -> User:
    """Make a local account.

    Raises
    ------
    AccountRefused
        When the name is taken or malformed, or the password empty.
    """
    if not password:
        raise AccountRefused("The password is empty.")
    user = User(username=User.normalize_username(name), role=role)
    user.set_password(password)
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise AccountRefused(f"{name}: {' '.join(error.messages)}") from None
    with transaction.atomic():
        user.save()
        audit.record(None, "account made", user, role=str(role))
    return user


def change_role(name: str, role: Role) -> User:
    """Give an account another role.

    Raises
    ------
    AccountRefused
        When there is no such account.
    """
    with transaction.atomic():
        user = User.objects.filter(username=name).first()
        if user is None:
            raise AccountRefused(f"There is no account {name}.")
        before, user.role = user.role, role
        user.save(update_fields=["role"])
        audit.record(None, "role changed", user, before=before, after=str(role))
    return user


def make_first_accounts(home: Path, *, admin_password: str | None, doctor_password: str | None) -> bool:
    """On the first start: `admin` and `doctor`, their passwords in `home`/first-accounts.txt (mode 600).

    Parameters
    ----------
    home : Path
        BRAINSCAN_HOME.
    admin_password, doctor_password : str or None
        Passwords; random when None.

    Returns
    -------
    bool
        Whether accounts were made: False when there already are any.
    """
    if User.objects.exists():
        return False
    passwords = {
        "admin": admin_password or secrets.token_urlsafe(15),
        "doctor": doctor_password or secrets.token_urlsafe(15),
    }
    # The file before the accounts: stopped in between, a start leaves no account whose password nobody knows.
    draft = home / f".{FIRST_ACCOUNTS}-{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{name} {password}\n" for name, password in passwords.items())
    draft.replace(home / FIRST_ACCOUNTS)
    with transaction.atomic():
        make_account("admin", role=Role.ADMINISTRATOR, password=passwords["admin"])
        make_account("doctor", role=Role.DOCTOR, password=passwords["doctor"])
    return True
