"""Signing in through Auth0: who gets in, who does not, and what the person is told."""

from __future__ import annotations

import base64
import hashlib
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.messages import get_messages
from django.test import Client, override_settings
from social_django.models import UserSocialAuth

from detection.models import AuditEntry, User
from detection.models.user import Role
from tests import cast
from tests.accounts.tenant import CLIENT_ID, DOMAIN, Tenant, begin, come_back, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> Client:
    return Client()


def is_signed_in(visitor: Client) -> bool:
    return "_auth_user_id" in visitor.session


def refusal(response) -> str:
    """The one sentence that the sign-in page will show."""
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/"
    (message,) = get_messages(response.wsgi_request)
    return str(message)


class TestGoingThere:
    def test_asks_for_a_code_with_state_nonce_and_a_pkce_challenge(self, visitor: Client, tenant: Tenant) -> None:
        asked = begin(visitor, tenant)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert set(asked["scope"].split()) == {"openid", "profile", "email"}
        assert asked["redirect_uri"] == "http://testserver/accounts/complete/auth0/"
        assert len(asked["state"]) >= 32
        assert len(asked["nonce"]) >= 32
        assert asked["code_challenge_method"] == "S256"

    def test_the_code_is_redeemed_with_the_verifier_of_that_challenge(self, visitor: Client, tenant: Tenant) -> None:
        asked = begin(visitor, tenant)
        come_back(visitor, code="one-time", state=asked["state"])
        (redeemed,) = [data for url, data in tenant.asked if url.endswith("/oauth/token")]
        assert redeemed["code"] == "one-time"
        digest = hashlib.sha256(redeemed["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]

    def test_another_site_cannot_start_it(self, visitor: Client, tenant: Tenant) -> None:
        response = visitor.get("/accounts/begin/auth0/", headers={"sec-fetch-site": "cross-site"})
        assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
        assert tenant.asked == []

    def test_a_tenant_that_does_not_answer_is_said_so(self, visitor: Client, tenant: Tenant) -> None:
        tenant.unreachable = True
        assert "does not answer" in refusal(visitor.get("/accounts/begin/auth0/"))

    def test_without_configuration_there_is_no_such_page(self, visitor: Client) -> None:
        assert visitor.get("/accounts/begin/auth0/").status_code == 404
        assert visitor.get("/accounts/complete/auth0/").status_code == 404


class TestGettingIn:
    def test_a_new_person_becomes_a_doctor_without_a_local_password(self, visitor: Client, tenant: Tenant) -> None:
        response = sign_in(visitor, tenant)
        assert (response.status_code, response["Location"]) == (302, "/scans/")
        assert is_signed_in(visitor)
        user = User.objects.get()
        assert (user.username, user.email, user.get_full_name()) == ("m.osei", "m.osei@hospital.example", "Mary Osei")
        assert user.role == Role.DOCTOR
        assert not user.is_staff
        assert not user.has_usable_password()
        assert AuditEntry.objects.get(action="signed in").details == {"by": "auth0"}

    def test_the_same_person_comes_back_to_the_same_account(self, visitor: Client, tenant: Tenant) -> None:
        sign_in(visitor, tenant)
        tenant.person["email"] = "mary.osei@hospital.example"
        sign_in(Client(), tenant)
        assert User.objects.count() == 1

    def test_no_token_is_kept_in_the_database(self, visitor: Client, tenant: Tenant) -> None:
        sign_in(visitor, tenant)
        assert UserSocialAuth.objects.get().extra_data == {}

    def test_goes_on_to_the_page_that_was_asked_for(self, visitor: Client, tenant: Tenant) -> None:
        assert sign_in(visitor, tenant, "/scans/new/")["Location"] == "/scans/new/"

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
    def test_never_goes_on_to_another_site(self, visitor: Client, tenant: Tenant, elsewhere: str) -> None:
        assert sign_in(visitor, tenant, elsewhere)["Location"].startswith("/scans/")

    def test_a_name_that_is_taken_gets_a_number(self, visitor: Client, tenant: Tenant) -> None:
        alice = cast.alice()
        tenant.person["nickname"] = "Alice"
        sign_in(visitor, tenant)
        assert User.objects.exclude(pk=alice.pk).get().username == "Alice-2"


class TestUnverifiedEmail:
    @pytest.mark.parametrize("verified", [False, None, "true", 1])
    def test_is_refused_with_a_sentence_and_leaves_no_account(
        self, visitor: Client, tenant: Tenant, verified: object
    ) -> None:
        tenant.person["email_verified"] = verified
        assert "not verified" in refusal(sign_in(visitor, tenant))
        assert not is_signed_in(visitor)
        assert not User.objects.exists()

    def test_no_email_at_all_is_refused(self, visitor: Client, tenant: Tenant) -> None:
        del tenant.person["email"]
        assert "no e-mail address" in refusal(sign_in(visitor, tenant))
        assert not User.objects.exists()

    def test_an_address_outside_the_named_domains_is_refused(self, visitor: Client, tenant: Tenant) -> None:
        with override_settings(SOCIAL_AUTH_AUTH0_WHITELISTED_DOMAINS=["elsewhere.example"]):
            assert "not one of this hospital's" in refusal(sign_in(visitor, tenant))
        assert not User.objects.exists()

    def test_an_address_inside_them_comes_in(self, visitor: Client, tenant: Tenant) -> None:
        domain = str(tenant.person["email"]).split("@")[1].upper()
        with override_settings(SOCIAL_AUTH_AUTH0_WHITELISTED_DOMAINS=[domain]):
            sign_in(visitor, tenant)
        assert User.objects.get().role == Role.DOCTOR

    def test_verification_of_another_address_does_not_count(self, visitor: Client, tenant: Tenant) -> None:
        tenant.userinfo = {"sub": tenant.person["sub"], "email": "chief@hospital.example"}
        assert "not verified" in refusal(sign_in(visitor, tenant))

    def test_an_address_never_joins_an_existing_account(self, visitor: Client, tenant: Tenant) -> None:
        ada = cast.ada()
        ada.email = tenant.person["email"]
        ada.save()
        sign_in(visitor, tenant)
        assert visitor.session["_auth_user_id"] != str(ada.pk)
        assert not UserSocialAuth.objects.filter(user=ada).exists()
        newcomer = User.objects.exclude(pk=ada.pk).get()
        assert newcomer.role == Role.DOCTOR

    def test_a_signed_in_local_account_is_not_joined_either(self, tenant: Tenant) -> None:
        ada = cast.ada()
        visitor = cast.signed_in(ada)
        assert visitor.get("/accounts/begin/auth0/")["Location"] == "/scans/"
        assert come_back(visitor, code="one-time", state="x")["Location"] == "/scans/"
        assert not UserSocialAuth.objects.exists()


class TestAnswersThatAreNotBelieved:
    def test_no_id_token(self, visitor: Client, tenant: Tenant) -> None:
        tenant.without_id_token = True
        assert "could not be verified" in refusal(sign_in(visitor, tenant))
        assert not is_signed_in(visitor)

    def test_an_id_token_signed_by_somebody_else(self, visitor: Client, tenant: Tenant) -> None:
        tenant.signed_by = "somebody else"
        assert "could not be verified" in refusal(sign_in(visitor, tenant))
        assert not is_signed_in(visitor)

    @pytest.mark.parametrize(
        "claims",
        [
            pytest.param({"iss": "https://other.auth0.test/"}, id="another issuer"),
            pytest.param({"aud": "another-application"}, id="for another application"),
            pytest.param({"exp": int(time.time()) - 60}, id="expired"),
            pytest.param({"iat": int(time.time()) - 3600}, id="issued an hour ago"),
            pytest.param({"nonce": "of-another-browser"}, id="another nonce"),
            pytest.param({"nonce": None}, id="no nonce"),
            pytest.param({"sub": None}, id="nobody's"),
        ],
    )
    def test_an_id_token_with_a_wrong_claim(self, visitor: Client, tenant: Tenant, claims: dict[str, object]) -> None:
        tenant.claims = claims
        assert "could not be verified" in refusal(sign_in(visitor, tenant))
        assert not is_signed_in(visitor)
        assert not User.objects.exists()

    @pytest.mark.parametrize("sub", [None, "auth0|somebody-else"])
    def test_user_info_of_somebody_else(self, visitor: Client, tenant: Tenant, sub: str | None) -> None:
        tenant.userinfo = {"email": "chief@hospital.example", "email_verified": True, **({"sub": sub} if sub else {})}
        assert "could not be verified" in refusal(sign_in(visitor, tenant))
        assert not is_signed_in(visitor)

    @pytest.mark.parametrize("state", ["", "made-up"])
    def test_a_state_that_this_browser_did_not_start(self, visitor: Client, tenant: Tenant, state: str) -> None:
        begin(visitor, tenant)
        assert "Start again" in refusal(come_back(visitor, code="one-time", state=state))
        assert not is_signed_in(visitor)

    def test_a_state_of_another_browser(self, visitor: Client, tenant: Tenant) -> None:
        theirs = begin(Client(), tenant)
        begin(visitor, tenant)
        assert "Start again" in refusal(come_back(visitor, code="one-time", state=theirs["state"]))

    def test_a_state_used_twice(self, visitor: Client, tenant: Tenant) -> None:
        asked = begin(visitor, tenant)
        assert come_back(visitor, code="one-time", state=asked["state"])["Location"] == "/scans/"
        again = Client()
        assert "Start again" in refusal(come_back(again, code="one-time", state=asked["state"]))

    def test_a_person_who_stopped_there(self, visitor: Client, tenant: Tenant) -> None:
        asked = begin(visitor, tenant)
        answer = refusal(
            come_back(visitor, error="access_denied", error_description="<b>text of theirs</b>", state=asked["state"])
        )
        assert "You stopped signing in" in answer
        assert "theirs" not in answer


def test_a_closed_account_stays_closed(visitor: Client, tenant: Tenant) -> None:
    sign_in(visitor, tenant)
    User.objects.update(is_active=False)
    again = Client()
    assert "closed" in refusal(sign_in(again, tenant))
    assert not is_signed_in(again)


class TestSigningOut:
    def address(self, visitor: Client) -> tuple[str, dict[str, str]]:
        response = visitor.post("/accounts/logout/")
        assert response.status_code == 200
        assert not is_signed_in(visitor)
        address = urlsplit(response.context["address"])
        assert f'content="0; url={address.scheme}://{address.netloc}' in response.content.decode()
        assert address.scheme == "https"
        assert address.netloc == DOMAIN
        return address.path, {name: values[0] for name, values in parse_qs(address.query).items()}

    def test_ends_the_auth0_session_by_its_own_address(self, visitor: Client, tenant: Tenant) -> None:
        sign_in(visitor, tenant)
        path, asked = self.address(visitor)
        assert path == "/v2/logout"
        assert asked == {"client_id": CLIENT_ID, "returnTo": "http://testserver/accounts/login/"}

    def test_prefers_the_published_end_session_endpoint(self, visitor: Client, tenant: Tenant) -> None:
        tenant.end_session = f"https://{DOMAIN}/oidc/logout"
        sign_in(visitor, tenant)
        path, asked = self.address(visitor)
        assert path == "/oidc/logout"
        assert asked["client_id"] == CLIENT_ID
        assert asked["post_logout_redirect_uri"] == "http://testserver/accounts/login/"
        assert asked["id_token_hint"].count(".") == 2

    def test_a_local_session_has_nothing_to_end_there(self, tenant: Tenant) -> None:
        visitor = cast.signed_in(cast.alice())
        response = visitor.post("/accounts/logout/")
        assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
        assert tenant.asked == []
