"""The people of every test: two doctors, a reviewer, an administrator. Made through the service, as real ones are."""

from __future__ import annotations

import time

from django.test import Client

from detection.accounts.middleware import SEEN
from detection.accounts.services import make_account
from detection.models import User
from detection.models.user import Role

PASSWORD = "cobalt-heron-4471"


def alice() -> User:
    """A doctor, the owner of the scans."""
    return make_account("alice", role=Role.DOCTOR, password=PASSWORD)


def bob() -> User:
    """Another doctor, who must not see Alice's scans."""
    return make_account("bob", role=Role.DOCTOR, password=PASSWORD)


def rita() -> User:
    """A reviewer: sees everything, changes nothing."""
    return make_account("rita", role=Role.REVIEWER, password=PASSWORD)


def ada() -> User:
    """An administrator."""
    return make_account("ada", role=Role.ADMINISTRATOR, password=PASSWORD)


def signed_in(user: User) -> Client:
    """A browser of theirs."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[SEEN] = round(time.time())  # as signing in by the form does
    session.save()
    return client
