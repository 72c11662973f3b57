"""The result page: one sentence for each verdict, its numbers, its pictures, and nobody else's."""

from __future__ import annotations

import io
import itertools
import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from detection.analysis import services as analysis_services
from detection.models import Analysis, Scan, User, Worker
from detection.models.worker import Purpose
from ml.findings import Verdict
from tests import cast, rows

LIMITS = ("nothing_below", "tumour_from")


def page(browser: Client, scan: Scan, query: str = "") -> str:
    return " ".join(browser.get(f"/scans/{scan.id}/{query}").content.decode().split())


@pytest.mark.parametrize(
    ("verdict", "sentences"),
    [
        (Verdict.TUMOUR, ["Suspicious for tumour</b>, probability 93%:", "of 100 such scans, 93 had a tumour."]),
        (
            Verdict.NO_TUMOUR,
            [
                "Nothing above threshold</b>: this does not exclude a tumour.",
                "Probability 4%: of 100 such scans, 4 had a tumour all the same.",
                "This is not an all-clear.",
            ],
        ),
        (
            Verdict.UNCERTAIN,
            [
                "Uncertain</b>, probability 41%:",
                "The probability lies between the two thresholds.",
                "Read this scan as if no AI had been used.",
            ],
        ),
        (Verdict.REFUSED, ["Refused, no answer given</b>:", "This is not an MRI of a brain."]),
    ],
)
def test_each_verdict_has_its_sentence_and_reason(
    alice: Client, owner: User, verdict: Verdict, sentences: list[str]
) -> None:
    (scan,) = rows.done(owner, verdict)
    shown = page(alice, scan)
    for sentence in [*sentences, "Research use only. Assists a clinician, does not diagnose."]:
        assert sentence in shown
    assert ("of 100 had a tumour" in shown) is (verdict is not Verdict.REFUSED)


@pytest.mark.parametrize(("share", "said"), [(0.001, "fewer than 1 had"), (0.999, "more than 99 had")])
def test_no_probability_is_a_certainty(alice: Client, owner: User, share: float, said: str) -> None:
    study = rows.study(owner)
    (scan,) = rows.analysed(study, Verdict.TUMOUR, probability=share)
    shown = page(alice, scan)
    assert said in shown
    assert "probability 0%" not in shown
    assert "probability 100%" not in shown


