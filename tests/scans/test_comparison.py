"""A scan beside the same patient's earlier one: what changed, whether that says anything, and never another patient."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.test import Client

from detection import words
from detection.models import Scan, Study, User
from ml import change
from ml.findings import Compartment
from ml.imaging.volume import Spacing
from tests import cast, rows
from tests.scans import visits

SMALLER = visits.ball(slices=6, first=1, last=3, row=30, column=22, radius=5.0)


@pytest.fixture
def repeatability(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured for the tests' model: 10 % within patients, so 24 % less or 32 % more is a change."""
    numbers = {"model_version": rows.MODEL.version, "method": "Simulated repeats.", "compartments": {}}
    numbers["compartments"] = {"flair_abnormality": {"within": 0.1, "patients": 21}}
    (tmp_path / change.FILE).write_text(json.dumps(numbers))
    real = change.smallest_change
    monkeypatch.setattr(
        "detection.scans.comparison.smallest_change", lambda version, kind: real(version, kind, tmp_path)
    )


def of_patient(scan: Scan, *, pseudonym: str = "", acquired_on: date | None = None, days_ago: int = 0) -> Scan:
    """The scan's study as DICOM files of a patient would have made it; its upload so long ago."""
    Study.objects.filter(pk=scan.study_id).update(patient_pseudonym=pseudonym, acquired_on=acquired_on)
    Scan.objects.filter(pk=scan.pk).update(created_at=scan.created_at - timedelta(days=days_ago))
    return Scan.objects.with_result().get(pk=scan.pk)


def page(browser: Client, scan: Scan, query: str = "") -> str:
    return " ".join(browser.get(f"/scans/{scan.id}/{query}").content.decode().split())


def compared(browser: Client, scan: Scan, query: str = "") -> dict:
    return browser.get(f"/scans/{scan.id}/comparison.json{query}").json()


@pytest.mark.usefixtures("repeatability")
def test_growth_beyond_the_smallest_detectable_change_is_told_in_ml_and_percent(alice: Client, owner: User) -> None:
    earlier = visits.visit(owner, SMALLER, interval=(3.9, 5.6))
    later = visits.visit(owner, visits.large(), first_picture=1, interval=(6.5, 9.0))
    shown = page(alice, later)
    assert "+2.9 ml, +59%" in shown
    assert "larger by more than simulated repeats of one scan gave (between −24.2% and +31.9%; a real repeat" in shown
    assert f'href="/scans/{earlier.id}/"' in shown
    assert "4.9 ml<small>3.9 to 5.6 ml</small>" in shown
    found = compared(alice, later)["comparison"]
    assert (found["change_ml"], found["change_percent"]) == pytest.approx((2.88, 59), abs=0.001)
    assert found["smallest_detectable_change_percent"] == pytest.approx([-24.2, 31.9], abs=0.1)
    assert found["detectable"] is True
    assert found["earlier"]["scan"] == str(earlier.id)


@pytest.mark.usefixtures("repeatability")
def test_a_small_change_is_no_change(alice: Client, owner: User) -> None:
    visits.visit(owner, visits.ball(slices=6, first=1, last=3, row=30, column=22, radius=6.1))
    later = visits.visit(owner, visits.large(), first_picture=1)
    found = compared(alice, later)["comparison"]
    assert 0 < found["change_percent"] < 31.9
    assert found["detectable"] is False
    assert "No change that can be told from simulated repeats of one scan" in page(alice, later)


def test_other_slices_and_other_series_are_warned_of(alice: Client, owner: User) -> None:
    visits.visit(owner, SMALLER, spacing=Spacing(5.0, 2.0, 2.0))
    like = visits.visit(owner, visits.large(), first_picture=1, spacing=Spacing(5.2, 2.0, 2.0))
    notes = " ".join(compared(alice, like)["comparison"]["notes"])
    assert "slices lie" not in notes
    assert "kinds of series" not in notes
    thin = visits.visit(owner, visits.large(), first_picture=2, spacing=Spacing(1.0, 2.0, 2.0))
    Scan.objects.filter(pk=like.pk).update(sequence="FLAIR")
    Scan.objects.filter(pk=thin.pk).update(fused_flair=like.pk)
    notes = compared(alice, thin)["comparison"]["notes"]
    assert any("Their slices lie" in note and f"and 1{words.NBSP}mm apart" in note for note in notes)
    assert any("not read from the same kinds of series" in note for note in notes)


