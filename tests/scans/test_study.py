"""The page of one upload: a card for each scan, what was fused, and what became no scan and why."""

from __future__ import annotations

from datetime import date

from django.test import Client
from django.utils import timezone

from detection.models import Analysis, Scan, Study, User
from ml.findings import Verdict
from tests import rows


def page(browser: Client, study: Study) -> str:
    return " ".join(browser.get(f"/studies/{study.pk}/").content.decode().split())


def test_every_scan_has_a_card_with_its_verdict(alice: Client, owner: User) -> None:
    scans = rows.done(owner, Verdict.TUMOUR, Verdict.NO_TUMOUR, Verdict.REFUSED)
    shown = page(alice, scans[0].study)
    assert [f'<li id="scan-{scan.pk}"' in shown for scan in scans] == [True] * 3
    assert [f'href="/scans/{scan.pk}/"' in shown for scan in scans] == [True] * 3
    for word in (
        "Suspicious for tumour",
        "Nothing above threshold",
        "Refused",
        "93%",
        "This is not an MRI of a brain.",
    ):
        assert word in shown


def test_a_card_says_sequence_slices_and_who_says_so(alice: Client, owner: User) -> None:
    study = rows.study(owner, pictures=3, as_series=True)
    geometry = {"slices": 22, "rows": 288, "columns": 256}
    Scan.objects.filter(study=study).update(sequence="FLAIR", geometry=geometry)
    Study.objects.filter(pk=study.pk).update(acquired_on=date(2024, 3, 9))
    shown = page(alice, study)
    assert ">FLAIR</a>" in shown
    assert "As recognised. 22 slices of 288 × 256" in shown
    assert "Examined on 9 Mar 2024." in shown
    Scan.objects.filter(study=study).update(
        sequence_by_doctor="T1c", sequence_corrected_by=owner, sequence_corrected_at=timezone.now()
    )
    assert ">T1 with contrast</a>" in page(alice, study)
    assert "As a doctor corrected it." in page(alice, study)


def test_an_unknown_sequence_is_said_to_be_unknown(alice: Client, owner: User) -> None:
    assert ">Sequence not known</a>" in page(alice, rows.study(owner, pictures=3, as_series=True))


def test_pictures_of_one_upload_are_told_apart(alice: Client, owner: User) -> None:
    shown = page(alice, rows.study(owner, pictures=2))
    assert ">Picture 1</a>" in shown
    assert ">Picture 2</a>" in shown


def test_a_fused_scan_names_the_scans_that_went_in(alice: Client, owner: User) -> None:
    study = rows.study(owner, pictures=2)
    flair, post = study.scans.order_by("position")
    fused = Scan.objects.create(study=study, owner=owner, position=2, kind="series", fused_flair=flair, fused_post=post)
    fused.current_analysis = Analysis.objects.create(scan=fused)
    fused.save()
    shown = page(alice, study)
    card = shown[shown.index(f'id="scan-{fused.pk}"') :]
    assert "Before contrast: FLAIR in its place" in card
    assert f'FLAIR: <a href="/scans/{flair.pk}/">scan 1</a>' in card
    assert f'After contrast: <a href="/scans/{post.pk}/">scan 2</a>' in card
    assert "fused to one" in alice.get(f"/scans/{fused.pk}/").content.decode()


def test_what_was_set_aside_is_told_with_the_reason(alice: Client, owner: User) -> None:
    study = rows.study(owner, pictures=2)
    reason = "A localiser only finds the position: it is not analysed."
    Study.objects.filter(pk=study.pk).update(set_aside=[{"label": "Series 1 <b>", "files": 3, "reason": reason}])
    shown = page(alice, study)
    assert "Series 1 &lt;b&gt; <small>3 files, became no scan</small>" in shown
    assert reason in shown


def test_while_scans_wait_the_page_asks_again(alice: Client, owner: User) -> None:
    shown = page(alice, rows.study(owner, pictures=2))
    assert "<live-list data-live>" in shown
    assert shown.count('class="scan-card going"') == 2


def test_more_scans_cost_no_more_queries(alice: Client, owner: User) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for pictures in (2, 6):
        study = rows.study(owner, pictures=pictures)
        with CaptureQueriesContext(connection) as queries:
            page(alice, study)
        counts.append(len(queries))
    assert counts[0] == counts[1]
