"""Auth0 as an OpenID Connect provider: code flow with PKCE, state, nonce, and a verified ID token."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from social_core.backends.auth0_openidconnect import Auth0OpenIdConnectAuth
from social_core.exceptions import AuthResponseError, SocialAuthBaseException

IDENTITY_TOKEN = "auth0_identity_token"


class Auth0(Auth0OpenIdConnectAuth[Any]):
    """The hospital's Auth0 tenant.

    The base class already refuses a token response without `id_token`, a wrong signature, issuer,
    audience or time, and a state or nonce that is not this browser's. Here we close what it leaves
    open and send PKCE too.
    """

    name = "auth0"
    DEFAULT_USE_PKCE = True
    # The sort of sign-in that Auth0 sets up for a "regular web application".
    TOKEN_ENDPOINT_AUTH_METHOD = "client_secret_post"
    # No token is kept with the account: nothing here calls Auth0 on a person's behalf.
    EXTRA_DATA: list[Any] = []

    def validate_userinfo_sub(self, userinfo: dict[str, Any] | None) -> dict[str, Any] | None:
        """UserInfo must name the person of the ID token; the base class lets one without a name pass.

        Raises
        ------
        AuthResponseError
            When `sub` is missing or another's (OpenID Connect Core 1.0, section 5.3.2).
        """
        if not isinstance(userinfo, dict) or not userinfo.get("sub"):
            raise AuthResponseError(self, code="missing_claim", claim="sub", stage="user_info")
        return super().validate_userinfo_sub(userinfo)

    def get_user_details(self, response: dict[str, Any]) -> dict[str, Any]:
        """Name and e-mail; address and its verification always from one and the same source."""
        token = self.id_token or {}
        source = response if response.get("email") else token
        return {
            "username": response.get("nickname") or response.get("preferred_username") or token.get("nickname") or "",
            "email": source.get("email") or "",
            "email_verified": source.get("email_verified") is True,
            "first_name": response.get("given_name") or "",
            "last_name": response.get("family_name") or "",
            "user_id": token.get("sub"),
        }

    def extra_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Nothing: access and identity tokens do not belong in the database."""
        return {}

    def sign_out_address(self, return_to: str, identity_token: str | None) -> str:
        """Where a browser goes to end the provider's own session.

        Parameters
        ----------
        return_to : str
            Absolute address that the provider sends the browser back to; it must be registered there.
        identity_token : str or None
            The ID token of this sign-in: with it the provider need not ask "really?".

        Returns
        -------
        str
            The provider's published `end_session_endpoint` (OpenID Connect RP-Initiated Logout 1.0),
            else Auth0's older `/v2/logout`.
        """
        client_id, _ = self.get_key_and_secret()
        try:
            endpoint = self.oidc_config().get("end_session_endpoint")
        except SocialAuthBaseException:
            # The tenant does not answer: the browser may still reach it.
            endpoint = None
        if isinstance(endpoint, str) and endpoint.startswith("https://"):
            asked = {"client_id": client_id, "post_logout_redirect_uri": return_to}
            if identity_token:
                asked["id_token_hint"] = identity_token
            return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
        return f"{self.api_path('v2/logout')}?{urlencode({'client_id': client_id, 'returnTo': return_to})}"