def test_where_the_smallest_change_was_not_measured_nothing_is_claimed(alice: Client, owner: User) -> None:
    visits.visit(owner, SMALLER)
    later = visits.visit(owner, visits.large(), first_picture=1)
    found = compared(alice, later)["comparison"]
    assert found["change_percent"] == 59
    assert (found["smallest_detectable_change_percent"], found["detectable"]) == (None, None)
    assert "The smallest detectable change is not known" in page(alice, later)


def test_two_kinds_of_outline_are_never_compared(alice: Client, owner: User) -> None:
    visits.visit(owner, SMALLER, compartment=Compartment.CONTRAST_ENHANCING_TUMOUR)
    later = visits.visit(owner, visits.large(), first_picture=1)
    sentence = (
        "Not compared: one outline is the contrast-enhancing tumour, the other the FLAIR abnormality."
        " These are two different things."
    )
    assert sentence in page(alice, later)
    found = compared(alice, later)["comparison"]
    assert (found["refused"], found["change_ml"], found["change_percent"]) == (sentence, None, None)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"spacing": None}, "Not compared: no volume is known of the earlier scan"),
        ({"mask": SMALLER & False}, "Not compared: nothing is outlined on the earlier scan"),
        ({"version": "0.9"}, "analysed by different versions of the model (0.9, then 2026.1-test)"),
    ],
)
def test_what_cannot_be_compared_says_why(alice: Client, owner: User, answer: dict, sentence: str) -> None:
    visits.visit(owner, **({"mask": SMALLER} | answer))
    later = visits.visit(owner, visits.large(), first_picture=1)
    assert sentence in page(alice, later)
    assert compared(alice, later)["comparison"]["change_ml"] is None


def test_a_doubtful_kind_of_outline_is_said_beside_the_change(alice: Client, owner: User) -> None:
    visits.visit(owner, SMALLER, sure=False)
    later = visits.visit(owner, visits.large(), first_picture=1, sure=True)
    assert "What one of the outlines means is not certain." in page(alice, later)


def test_two_versions_of_the_model_offer_to_analyse_the_older_run_again(alice: Client, owner: User) -> None:
    earlier = visits.visit(owner, SMALLER, version="0.9")
    later = visits.visit(owner, visits.large(), first_picture=1)
    shown = page(alice, later)
    assert f'action="/scans/{earlier.id}/analyses/"' in shown
    assert "Analyse the earlier scan again" in shown
    assert "scan again" not in page(cast.signed_in(cast.rita()), later)


def test_days_are_those_of_the_examinations_and_uploads_are_told(alice: Client, owner: User) -> None:
    first = visits.visit(owner, SMALLER, reference="PX-A")
    later = visits.visit(owner, visits.large(), reference="PX-B", first_picture=1)
    of_patient(first, pseudonym="same", acquired_on=date(2024, 3, 9))
    later = of_patient(later, pseudonym="same", acquired_on=date(2024, 9, 1))
    shown = page(alice, later)
    assert "9 Mar 2024, examined" in shown
    assert "1 Sep 2024, examined" in shown
    assert "The files of both carry the same patient number." in shown
    of_patient(later, pseudonym="same")
    assert ", uploaded" in page(alice, later)
    assert "the day of the upload stands for it" in page(alice, later)


def test_an_examination_uploaded_later_but_made_earlier_is_the_earlier_one(alice: Client, owner: User) -> None:
    new = visits.visit(owner, visits.large(), reference="PX-A")
    old = visits.visit(owner, SMALLER, reference="PX-B", first_picture=1)
    of_patient(new, pseudonym="same", acquired_on=date(2024, 9, 1))
    of_patient(old, pseudonym="same", acquired_on=date(2023, 9, 1))
    assert compared(alice, new)["comparison"]["earlier"]["scan"] == str(old.id)
    assert compared(alice, old)["comparison"] is None


