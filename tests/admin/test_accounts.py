"""Accounts in Django admin: an administrator makes, changes and closes them, and it is written down."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from detection.models import AuditEntry, User
from detection.models.user import Role
from tests import cast

pytestmark = pytest.mark.django_db
NEW = "violet-anchor-9023"


def change(user: User) -> str:
    return reverse("admin:detection_user_change", args=[user.pk])


def fields(user: User, **others: object) -> dict[str, object]:
    return {
        "username": user.username,
        "first_name": "",
        "last_name": "",
        "email": "",
        "role": user.role,
        "is_active": "on",
        **others,
    }


@pytest.fixture
def ada() -> User:
    return cast.ada()


@pytest.fixture
def administrator(ada: User) -> Client:
    return cast.signed_in(ada)


def test_makes_an_account_with_a_role(administrator: Client, ada: User) -> None:
    form = {"username": "eve", "role": "reviewer", "usable_password": "true", "password1": NEW, "password2": NEW}
    assert administrator.post(reverse("admin:detection_user_add"), form).status_code == 302
    eve = User.objects.get(username="eve")
    assert (eve.role, eve.is_staff, eve.is_superuser) == (Role.REVIEWER, True, False)
    assert eve.check_password(NEW)
    entry = AuditEntry.objects.get(action="account made", row_id=eve.pk)
    assert entry.actor == ada


def test_changes_a_role_and_writes_it_down(administrator: Client, ada: User) -> None:
    bob = cast.bob()
    assert administrator.post(change(bob), fields(bob, role="administrator")).status_code == 302
    bob.refresh_from_db()
    assert bob.is_superuser
    entry = AuditEntry.objects.get(action="account changed")
    assert (entry.actor, entry.details["before"], entry.details["after"]) == (
        ada,
        {"role": "doctor"},
        {"role": "administrator"},
    )


def test_closes_an_account(administrator: Client) -> None:
    bob = cast.bob()
    visitor = cast.signed_in(bob)
    form = fields(bob)
    del form["is_active"]
    administrator.post(change(bob), form)
    bob.refresh_from_db()
    assert not bob.is_active
    assert visitor.get("/accounts/").status_code == 302


def test_cannot_take_away_ones_own_rights(administrator: Client, ada: User) -> None:
    administrator.post(change(ada), fields(ada, role="doctor"))
    ada.refresh_from_db()
    assert ada.role == Role.ADMINISTRATOR
    assert ada.is_active


def test_nobody_is_deleted(administrator: Client) -> None:
    bob = cast.bob()
    assert administrator.post(reverse("admin:detection_user_delete", args=[bob.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=bob.pk).exists()


def test_sets_a_password_and_writes_it_down_without_the_password(administrator: Client) -> None:
    bob = cast.bob()
    response = administrator.post(
        reverse("admin:auth_user_password_change", args=[bob.pk]),
        {"usable_password": "true", "password1": NEW, "password2": NEW},
    )
    assert response.status_code == 302
    bob.refresh_from_db()
    assert bob.check_password(NEW)
    assert AuditEntry.objects.filter(action="password set", row_id=bob.pk).exists()
    assert NEW not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("person", [cast.alice, cast.rita])
def test_nobody_else_sees_accounts(person) -> None:
    bob = cast.bob()
    visitor = cast.signed_in(person())
    assert visitor.get(reverse("admin:detection_user_changelist")).status_code == 403
    assert visitor.get(change(bob)).status_code == 403
    assert visitor.post(change(bob), fields(bob, role="administrator")).status_code == 403
    bob.refresh_from_db()
    assert bob.role == Role.DOCTOR


class TestDoors:
    def test_there_is_one_sign_in_page(self) -> None:
        visitor = Client()
        response = visitor.get("/admin/login/", {"next": "/admin/"})
        assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=/admin/")
        cast.ada()
        assert visitor.post("/admin/login/", {"username": "ada", "password": cast.PASSWORD}).status_code == 302
        assert "_auth_user_id" not in visitor.session

    def test_a_doctor_is_told_no(self) -> None:
        visitor = cast.signed_in(cast.alice())
        for page in ("/admin/", "/admin/login/"):
            assert visitor.get(page).status_code == 403

    def test_signing_out_there_is_signing_out_here(self, administrator: Client) -> None:
        response = administrator.post("/admin/logout/", follow=True)
        assert response.redirect_chain == [("/accounts/logout/", 307), ("/accounts/login/", 302)]
        assert "_auth_user_id" not in administrator.session

    def test_a_reviewer_finds_the_clinical_records_only(self) -> None:
        page = cast.signed_in(cast.rita()).get("/admin/").content.decode()
        for record in ("study", "scan", "analysis", "storedfile", "delivery"):
            assert f'href="/admin/detection/{record}/"' in page
        for record in ("user", "auditentry", "worker"):
            assert f'href="/admin/detection/{record}/"' not in page
