"""Who uploads in this folder, and her browser."""

from __future__ import annotations

import pytest
from django.test import Client

from detection.models import User
from tests import cast


@pytest.fixture
def owner(db: None) -> User:
    return cast.alice()


@pytest.fixture
def alice(owner: User) -> Client:
    return cast.signed_in(owner)