def test_the_doctor_picks_which_earlier_scan(alice: Client, owner: User) -> None:
    oldest = of_patient(visits.visit(owner, SMALLER), days_ago=200)
    latest = of_patient(visits.visit(owner, SMALLER, first_picture=1), days_ago=100)
    later = visits.visit(owner, visits.large(), first_picture=2)
    shown = page(alice, later)
    assert f'<option value="{latest.id}" selected>' in shown
    assert f'<option value="{oldest.id}" selected>' in page(alice, later, f"?earlier={oldest.id}")
    assert compared(alice, later, f"?earlier={oldest.id}")["comparison"]["earlier"]["scan"] == str(oldest.id)
    assert len(compared(alice, later)["earlier_scans"]) == 2


def test_of_one_day_the_scan_of_the_same_sequence_is_proposed(alice: Client, owner: User) -> None:
    like = of_patient(visits.visit(owner, SMALLER), acquired_on=date(2025, 1, 10))
    other = of_patient(visits.visit(owner, SMALLER, first_picture=1), acquired_on=date(2025, 1, 10))
    later = of_patient(visits.visit(owner, visits.large(), first_picture=2), acquired_on=date(2025, 7, 10))
    Scan.objects.filter(pk__in=[like.pk, later.pk]).update(sequence="T1c")
    Scan.objects.filter(pk=other.pk).update(sequence="FLAIR")
    assert compared(alice, later)["comparison"]["earlier"]["scan"] == str(like.id)
    assert len(compared(alice, later)["earlier_scans"]) == 2


class TestWhoseScans:
    def test_another_reference_is_another_patient(self, alice: Client, owner: User) -> None:
        visits.visit(owner, SMALLER, reference="PX-1")
        later = visits.visit(owner, visits.large(), reference="PX-2", first_picture=1)
        assert compared(alice, later) == {"scan": str(later.id), "earlier_scans": [], "comparison": None}
        assert "Change since an earlier scan" not in page(alice, later)

    def test_another_doctors_patient_of_the_same_reference_is_not_shown(self, owner: User) -> None:
        theirs = visits.visit(owner, SMALLER, reference="PX-1")
        bob = cast.bob()
        later = visits.visit(bob, visits.large(), reference="PX-1", first_picture=1)
        assert compared(cast.signed_in(bob), later)["earlier_scans"] == []
        # A reviewer sees both, and still nobody says that they are one patient.
        assert compared(cast.signed_in(cast.rita()), later)["earlier_scans"] == []
        assert cast.signed_in(bob).get(f"/scans/{later.id}/comparison.json?earlier={theirs.id}").status_code == 404

    def test_the_same_patient_number_joins_two_doctors_scans_for_who_may_see_both(self, owner: User) -> None:
        of_patient(visits.visit(owner, SMALLER, reference="PX-1"), pseudonym="same")
        bob = cast.bob()
        later = of_patient(visits.visit(bob, visits.large(), reference="PX-9", first_picture=1), pseudonym="same")
        assert compared(cast.signed_in(bob), later)["earlier_scans"] == []
        assert len(compared(cast.signed_in(cast.rita()), later)["earlier_scans"]) == 1

    def test_two_patient_numbers_under_one_reference_are_two_patients(self, alice: Client, owner: User) -> None:
        of_patient(visits.visit(owner, SMALLER), pseudonym="one")
        later = of_patient(visits.visit(owner, visits.large(), first_picture=1), pseudonym="other")
        assert compared(alice, later)["earlier_scans"] == []

    def test_the_same_files_again_are_no_earlier_visit(self, alice: Client, owner: User) -> None:
        visits.visit(owner, visits.large())
        again = visits.visit(owner, visits.large())
        assert compared(alice, again)["earlier_scans"] == []

    def test_pictures_have_no_volume_to_compare(self, alice: Client, owner: User) -> None:
        from ml.findings import Verdict

        rows.done(owner, Verdict.TUMOUR, reference="PX-1")
        (later,) = rows.done(owner, Verdict.TUMOUR, reference="PX-1")
        assert compared(alice, later)["comparison"] is None

    @pytest.mark.parametrize("wanted", ["x", "00000000-0000-0000-0000-000000000000", "%00"])
    def test_an_earlier_scan_that_is_none_does_not_exist(self, alice: Client, owner: User, wanted: str) -> None:
        visits.visit(owner, SMALLER)
        later = visits.visit(owner, visits.large(), first_picture=1)
        assert alice.get(f"/scans/{later.id}/comparison.json?earlier={wanted}").status_code == 404
        assert alice.get(f"/scans/{later.id}/?earlier={wanted}").status_code == 200
