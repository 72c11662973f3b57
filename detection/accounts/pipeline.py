"""What we add to social-auth's steps between "Auth0 says who it is" and a signed-in person.

Accounts are found by Auth0's own id of the person (`sub`) and by nothing else. No step looks an
account up by e-mail: whoever controls an address at some provider would get somebody's scans.
"""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from social_core.exceptions import AuthPolicyError

from detection.accounts.auth0 import IDENTITY_TOKEN, Auth0
from detection.models import User

NAME_LENGTH = 150


class SignInRefused(AuthPolicyError):
    """We know who it is and do not let the person in; `sentence` says why."""

    def __init__(self, backend: Auth0, sentence: str) -> None:
        super().__init__(backend, code="authentication_disallowed", stage="pipeline")
        self.sentence = sentence


def verified_email_only(backend: Auth0, details: dict[str, Any], *args: Any, **kwargs: Any) -> None:
    """Refuse a person whose e-mail Auth0 has not verified, or who has none.

    Raises
    ------
    SignInRefused
        With a sentence for the person.
    """
    email = details.get("email") or ""
    if not email:
        raise SignInRefused(
            backend,
            "Your hospital account has no e-mail address, so we cannot tell whose it is. Ask your administrator to add one.",
        )
    # `is True` and not truth: the text "false" is true.
    if details.get("email_verified") is not True:
        raise SignInRefused(
            backend,
            "The e-mail address of your hospital account is not verified yet. Open the link in the e-mail that you got from Auth0, then sign in again.",
        )
    try:
        validate_email(email)
    except ValidationError:
        raise SignInRefused(
            backend,
            "The e-mail address of your hospital account is not a valid one. Ask your administrator to correct it.",
        ) from None


def active_only(backend: Auth0, user: User | None = None, *args: Any, **kwargs: Any) -> None:
    """Refuse a person whose account here has been closed.

    Raises
    ------
    SignInRefused
        With a sentence for the person.
    """
    if user is not None and not user.is_active:
        raise SignInRefused(backend, "Your account here is closed. Ask your administrator.")


def username(details: dict[str, Any], user: User | None = None, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """A free account name for a new person, and names that fit their columns.

    Returns
    -------
    dict
        `username`, `first_name`, `last_name`; the existing name when the person has an account.
    """
    if user is not None:
        return {"username": user.username}
    wanted = details.get("username") or details["email"].split("@", 1)[0]
    wanted = re.sub(r"[^\w.@+-]", "", wanted)[: NAME_LENGTH - 8] or "doctor"
    name, number = wanted, 1
    while User.objects.filter(username__iexact=name).exists():
        number += 1
        name = f"{wanted}-{number}"
    return {
        "username": name,
        "first_name": details["first_name"][:NAME_LENGTH],
        "last_name": details["last_name"][:NAME_LENGTH],
    }


def remember_identity_token(strategy: Any, response: dict[str, Any], *args: Any, **kwargs: Any) -> None:
    """Keep the ID token in the session, for signing out at Auth0 without being asked again."""
    strategy.session_set(IDENTITY_TOKEN, response["id_token"])