def test_a_picture_without_spacing_is_measured_in_pixels_only(alice: Client, owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    shown = page(alice, scan)
    assert "pixels" in shown
    assert "in mm² not computable: no pixel spacing" in shown
    assert re.search(r"\d (mm|ml)", shown) is None
    assert "Left and right may be swapped." in shown
    assert "No R or L is shown" in shown
    assert rows.MODEL.version in shown
    assert "0.4 s" in shown


def test_a_series_has_a_strip_of_links_that_work_without_script(alice: Client, owner: User) -> None:
    (scan,) = rows.analysed(rows.study(owner, pictures=4, as_series=True), Verdict.TUMOUR)
    shown = page(alice, scan, "?slice=3")
    assert [f'href="?slice={number}"' in shown for number in (1, 2, 3, 4)] == [True] * 4
    assert "Slice 3 of 4" in shown
    assert f"/scans/{scan.id}/slices/2/image.png" in shown
    for odd in ("?slice=99", "?slice=-1", "?slice=x", "?slice=٣"):
        assert alice.get(f"/scans/{scan.id}/{odd}").status_code == 200


class TestWhereASeriesWithoutALesionOpens:
    """Slices under the lower threshold hold nothing, as far as the model can tell: then the middle is shown."""

    def opened(self, browser: Client, owner: User, *shares: float) -> str:
        (scan,) = rows.analysed(rows.study(owner, pictures=len(shares), as_series=True), Verdict.NO_TUMOUR)
        found = scan.current_analysis.findings or {}
        slices = [{**each, "tumour_probability": share} for each, share in zip(found["slices"], shares, strict=True)]
        limits = {"nothing_below": 0.2, "tumour_from": 0.6}
        Analysis.objects.filter(scan=scan).update(findings={**found, "slices": slices, "slice_thresholds": limits})
        return page(browser, scan)

    def test_on_the_likeliest_and_says_so(self, alice: Client, owner: User) -> None:
        shown = self.opened(alice, owner, 0.01, 0.3, 0.05, 0.02, 0.02)
        assert "Slice 2 of 5" in shown
        assert 'opens on the likeliest, <a href="?slice=2">slice 2</a>' in shown

    def test_in_the_middle_where_no_slice_says_anything(self, alice: Client, owner: User) -> None:
        shown = self.opened(alice, owner, 0.19, 0.01, 0.05, 0.02, 0.02)
        assert "Slice 3 of 5" in shown
        assert "likeliest" not in shown


def test_while_it_waits_the_page_asks_again(alice: Client, owner: User) -> None:
    scan = rows.study(owner).scans.get()
    shown = page(alice, scan)
    assert f'data-url="/scans/{scan.id}/status.json"' in shown
    assert '<noscript><meta http-equiv="refresh"' in shown
    status = alice.get(f"/scans/{scan.id}/status.json").json()
    assert (status["state"], status["progress"], status["verdict"], status["tumour_probability"]) == (
        "queued",
        0.0,
        None,
        None,
    )
    assert alice.get(f"/scans/{scan.id}/result.json").status_code == 409


def test_after_a_while_without_a_worker_the_page_says_so(alice: Client, owner: User) -> None:
    scan = rows.study(owner).scans.get()
    Analysis.objects.filter(scan=scan).update(queued_at=timezone.now() - timedelta(minutes=5))
    sentence = "No analysis worker answers at the moment."
    assert sentence in page(alice, scan)
    assert alice.get(f"/scans/{scan.id}/status.json").json()["state"] == "queued"
    Worker.objects.create(name="worker-1", purpose=Purpose.ANALYSIS, heartbeat_at=timezone.now(), ready=True)
    assert sentence not in page(alice, scan)


def test_a_failed_analysis_says_why_and_can_be_tried_again(alice: Client, owner: User) -> None:
    scan = rows.study(owner).scans.get()
    (claimed,) = analysis_services.claim(worker="w", limit=1)
    analysis_services.fail(claimed, "The server ran out of memory.")
    shown = page(alice, scan)
    assert "so nothing was decided about this scan." in shown
    assert "The server ran out of memory." in shown
    assert f'action="/scans/{scan.id}/analyses/"' in shown


def test_status_and_result_follow_the_contract(alice: Client, owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    status = alice.get(f"/scans/{scan.id}/status.json").json()
    assert (status["state"], status["progress"], status["verdict"], status["tumour_probability"]) == (
        "done",
        1.0,
        "tumour",
        0.93,
    )
    result = alice.get(f"/scans/{scan.id}/result.json").json()
    assert {"input", "kind", "verdict", "reason", "tumour_probability", "compartment", "lesions", "slices"} <= set(
        result
    )
    assert result["slices"][0]["mask"] == f"/scans/{scan.id}/slices/0/mask.png"
    assert "/tmp" not in str(result)


def test_pictures_are_private_files_of_the_slices_size(alice: Client, owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    for name in ("slices/0/mask.png", "slices/0/image.png", "slices/0/thumbnail.png", "thumbnail.png"):
        answer = alice.get(f"/scans/{scan.id}/{name}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        assert answer["Cache-Control"].startswith("private")
        again = alice.get(f"/scans/{scan.id}/{name}", headers={"if-none-match": answer["ETag"]})
        assert again.status_code == 304
    mask = Image.open(io.BytesIO(b"".join(alice.get(f"/scans/{scan.id}/slices/0/mask.png"))))
    assert mask.size == (rows.SIDE, rows.SIDE)
    assert {value for _, value in mask.getcolors()} == {0, 255}
    assert alice.get(f"/scans/{scan.id}/slices/7/mask.png").status_code == 404


@pytest.mark.parametrize("rest", ["", "status.json", "result.json", "thumbnail.png", "slices/0/mask.png"])
def test_another_doctors_scan_does_not_exist(owner: User, rest: str) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    bob = cast.signed_in(cast.bob())
    assert bob.get(f"/scans/{scan.id}/{rest}").status_code == 404
    assert bob.get(f"/scans/{uuid.uuid4()}/{rest}").status_code == 404
    assert bob.get(f"/studies/{scan.study_id}/").status_code == 404


def test_opening_counts_for_the_owner_only(alice: Client, owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    page(cast.signed_in(cast.rita()), scan)
    scan.refresh_from_db()
    assert scan.opened_at is None
    page(alice, scan)
    scan.refresh_from_db()
    assert scan.opened_at is not None


def test_a_study_lists_its_scans(alice: Client, owner: User) -> None:
    scans = rows.done(owner, Verdict.TUMOUR, Verdict.REFUSED)
    shown = " ".join(alice.get(f"/studies/{scans[0].study_id}/").content.decode().split())
    for scan in scans:
        assert f"/scans/{scan.id}/" in shown
    assert "Suspicious for tumour" in shown


def test_no_page_carries_script_or_style_of_its_own(alice: Client, owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    for address in (f"/scans/{scan.id}/", "/scans/", "/scans/new/", "/help/", f"/studies/{scan.study_id}/"):
        answer = alice.get(address)
        shown = answer.content.decode()
        assert answer.status_code == 200
        assert " style=" not in shown
        assert "<style" not in shown
        assert " onclick=" not in shown
        assert shown.count("<script") == shown.count("<script src=")
        assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_words_of_a_hostile_reference_stay_text(alice: Client, owner: User) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR, reference="<script>alert(1)</script>")
    assert "<script>alert" not in page(alice, scan)


@pytest.mark.parametrize(("probability", "lit"), [(0.41, 1), (0.08, 0)], ids=["between the thresholds", "below both"])
def test_the_scale_lights_no_stretch_that_an_uncertain_probability_is_not_in(
    db: None, probability: float, lit: int
) -> None:
    """Two networks that disagree make a scan uncertain whatever its score."""
    alice = cast.alice()
    (scan,) = rows.analysed(rows.study(alice), Verdict.UNCERTAIN, probability=probability)
    assert page(cast.signed_in(alice), scan).count('<rect class="on"') == lit


@pytest.mark.parametrize(
    ("limits", "numbers"),
    [
        ((0.3, 0.7), ["30%", "70%", "0", "100"]),
        ((0.019, 0.73), ["1.9%", "73%", "100"]),
        ((0.3, 0.97), ["30%", "97%", "0"]),
    ],
    ids=["both well within", "the lower near nothing", "the upper near everything"],
)
def test_no_number_of_the_scale_runs_into_another(
    alice: Client, owner: User, limits: tuple[float, float], numbers: list[str]
) -> None:
    (scan,) = rows.done(owner, Verdict.TUMOUR)
    found = {**(scan.current_analysis.findings or {}), "thresholds": dict(zip(LIMITS, limits, strict=True))}
    Analysis.objects.filter(scan=scan).update(findings=found)
    shown = page(alice, scan)
    scale = shown[shown.index('class="scale"') : shown.index('class="dots"')]
    told = re.findall(r'<text x="([\d.]+)" y="54"(?: text-anchor="(\w+)")?>([^<]+)<', scale)
    assert [text for _, _, text in told] == numbers
    ends = sorted(_ends(float(x), anchor or "start", text) for x, anchor, text in told)
    assert all(left[1] + 8 < right[0] for left, right in itertools.pairwise(ends))
    assert ends[0][0] >= 0
    assert ends[-1][1] <= 288


def _ends(x: float, anchor: str, text: str) -> tuple[float, float]:
    """From where to where a figure of 13 units is drawn: about 7.5 wide a character."""
    wide = 7.5 * len(text)
    start = {"start": x, "middle": x - wide / 2, "end": x - wide}[anchor]
    return start, start + wide
