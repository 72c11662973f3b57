"""Working down the list: each result leads to the next one that its owner has not opened."""

from __future__ import annotations

import re

from django.test import Client

from detection.models import Scan, User
from ml.findings import Verdict
from tests import cast, rows


def leads_to(browser: Client, scan: Scan) -> str | None:
    page = browser.get(f"/scans/{scan.id}/").content.decode()
    found = re.search(r'<a href="/scans/([0-9a-f-]{36})/" rel="next">Next unread: ([^<]+)</a>', page)
    assert (found is None) == ("Next unread" not in page)
    return found and found.group(2)


def done(owner: User, reference: str, verdict: Verdict = Verdict.TUMOUR) -> Scan:
    return rows.done(owner, verdict, reference=reference)[0]


def test_down_the_list_then_from_its_top_until_none_is_left(alice: Client, owner: User) -> None:
    oldest, middle, newest = (done(owner, reference) for reference in ("oldest", "middle", "newest"))
    assert leads_to(alice, middle) == "oldest"
    assert leads_to(alice, oldest) == "newest"
    assert leads_to(alice, newest) is None


def test_a_refused_one_has_to_be_read_too_and_one_in_progress_not_yet(alice: Client, owner: User) -> None:
    rows.study(owner, reference="waits")
    done(owner, "refused", Verdict.REFUSED)
    assert leads_to(alice, done(owner, "first")) == "refused"


def test_it_is_never_another_doctors(alice: Client, owner: User) -> None:
    done(cast.bob(), "bobs")
    assert leads_to(alice, done(owner, "alices")) is None


def test_a_reviewer_has_no_such_list(owner: User) -> None:
    first, _ = done(owner, "first"), done(owner, "second")
    assert leads_to(cast.signed_in(cast.rita()), first) is None
