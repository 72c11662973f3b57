"""Signing in and out with a local account, and being kept out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.utils import timezone

from detection.accounts.middleware import SEEN
from detection.models import AuditEntry
from tests import cast

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


@pytest.fixture
def visitor() -> Client:
    return Client()


def is_signed_in(visitor: Client) -> bool:
    return "_auth_user_id" in visitor.session


def try_in(visitor: Client, name: str, password: str, **more: str):
    return visitor.post(LOGIN, {"username": name, "password": password, **more})


class TestSignInPage:
    def test_has_a_form_and_no_hospital_account_button(self, visitor: Client) -> None:
        page = visitor.get(LOGIN)
        assert page.status_code == 200
        assert 'name="username"' in page.content.decode()
        assert "begin/auth0" not in page.content.decode()

    def test_has_the_hospital_account_button_when_auth0_is_configured(self, visitor: Client) -> None:
        with override_settings(AUTH0_ENABLED=True):
            page = visitor.get(LOGIN, {"next": "/scans/new/"}).content.decode()
        assert 'href="/accounts/begin/auth0/?next=/scans/new/"' in page

    def test_has_no_form_where_local_accounts_are_off(self, visitor: Client) -> None:
        with override_settings(AUTH0_ENABLED=True, LOCAL_ACCOUNTS=False):
            page = visitor.get(LOGIN).content.decode()
        assert 'name="password"' not in page
        assert "begin/auth0" in page

    def test_is_never_kept_by_a_cache(self, visitor: Client) -> None:
        assert "no-store" in visitor.get(LOGIN)["Cache-Control"]

    def test_a_page_that_needs_an_account_leads_here_and_back(self, visitor: Client) -> None:
        cast.alice()
        response = visitor.get("/scans/")
        assert (response.status_code, response["Location"]) == (302, f"{LOGIN}?next=/scans/")


class TestRightPassword:
    def test_signs_in_and_goes_to_the_list(self, visitor: Client) -> None:
        alice = cast.alice()
        response = try_in(visitor, "alice", cast.PASSWORD)
        assert (response.status_code, response["Location"]) == (302, "/scans/")
        assert visitor.session["_auth_user_id"] == str(alice.pk)
        assert AuditEntry.objects.get(action="signed in").actor == alice

    def test_changes_the_session_key(self, visitor: Client) -> None:
        cast.alice()
        before = visitor.session
        before["theirs"] = 1
        before.save()
        try_in(visitor, "alice", cast.PASSWORD)
        assert visitor.session.session_key != before.session_key

    @pytest.mark.parametrize(
        ("wanted", "goes_to"),
        [
            ("/scans/new/", "/scans/new/"),
            ("https://evil.example/", "/scans/"),
            ("//evil.example/", "/scans/"),
            ("/\\evil.example/", "/scans/"),
            ("javascript:alert(1)", "/scans/"),
            ("/accounts/login/?next=/accounts/login/", "/scans/"),
            ("/accounts/logout/", "/scans/"),
        ],
    )
    def test_goes_on_only_to_a_page_of_ours(self, visitor: Client, wanted: str, goes_to: str) -> None:
        cast.alice()
        assert try_in(visitor, "alice", cast.PASSWORD, next=wanted)["Location"] == goes_to
        assert visitor.get(LOGIN, {"next": wanted})["Location"] == goes_to

    def test_does_nothing_for_a_closed_account(self, visitor: Client) -> None:
        alice = cast.alice()
        alice.is_active = False
        alice.save()
        assert try_in(visitor, "alice", cast.PASSWORD).status_code == 200
        assert not is_signed_in(visitor)

    def test_does_nothing_where_local_accounts_are_off(self, visitor: Client) -> None:
        cast.alice()
        with override_settings(AUTH0_ENABLED=True, LOCAL_ACCOUNTS=False):
            response = try_in(visitor, "alice", cast.PASSWORD)
        assert response.status_code == 403
        assert "hospital account" in response.content.decode()
        assert not is_signed_in(visitor)


class TestWrongPassword:
    @pytest.mark.parametrize(
        ("name", "password"),
        [("alice", "wrong"), ("nobody", cast.PASSWORD), ("", ""), ("al\x00ice", "x"), ("a" * 5000, "b" * 5000)],
    )
    def test_stays_on_the_page_with_a_sentence(self, visitor: Client, name: str, password: str) -> None:
        cast.alice()
        response = try_in(visitor, name, password)
        assert response.status_code == 200
        assert response.context["form"].errors
        assert not is_signed_in(visitor)

    def test_says_the_same_of_a_name_that_exists_and_one_that_does_not(self, visitor: Client) -> None:
        cast.alice()
        sentences = [try_in(visitor, name, "wrong").context["form"].non_field_errors() for name in ("alice", "nobody")]
        assert sentences[0] == sentences[1]

    def test_five_times_locks_that_name_out_for_a_while(self, visitor: Client) -> None:
        cast.alice()
        answers = [try_in(visitor, "alice", "wrong").status_code for _ in range(5)]
        assert answers == [200, 200, 200, 200, 429]
        locked = try_in(visitor, "alice", cast.PASSWORD)
        assert locked.status_code == 429
        assert locked["Retry-After"] == "900"
        assert "Wait fifteen minutes" in locked.content.decode()
        assert not is_signed_in(visitor)

    def test_locks_nobody_else_out(self, visitor: Client) -> None:
        cast.alice()
        cast.bob()
        for _ in range(5):
            try_in(visitor, "alice", "wrong")
        assert try_in(visitor, "bob", cast.PASSWORD).status_code == 302

    def test_behind_a_proxy_locks_the_name_for_the_address_that_the_proxy_saw(
        self, visitor: Client, settings: Any
    ) -> None:
        settings.SERVED_OVER_HTTPS = True
        cast.alice()
        for number in range(6):
            # What stands before the last entry the client wrote itself.
            far = Client(headers={"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.9"})
            locked = try_in(far, "alice", "wrong")
        assert locked.status_code == 429
        near = Client(headers={"X-Forwarded-For": "198.51.100.7"})
        assert try_in(near, "alice", cast.PASSWORD).status_code == 302

    def test_without_a_proxy_nobody_chooses_their_address(self, visitor: Client) -> None:
        cast.alice()
        answers = [
            try_in(Client(headers={"X-Forwarded-For": f"203.0.113.{number}"}), "alice", "wrong").status_code
            for number in range(5)
        ]
        assert answers[-1] == 429

    def test_leaves_no_password_behind(self, visitor: Client) -> None:
        cast.alice()
        try_in(visitor, "alice", "a-mistyped-secret")
        assert "a-mistyped-secret" not in str(AccessAttempt.objects.values().get())


class TestSession:
    def test_ends_two_hours_after_it_was_last_used(self) -> None:
        visitor = cast.signed_in(cast.alice())
        session = visitor.session
        session[SEEN] -= 3600
        session.save()
        Session.objects.update(expire_date=timezone.now() + timedelta(seconds=60))
        visitor.get("/scans/")
        left = Session.objects.get().expire_date - timezone.now()
        assert timedelta(minutes=119) < left <= timedelta(minutes=120)

    def test_is_not_written_at_every_request(self) -> None:
        visitor = cast.signed_in(cast.alice())
        Session.objects.update(expire_date=timezone.now() + timedelta(seconds=60))
        visitor.get("/scans/")
        assert Session.objects.get().expire_date - timezone.now() < timedelta(seconds=61)

    def test_no_second_log_of_addresses_is_kept(self, visitor: Client) -> None:
        cast.alice()
        try_in(visitor, "alice", cast.PASSWORD)
        assert is_signed_in(visitor)
        assert not AccessLog.objects.exists()


class TestSignOut:
    def test_ends_the_session(self) -> None:
        alice = cast.alice()
        visitor = cast.signed_in(alice)
        response = visitor.post("/accounts/logout/")
        assert (response.status_code, response["Location"]) == (302, LOGIN)
        assert not is_signed_in(visitor)
        assert AuditEntry.objects.get(action="signed out").actor == alice

    def test_needs_a_button_not_a_link(self) -> None:
        visitor = cast.signed_in(cast.alice())
        assert visitor.get("/accounts/logout/").status_code == 405
        assert is_signed_in(visitor)


class TestForgedForm:
    def test_without_a_token_is_answered_by_a_page(self) -> None:
        cast.alice()
        visitor = Client(enforce_csrf_checks=True)
        response = try_in(visitor, "alice", cast.PASSWORD)
        assert response.status_code == 403
        assert "This form has expired" in response.content.decode()
        assert not is_signed_in(visitor)
