"""Who may do what: every address x everybody, as a table. An address without a row fails.

Each row: anonymous, the owner (a doctor), another doctor, a reviewer, an administrator.
302 for anonymous leads to sign-in; 404 for another doctor, who must not learn that the scan exists.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from detection.models import Scan
from detection.models.delivery import Recipient
from detection.uploads.services import SmsRequest
from ml.findings import Verdict
from tests import cast, rows

pytestmark = pytest.mark.django_db

EVERYBODY = ("anonymous", "owner", "other doctor", "reviewer", "administrator")
# method, name: status for each of EVERYBODY
TABLE: dict[tuple[str, str], tuple[int, int, int, int, int]] = {
    ("GET", "home"): (302, 302, 302, 302, 302),
    ("GET", "healthz"): (200, 200, 200, 200, 200),
    ("GET", "readyz"): (503, 503, 503, 503, 503),  # no worker lives in this test
    ("GET", "login"): (200, 302, 302, 302, 302),
    ("POST", "login"): (200, 302, 302, 302, 302),
    ("GET", "logout"): (405, 405, 405, 405, 405),
    ("POST", "logout"): (302, 302, 302, 302, 302),
    ("GET", "account"): (302, 200, 200, 200, 200),
    ("POST", "account"): (302, 400, 400, 400, 400),
    # Auth0 is not configured in this test; tests/accounts/test_auth0.py has it on.
    ("GET", "social:begin"): (404, 302, 302, 302, 302),
    ("GET", "social:complete"): (404, 302, 302, 302, 302),
    ("POST", "social:begin"): (405, 405, 405, 405, 405),
    ("POST", "social:complete"): (405, 405, 405, 405, 405),
    ("GET", "scans"): (302, 200, 200, 200, 200),
    ("POST", "scans"): (302, 303, 303, 303, 303),  # a search: its words stay out of addresses
    ("GET", "help"): (302, 200, 200, 200, 200),
    ("GET", "new_scan"): (302, 200, 200, 403, 200),
    ("POST", "new_scan"): (302, 400, 400, 403, 400),  # without a file
    ("GET", "study"): (302, 200, 404, 200, 200),
    ("GET", "scan"): (302, 200, 404, 200, 200),
    ("GET", "scan_status"): (302, 200, 404, 200, 200),
    ("GET", "scan_result"): (302, 200, 404, 200, 200),
    ("GET", "scan_comparison"): (302, 200, 404, 200, 200),
    ("GET", "scan_thumbnail"): (302, 200, 404, 200, 200),
    ("GET", "export"): (302, 200, 404, 200, 200),
    ("GET", "slice_image"): (302, 200, 404, 200, 200),
    ("GET", "slice_mask"): (302, 200, 404, 200, 200),
    ("GET", "slice_thumbnail"): (302, 200, 404, 200, 200),
    ("GET", "scan_volume"): (302, 200, 404, 200, 200),
    ("GET", "scan_voxels"): (302, 200, 404, 200, 200),
    ("GET", "scan_mask_voxels"): (302, 200, 404, 200, 200),
    ("GET", "scan_heat_voxels"): (302, 404, 404, 404, 404),  # this analysis made none
    ("GET", "measurements"): (302, 200, 404, 200, 200),
    ("POST", "measurements"): (302, 400, 404, 403, 400),  # without a drawing
    ("GET", "measurement"): (302, 405, 405, 405, 405),
    ("POST", "measurement"): (302, 200, 404, 403, 403),  # its author's alone
    ("DELETE", "measurement"): (302, 200, 404, 403, 403),
    ("GET", "analyse_again"): (302, 405, 405, 405, 405),
    ("POST", "analyse_again"): (302, 303, 404, 403, 303),
    ("GET", "correct_sequence"): (302, 405, 405, 405, 405),
    ("POST", "correct_sequence"): (302, 303, 404, 403, 303),
    ("GET", "release_study"): (302, 405, 405, 405, 405),
    ("POST", "release_study"): (302, 303, 404, 403, 303),
    ("GET", "send_again"): (302, 405, 405, 405, 405),
    ("POST", "send_again"): (302, 303, 404, 403, 303),
    ("GET", "withdraw_message"): (302, 405, 405, 405, 405),
    ("POST", "withdraw_message"): (302, 303, 404, 403, 303),
}

# Django admin by pattern: every list, page and form of every kind of row.
CLINICAL = ("study", "scan", "analysis", "storedfile", "delivery", "measurement")
ADMIN_PAGES: dict[str, tuple[int, int, int, int, int]] = {
    "index": (302, 403, 403, 200, 200),
    "login": (302, 403, 403, 302, 302),
    "logout": (302, 403, 403, 307, 307),
    "autocomplete": (302, 403, 403, 403, 403),  # no list here has such a field
    "app_list": (302, 403, 403, 200, 200),
    "password_change": (302, 403, 403, 200, 200),
    "password_change_done": (302, 403, 403, 200, 200),
    "jsi18n": (302, 403, 403, 200, 200),
}
ADMINISTRATORS_ONLY = (302, 403, 403, 403, 200)
NEITHER = (302, 403, 403, 403, 403)


def names(patterns: list[URLPattern | URLResolver], namespace: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from names(pattern.url_patterns, inner)
        elif namespace != "admin:":
            yield f"{namespace}{pattern.name}"


@pytest.fixture
def scan() -> Scan:
    (made,) = rows.done(cast.alice(), Verdict.TUMOUR, sms=SmsRequest("+447700900123", Recipient.PATIENT, consent=True))
    rows.ruler(made, [[1.0, 1.0], [4.0, 5.0]])
    return made


def visitor(who: str) -> Client:
    from detection.models import User

    if who == "anonymous":
        return Client()
    if who == "owner":
        return cast.signed_in(User.objects.get(username="alice"))
    return cast.signed_in({"other doctor": cast.bob, "reviewer": cast.rita, "administrator": cast.ada}[who]())


def address(name: str, scan: Scan) -> str:
    arguments: dict[str, tuple[object, ...]] = {
        "study": (scan.study_id,),
        "release_study": (scan.study_id,),
        "send_again": (scan.study.deliveries.get().pk,),
        "withdraw_message": (scan.study.deliveries.get().pk,),
        **dict.fromkeys(
            (
                "scan",
                "scan_status",
                "scan_result",
                "scan_comparison",
                "scan_thumbnail",
                "analyse_again",
                "correct_sequence",
            ),
            (scan.pk,),
        ),
        **dict.fromkeys(
            ("scan_volume", "scan_voxels", "scan_mask_voxels", "scan_heat_voxels", "measurements"), (scan.pk,)
        ),
        "measurement": (scan.pk, scan.measurements.get().pk),
        **dict.fromkeys(("slice_image", "slice_mask", "slice_thumbnail"), (scan.pk, 0)),
        "export": (scan.pk, "masks.zip"),
        "social:begin": ("auth0",),
        "social:complete": ("auth0",),
    }
    return reverse(name, args=arguments.get(name, ()))


def test_every_address_has_a_row() -> None:
    known = {name for _, name in TABLE}
    addresses = set(names(get_resolver().url_patterns))
    assert addresses - known == set(), "give the new address a row in TABLE"
    assert known - addresses == set(), "a row without an address"


@pytest.mark.parametrize(("method", "name"), TABLE, ids=[f"{method} {name}" for method, name in TABLE])
@pytest.mark.parametrize("who", EVERYBODY)
def test_address(scan: Scan, method: str, name: str, who: str) -> None:
    response = visitor(who).generic(method, address(name, scan))
    assert response.status_code == TABLE[method, name][EVERYBODY.index(who)]
    if who == "anonymous" and response.status_code == 302 and name not in ("home", "logout"):
        assert response["Location"].startswith("/accounts/login/?next=")


def test_every_admin_page_without_a_row_is_of_a_known_kind() -> None:
    kinds = {"changelist", "add", "change", "delete", "history"}
    others = {"view_on_site", "auth_user_password_change", None, *ADMIN_PAGES}
    prefixes = {f"{model._meta.app_label}_{model._meta.model_name}_": model for model in admin.site._registry}
    for pattern in _admin_patterns(get_resolver().url_patterns):
        if pattern.name in others:
            continue
        prefix = next((prefix for prefix in prefixes if (pattern.name or "").startswith(prefix)), None)
        assert prefix is not None, pattern.name
        assert str(pattern.name).removeprefix(prefix) in kinds, pattern.name


def _admin_patterns(patterns: list[URLPattern | URLResolver], inside: bool = False) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _admin_patterns(pattern.url_patterns, inside or pattern.namespace == "admin")
        elif inside:
            yield pattern


@pytest.mark.parametrize("door", ADMIN_PAGES)
@pytest.mark.parametrize("who", EVERYBODY)
def test_admin_page(scan: Scan, door: str, who: str) -> None:
    arguments = ("detection",) if door == "app_list" else ()
    response = visitor(who).get(reverse(f"admin:{door}", args=arguments))
    assert response.status_code == ADMIN_PAGES[door][EVERYBODY.index(who)]


@pytest.mark.parametrize(
    "row", sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry)
)
@pytest.mark.parametrize("who", EVERYBODY)
def test_admin_records(scan: Scan, row: str, who: str) -> None:
    clinical = row in {f"detection_{name}" for name in CLINICAL}
    place = EVERYBODY.index(who)
    client = visitor(who)
    seen = (302, 403, 403, 200, 200) if clinical else ADMINISTRATORS_ONLY
    assert client.get(reverse(f"admin:{row}_changelist")).status_code == seen[place]
    makes = ADMINISTRATORS_ONLY if row == "detection_user" else NEITHER
    assert client.get(reverse(f"admin:{row}_add")).status_code == makes[place]
    model = next(model for model in admin.site._registry if f"{model._meta.app_label}_{model._meta.model_name}" == row)
    one = model._default_manager.first()
    if one is None:
        return
    assert client.get(reverse(f"admin:{row}_change", args=[one.pk])).status_code == seen[place]
    assert client.get(reverse(f"admin:{row}_history", args=[one.pk])).status_code == seen[place]
    assert client.post(reverse(f"admin:{row}_delete", args=[one.pk]), {"post": "yes"}).status_code == NEITHER[place]
    assert model._default_manager.filter(pk=one.pk).exists()


@pytest.mark.parametrize("who", EVERYBODY)
def test_setting_somebodys_password(scan: Scan, who: str) -> None:
    response = visitor(who).get(reverse("admin:auth_user_password_change", args=[scan.owner_id]))
    assert response.status_code == ADMINISTRATORS_ONLY[EVERYBODY.index(who)]
