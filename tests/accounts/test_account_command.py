"""`manage.py account`, and the accounts of a first start."""

from __future__ import annotations

import stat
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from detection.accounts.services import make_first_accounts
from detection.models import AuditEntry, User
from detection.models.user import Role
from tests import cast

pytestmark = pytest.mark.django_db


def account(*arguments: str) -> str:
    out = StringIO()
    call_command("account", *arguments, stdout=out, stderr=out)
    return out.getvalue()


class TestAdd:
    @pytest.mark.parametrize(
        ("role", "staff", "superuser"),
        [("doctor", False, False), ("reviewer", True, False), ("administrator", True, True)],
    )
    def test_makes_an_account_with_that_role(
        self, monkeypatch: pytest.MonkeyPatch, role: str, staff: bool, superuser: bool
    ) -> None:
        monkeypatch.setenv("NEW_PASSWORD", cast.PASSWORD)
        assert (
            account("add", "eve", "--role", role, "--password-env", "NEW_PASSWORD")
            == f"Account eve made, role {role}.\n"
        )
        user = User.objects.get(username="eve")
        assert (user.role, user.is_staff, user.is_superuser) == (role, staff, superuser)
        assert user.check_password(cast.PASSWORD)
        assert AuditEntry.objects.get(action="account made").row_id == user.pk

    def test_warns_of_a_weak_password_and_obeys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEW_PASSWORD", "secret")
        assert "weak password" in account("add", "eve", "--role", "doctor", "--password-env", "NEW_PASSWORD")
        assert User.objects.get().check_password("secret")

    @pytest.mark.parametrize("value", [None, ""])
    def test_refuses_without_a_password(self, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
        monkeypatch.delenv("NEW_PASSWORD", raising=False)
        if value is not None:
            monkeypatch.setenv("NEW_PASSWORD", value)
        with pytest.raises(CommandError, match="NEW_PASSWORD is not set"):
            account("add", "eve", "--role", "doctor", "--password-env", "NEW_PASSWORD")

    @pytest.mark.parametrize("name", ["alice", "a b", "", "x" * 151])
    def test_refuses_a_name_that_is_taken_or_malformed(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        cast.alice()
        monkeypatch.setenv("NEW_PASSWORD", cast.PASSWORD)
        with pytest.raises(CommandError):
            account("add", name, "--role", "doctor", "--password-env", "NEW_PASSWORD")
        assert User.objects.count() == 1

    def test_refuses_a_role_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEW_PASSWORD", cast.PASSWORD)
        with pytest.raises(CommandError, match="invalid choice"):
            account("add", "eve", "--role", "emperor", "--password-env", "NEW_PASSWORD")


class TestRole:
    def test_makes_the_first_administrator_of_a_house_without_local_accounts(self) -> None:
        cast.alice()
        assert account("role", "alice", "--role", "administrator") == "alice is now administrator.\n"
        assert User.objects.get().is_superuser
        assert AuditEntry.objects.get(action="role changed").details == {"before": "doctor", "after": "administrator"}

    def test_refuses_somebody_unknown(self) -> None:
        with pytest.raises(CommandError, match="There is no account nobody"):
            account("role", "nobody", "--role", "doctor")


class TestFirstStart:
    def test_makes_two_accounts_and_writes_their_passwords_for_the_owner_only(self, tmp_path: Path) -> None:
        assert make_first_accounts(tmp_path, admin_password=None, doctor_password=None)
        file = tmp_path / "first-accounts.txt"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        written = dict(line.split(" ", 1) for line in file.read_text().splitlines())
        assert set(written) == {"admin", "doctor"}
        for name, role in (("admin", Role.ADMINISTRATOR), ("doctor", Role.DOCTOR)):
            user = User.objects.get(username=name)
            assert user.role == role
            assert user.check_password(written[name])
            assert len(written[name]) >= 20
        assert [path.name for path in tmp_path.iterdir()] == ["first-accounts.txt"]

    def test_takes_the_passwords_that_were_set(self, tmp_path: Path) -> None:
        make_first_accounts(tmp_path, admin_password="one-of-mine", doctor_password="another")
        assert (tmp_path / "first-accounts.txt").read_text() == "admin one-of-mine\ndoctor another\n"
        assert User.objects.get(username="doctor").check_password("another")

    def test_a_second_start_makes_nothing(self, tmp_path: Path) -> None:
        make_first_accounts(tmp_path, admin_password=None, doctor_password=None)
        before = (tmp_path / "first-accounts.txt").read_text()
        assert not make_first_accounts(tmp_path, admin_password="new", doctor_password="new")
        assert (tmp_path / "first-accounts.txt").read_text() == before
