"""Auth0 switched on, with a tenant in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings
from social_core.backends import utils as social_backends

from detection.accounts.auth0 import Auth0
from tests.accounts import tenant as tenants


@pytest.fixture
def tenant(monkeypatch: pytest.MonkeyPatch) -> Iterator[tenants.Tenant]:
    """The tenant; what it says may be changed by the test."""
    tenant = tenants.Tenant()
    monkeypatch.setattr("social_core.backends.base.requests.request", tenant.request)
    backends = [*settings.AUTHENTICATION_BACKENDS]
    backends.insert(1, "detection.accounts.auth0.Auth0")
    with override_settings(
        AUTH0_ENABLED=True,
        AUTHENTICATION_BACKENDS=backends,
        SOCIAL_AUTH_AUTH0_DOMAIN=tenants.DOMAIN,
        SOCIAL_AUTH_AUTH0_KEY=tenants.CLIENT_ID,
        SOCIAL_AUTH_AUTH0_SECRET=tenants.SECRET,
    ):
        yield tenant
    # social-core remembers back ends, discovery and keys for the process's life.
    social_backends.BACKENDSCACHE.clear()
    Auth0.get_openid_configuration.invalidate()
    Auth0.get_jwks_keys_for_uri.invalidate()
