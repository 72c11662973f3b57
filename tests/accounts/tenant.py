"""An Auth0 tenant in this process: answers what social-core asks by HTTP, with tokens signed by a key made for the test.

A stand-in for Auth0. `tests/e2e` does the same with a real OpenID provider over TLS and a real visitor.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

DOMAIN = "tenant.auth0.test"
ISSUER = f"https://{DOMAIN}/"
CLIENT_ID = "client-of-brainscan"
SECRET = "secret-of-brainscan"


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Tenant:
    """What the provider says; a test changes what it is about."""

    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "auth0|65f0",
            "nickname": "m.osei",
            "given_name": "Mary",
            "family_name": "Osei",
            "email": "m.osei@hospital.example",
            "email_verified": True,
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)  # put over the ID token's own
    without_id_token: bool = False
    signed_by: str = "published"
    userinfo: dict[str, Any] | None = None
    end_session: str | None = None
    unreachable: bool = False
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    nonce: str = ""

    def request(self, method: str, url: str, *, data: dict[str, Any] | None = None, **kwargs: Any) -> requests.Response:
        """In place of `requests.request`."""
        self.asked.append((url, data or {}))
        if self.unreachable:
            raise requests.ConnectionError("no route to the tenant")
        return _answer(url, self._body(urlsplit(url).path, data or {}))

    def _body(self, path: str, data: dict[str, Any]) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}authorize",
                "token_endpoint": f"{ISSUER}oauth/token",
                "userinfo_endpoint": f"{ISSUER}userinfo",
                "jwks_uri": f"{ISSUER}.well-known/jwks.json",
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                **({"end_session_endpoint": self.end_session} if self.end_session else {}),
            }
        if path == "/.well-known/jwks.json":
            published = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key("published").public_key()))
            return {"keys": [{**published, "kid": "1", "alg": "RS256", "use": "sig"}]}
        if path == "/oauth/token":
            answer = {"access_token": "opaque", "token_type": "Bearer"}
            return answer if self.without_id_token else {**answer, "id_token": self._id_token()}
        if path == "/userinfo":
            return self.person if self.userinfo is None else self.userinfo
        raise AssertionError(f"Nothing should ask for {path}")

    def _id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            **self.person,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key(self.signed_by), algorithm="RS256", headers={"kid": "1"})


def _answer(url: str, body: dict[str, Any]) -> requests.Response:
    response = requests.Response()
    response.status_code = 200
    response.url = url
    response.headers["Content-Type"] = "application/json"
    response._content = json.dumps(body).encode()
    return response


def begin(visitor: Client, tenant: Tenant, next_page: str = "") -> dict[str, str]:
    """Press the button; returns what the provider is asked, and lets the tenant know the nonce."""
    response = visitor.get("/accounts/begin/auth0/", {"next": next_page} if next_page else {})
    assert response.status_code == 302, response.content
    there = urlsplit(response["Location"])
    assert there.netloc == DOMAIN
    asked = {name: values[0] for name, values in parse_qs(there.query).items()}
    tenant.nonce = asked["nonce"]
    return asked


def come_back(visitor: Client, **answer: str) -> Any:
    """The provider sends the browser back."""
    return visitor.get("/accounts/complete/auth0/", answer)


def sign_in(visitor: Client, tenant: Tenant, next_page: str = "") -> Any:
    """Press the button, sign in there, come back; the last page is followed to its end."""
    asked = begin(visitor, tenant, next_page)
    return come_back(visitor, code="one-time", state=asked["state"])
