"""The list: newest first, own scans only, paged by keyset, searched and filtered in a constant number of queries."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from PIL import Image

from detection import searches, storage
from detection.models import Scan, User
from detection.scans import listing
from ml.findings import Verdict
from tests import cast, rows

URL = "/scans/"


def shown(browser: Client, query: str = "") -> list[str]:
    return [row.scan.study.patient_reference for row in browser.get(URL + query).context["rows"]]


def test_without_scans_there_is_a_way_to_begin(alice: Client) -> None:
    page = alice.get(URL).content.decode()
    assert "No scans yet" in page
    assert 'href="/scans/new/"' in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?tab=to-read", "Nothing to read"),
        ("?tab=attention", "Nothing needs attention"),
        ("?tab=released", "Nothing released"),
        ("?verdict=refused", "No scan matches"),
        ("?tab=released&verdict=tumour", "No scan matches"),
    ],
)
def test_an_empty_list_says_what_its_emptiness_means(alice: Client, owner: User, query: str, words: str) -> None:
    rows.study(owner)
    assert f"<h2>{words}</h2>" in alice.get(URL + query).content.decode()


def test_a_reviewer_is_not_told_to_upload(owner: User) -> None:
    page = cast.signed_in(cast.rita()).get(URL).content.decode()
    assert "What doctors upload is listed here." in page
    assert "only the scans of their own uploads" not in page


def test_newest_first_and_own_only(alice: Client, owner: User) -> None:
    for reference in ("first", "second"):
        rows.study(owner, reference=reference)
    rows.study(cast.bob(), reference="bobs")
    assert shown(alice) == ["second", "first"]
    assert shown(cast.signed_in(cast.rita())) == ["bobs", "second", "first"]


def test_paging_meets_every_scan_once_both_ways(alice: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(5):
        rows.study(owner, reference=f"r{number}")
    first = alice.get(URL)
    second = alice.get(f"{URL}?{first.context['page'].older}")
    third = alice.get(f"{URL}?{second.context['page'].older}")
    pages = [[row.scan.study.patient_reference for row in page.context["rows"]] for page in (first, second, third)]
    assert pages == [["r4", "r3"], ["r2", "r1"], ["r0"]]
    assert (first.context["page"].newer, third.context["page"].older) == ("", "")
    back = alice.get(f"{URL}?{third.context['page'].newer}")
    assert [row.scan.study.patient_reference for row in back.context["rows"]] == ["r2", "r1"]


@pytest.mark.parametrize(
    "broken", ["?after=x", "?before=2026_1", "?verdict=maybe", "?tab=x&state=y", "?search=%00", "?search=x"]
)
def test_a_broken_address_shows_the_first_page(alice: Client, owner: User, broken: str) -> None:
    rows.study(owner, reference="only")
    assert shown(alice, broken) == ["only"]


def searched(browser: Client, words: str, **chosen: str) -> list[str]:
    answer = browser.post(URL, {"q": words, **chosen}, follow=True)
    assert answer.redirect_chain[0][1] == 303
    return [row.scan.study.patient_reference for row in answer.context["rows"]]


def test_search_finds_reference_file_name_and_id(alice: Client, owner: User) -> None:
    rows.study(owner, reference="PX-KNEE-1")
    wanted = rows.study(owner, reference="PX-HEAD-2")
    assert searched(alice, "head-2") == ["PX-HEAD-2"]
    assert len(searched(alice, "slice-000")) == 2
    assert searched(alice, str(Scan.objects.get(study=wanted).id)) == ["PX-HEAD-2"]
    assert searched(alice, "nobody") == []
    assert searched(alice, "\0 ") == ["PX-HEAD-2", "PX-KNEE-1"]


def test_no_address_holds_what_was_searched_for(alice: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 1)
    for number in range(3):
        rows.study(owner, reference=f"Erika Mustermann {number}")
    found = alice.post(URL, {"q": "Mustermann", "state": "running"}, follow=True)
    page = found.context["page"]
    addresses = [found.redirect_chain[0][0], page.older, *(query for query, *_ in found.context["tabs"])]
    assert not any("Muster" in address for address in addresses)
    assert "state=running" in addresses[0]
    assert shown(alice, f"?{page.older}") == ["Erika Mustermann 1"]
    assert 'value="Mustermann"' in found.content.decode()
    # Searching for the same again makes no second address, so that a reload or a bookmark of the session stays right.
    assert alice.post(URL, {"q": "Mustermann", "state": "running"})["Location"] == addresses[0]


def test_a_search_is_its_own_sessions(alice: Client, owner: User) -> None:
    rows.study(owner, reference="one")
    rows.study(owner, reference="two")
    address = alice.post(URL, {"q": "one"})["Location"]
    assert shown(cast.signed_in(owner), address.removeprefix(URL)) == ["two", "one"]


def test_a_session_keeps_its_last_searches(alice: Client, owner: User) -> None:
    rows.study(owner, reference="one")
    first = alice.post(URL, {"q": "nothing"})["Location"].removeprefix(URL)
    for number in range(searches.KEPT):
        alice.post(URL, {"q": f"other {number}"})
    assert shown(alice, first) == ["one"]


def test_filters_and_tabs(alice: Client, owner: User) -> None:
    for verdict in Verdict:
        rows.done(owner, verdict, reference=verdict.value)
    rows.study(owner, reference="waiting")
    for verdict in Verdict:
        assert shown(alice, f"?verdict={verdict.value}") == [verdict.value]
    assert shown(alice, "?state=running") == ["waiting"]
    assert shown(alice, "?tab=attention") == ["refused"]
    assert len(shown(alice, "?tab=to-read")) == 4
    assert len(shown(alice, "?uploaded=day")) == 5
    counts = {label: number for _, label, number, _ in alice.get(URL).context["tabs"]}
    assert counts == {"All": 5, "To read": 4, "Needs attention": 1, "Released": 0}


def test_a_longer_list_costs_no_more_queries(alice: Client, owner: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert alice.get(URL).status_code == 200
        return len(seen)

    rows.done(owner)
    few = queries()
    for _ in range(12):
        rows.done(owner)
    assert queries() == few <= 8


def test_a_row_says_verdict_and_probability(alice: Client, owner: User) -> None:
    rows.done(owner, Verdict.TUMOUR)
    page = alice.get(URL).content.decode()
    assert "Suspicious for tumour" in page
    assert "93%" in page
    assert "thumbnail.png" in page


def orange(picture: bytes) -> int:
    """Pixels in the machine's own colour."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    return int(((pixels[..., 0] > 200) & (pixels[..., 2] < 120)).sum())


def test_a_thumbnail_carries_the_outline(alice: Client, owner: User) -> None:
    tumour, nothing = rows.done(owner, Verdict.TUMOUR, Verdict.NO_TUMOUR)
    assert orange(b"".join(alice.get(f"/scans/{tumour.pk}/thumbnail.png"))) > 20
    assert orange(b"".join(alice.get(f"/scans/{nothing.pk}/thumbnail.png"))) == 0


def test_where_pictures_come_bare_the_list_shows_no_outline(alice: Client, owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    with override_settings(CONFIG=settings.CONFIG.model_copy(update={"overlay_first": False})):
        assert orange(b"".join(alice.get(f"/scans/{scan.pk}/thumbnail.png"))) == 0


def test_a_run_from_before_outlines_has_its_plain_thumbnail(alice: Client, owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    storage.derived_path(scan.current_analysis.pk, "thumbnail-outlined.png").unlink()
    answer = alice.get(f"/scans/{scan.pk}/thumbnail.png")
    assert answer.status_code == 200
    assert orange(b"".join(answer)) == 0
