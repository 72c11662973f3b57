"""One's own account page, and changing its password."""

from __future__ import annotations

import re

import pytest

from tests import cast

pytestmark = pytest.mark.django_db
ACCOUNT = "/accounts/"
NEW = "violet-anchor-9023"


def change(visitor, old: str, new: str, again: str | None = None):
    return visitor.post(
        ACCOUNT, {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}
    )


def test_says_who_one_is() -> None:
    page = cast.signed_in(cast.alice()).get(ACCOUNT).content.decode()
    assert "alice" in page
    assert "Doctor" in page


def test_changes_the_password_and_signs_out_everywhere_else() -> None:
    alice = cast.alice()
    here, elsewhere = cast.signed_in(alice), cast.signed_in(alice)
    assert change(here, cast.PASSWORD, NEW).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert here.get(ACCOUNT).status_code == 200
    assert elsewhere.get(ACCOUNT).status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        pytest.param("wrong", NEW, NEW, id="not the old password"),
        pytest.param(cast.PASSWORD, NEW, NEW + "x", id="not the same twice"),
        pytest.param(cast.PASSWORD, "short", "short", id="short"),
        pytest.param(cast.PASSWORD, "password1234", "password1234", id="common"),
    ],
)
def test_refuses_with_a_sentence(old: str, new: str, again: str) -> None:
    alice = cast.alice()
    response = change(cast.signed_in(alice), old, new, again)
    assert response.status_code == 400
    assert response.context["form"].errors
    alice.refresh_from_db()
    assert alice.check_password(cast.PASSWORD)


def test_a_hospital_account_has_no_password_here() -> None:
    alice = cast.alice()
    alice.set_unusable_password()
    alice.save()
    visitor = cast.signed_in(alice)
    assert "hospital account" in visitor.get(ACCOUNT).content.decode()
    assert change(visitor, "", NEW).status_code == 403


def test_each_field_says_which_password_it_takes() -> None:
    page = cast.signed_in(cast.alice()).get(ACCOUNT).content.decode()
    labels = re.findall(r"<label[^>]*>([^<]+)</label>", page)
    assert labels == ["Your password now", "New password", "New password, once more"]
    assert "Doctor. Uploads scans and reads own results." in page
