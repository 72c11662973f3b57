"""Measurements: kept, moved, removed, brought back; millimetres where the file knows them; hostile drawings refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from django.test import Client

from detection.analysis import services as analysis_services
from detection.models import Analysis, AuditEntry, Measurement, Scan, User
from detection.viewer import services
from ml.findings import Verdict
from ml.imaging.volume import Orientation, Spacing, Volume
from tests import cast, rows

pytestmark = pytest.mark.django_db

RULER = {"kind": "ruler", "plane": "axial", "slice": 1, "points": [[10, 10], [13, 14]]}
AREA = {"kind": "area", "plane": "axial", "slice": 0, "points": [[0, 0], [10, 0], [10, 10], [0, 10]]}
ANGLE = {"kind": "angle", "plane": "axial", "slice": 0, "points": [[0, 5], [0, 0], [5, 0]]}
NOWHERE = "00000000-0000-4000-8000-000000000000"


def analysed(owner: User, spacing: Spacing | None, orientation: Orientation | None) -> Scan:
    """A series of four slices whose file knew that much."""
    study = rows.study(owner, pictures=4, as_series=True)
    claimed = next(a for a in analysis_services.claim(worker=rows.WORKER, limit=50) if a.scan.study_id == study.pk)
    pixels = np.stack([rows.head(number) for number in range(4)])[..., None]
    volume = Volume(pixels, "series", tuple("abcd"), spacing=spacing, orientation=orientation)
    analysis_services.record(claimed, rows.findings(volume, Verdict.TUMOUR), volume=volume, model=rows.MODEL)
    return study.scans.get()


@pytest.fixture
def scan() -> Scan:
    return analysed(cast.alice(), Spacing(6.0, 0.5, 2.0), Orientation("S", "P", "L"))


@pytest.fixture
def alice(scan: Scan) -> Client:
    return cast.signed_in(scan.owner)


def draw(client: Client, scan: Scan, drawing: Any, **more: Any) -> Any:
    body = {**drawing, **more} if isinstance(drawing, dict) else drawing
    return client.post(f"/scans/{scan.pk}/measurements/", body, content_type="application/json")


def shown(client: Client, scan: Scan) -> list[dict[str, Any]]:
    return client.get(f"/scans/{scan.pk}/measurements/").json()["measurements"]


class TestValues:
    def test_a_ruler_in_millimetres_of_pixels_that_are_not_square(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        assert (made["value"], made["unit"]) == (pytest.approx(np.hypot(3 * 2.0, 4 * 0.5), abs=1e-3), "mm")
        assert made["text"] == "6.3 mm"

    def test_planes_have_their_own_spacing(self, alice: Client, scan: Scan) -> None:
        across = draw(alice, scan, RULER, plane="coronal", slice=3, points=[[0, 0], [0, 2]]).json()
        assert (across["value"], across["unit"]) == (12.0, "mm")
        sagittal = draw(alice, scan, RULER, plane="sagittal", slice=3, points=[[0, 1], [8, 1]]).json()
        assert sagittal["value"] == 4.0

    def test_an_area_in_square_millimetres(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, AREA).json()
        assert (made["value"], made["text"]) == (100.0, "100 mm²")

    def test_an_angle_is_of_the_patient_and_not_of_the_pixels(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, ANGLE, points=[[4, 4], [0, 0], [4, 0]]).json()
        assert made["value"] == pytest.approx(np.degrees(np.arctan2(2.0, 8.0)), abs=1e-3)
        assert made["assumes_square"] is False

    def test_without_spacing_pixels_and_never_millimetres(self) -> None:
        scan = analysed(cast.alice(), None, None)
        alice = cast.signed_in(scan.owner)
        made = [draw(alice, scan, each, plane="acquired").json() for each in (RULER, AREA, ANGLE)]
        assert [(each["value"], each["unit"]) for each in made] == [(5.0, "px"), (100.0, "px²"), (90.0, "°")]
        assert [each["assumes_square"] for each in made] == [False, False, True]
        assert "mm" not in json.dumps(shown(alice, scan))


class TestLife:
    def test_it_is_there_after_a_reload(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        assert shown(alice, scan) == [made]
        assert made["mine"] is True

    def test_and_after_the_scan_was_analysed_again(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        analysis_services.request_again(scan=scan, actor=scan.owner)
        assert [each["text"] for each in shown(alice, scan)] == [made["text"]]

    def test_removed_and_brought_back_it_is_the_same(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        address = f"/scans/{scan.pk}/measurements/{made['id']}/"
        assert alice.delete(address).json()["removed"] is True
        assert shown(alice, scan) == []
        assert Measurement.objects.filter(pk=made["id"]).exists()
        assert alice.delete(address).status_code == 200
        assert alice.post(address).json() == made
        assert shown(alice, scan) == [made]

    def test_moved_it_is_a_new_row_and_the_old_one_stays_known(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        moved = draw(alice, scan, RULER, points=[[10, 10], [20, 10]], replaces=made["id"]).json()
        assert [each["id"] for each in shown(alice, scan)] == [moved["id"]]
        assert Measurement.objects.get(pk=moved["id"]).replaces_id == Measurement.objects.get(pk=made["id"]).pk

    def test_every_act_is_on_the_record_without_what_was_drawn(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        address = f"/scans/{scan.pk}/measurements/{made['id']}/"
        alice.delete(address), alice.post(address)
        entries = AuditEntry.objects.filter(row_kind="measurement").order_by("at")
        assert [entry.action for entry in entries] == ["measured", "removed", "brought back"]
        assert all(entry.actor == scan.owner for entry in entries)
        assert entries[0].details == {"scan": str(scan.pk), "kind": "ruler"}


class TestUndoAfterAReload:
    """The steps that the server tells: what is shown, and what each measurement was before it was moved."""

    @staticmethod
    def steps(client: Client, scan: Scan) -> list[tuple[str, str | None]]:
        return [
            (each["show"], each["replaces"]) for each in client.get(f"/scans/{scan.pk}/measurements/").json()["steps"]
        ]

    def test_own_measurements_oldest_first_and_where_they_were(self, alice: Client, scan: Scan) -> None:
        first, second = draw(alice, scan, RULER).json()["id"], draw(alice, scan, AREA).json()["id"]
        moved = draw(alice, scan, RULER, points=[[10, 10], [20, 10]], replaces=first).json()["id"]
        again = draw(alice, scan, RULER, points=[[10, 10], [30, 10]], replaces=moved).json()["id"]
        assert self.steps(alice, scan) == [(first, None), (second, None), (moved, first), (again, moved)]

    def test_going_back_leaves_the_steps_before_it(self, alice: Client, scan: Scan) -> None:
        first = draw(alice, scan, RULER).json()["id"]
        moved = draw(alice, scan, RULER, points=[[10, 10], [20, 10]], replaces=first).json()["id"]
        alice.delete(f"/scans/{scan.pk}/measurements/{moved}/")
        alice.post(f"/scans/{scan.pk}/measurements/{first}/")
        assert self.steps(alice, scan) == [(first, None)]

    def test_what_was_removed_has_no_step(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()["id"]
        alice.delete(f"/scans/{scan.pk}/measurements/{made}/")
        assert self.steps(alice, scan) == []

    def test_nobody_is_offered_anothers(self, alice: Client, scan: Scan) -> None:
        draw(alice, scan, RULER)
        assert self.steps(cast.signed_in(cast.rita()), scan) == []


class TestPeople:
    def test_who_may_see_the_scan_sees_them_and_changes_none(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        for user in (cast.rita(), cast.ada()):
            client = cast.signed_in(user)
            assert [(each["id"], each["mine"]) for each in shown(client, scan)] == [(made["id"], False)]
            assert client.delete(f"/scans/{scan.pk}/measurements/{made['id']}/").status_code == 403
        assert [each["id"] for each in shown(alice, scan)] == [made["id"]]

    def test_a_reviewer_draws_nothing(self, scan: Scan) -> None:
        assert draw(cast.signed_in(cast.rita()), scan, RULER).status_code == 403

    def test_another_doctor_learns_nothing(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        bob = cast.signed_in(cast.bob())
        assert draw(bob, scan, RULER).status_code == 404
        assert bob.delete(f"/scans/{scan.pk}/measurements/{made['id']}/").status_code == 404

    def test_one_scans_measurement_is_not_reached_through_another(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        other = analysed(scan.owner, None, None)
        assert alice.delete(f"/scans/{other.pk}/measurements/{made['id']}/").status_code == 404
        assert draw(alice, other, RULER, plane="acquired", replaces=made["id"]).status_code == 400
        assert len(shown(alice, scan)) == 1

    def test_nobody_moves_what_another_drew(self, alice: Client, scan: Scan) -> None:
        made = draw(alice, scan, RULER).json()
        assert draw(cast.signed_in(cast.ada()), scan, RULER, replaces=made["id"]).status_code == 400
        assert [each["id"] for each in shown(alice, scan)] == [made["id"]]

    def test_a_request_that_another_page_made_is_refused(self, scan: Scan) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(scan.owner, backend="django.contrib.auth.backends.ModelBackend")
        assert draw(client, scan, RULER).status_code == 403
        assert not scan.measurements.exists()


HOSTILE: dict[str, Any] = {
    "not JSON": "{",
    "nothing": "",
    "a list": "[]",
    "nested too deep": "[" * 20_000,
    "no kind": {**RULER, "kind": None},
    "an unknown kind": {**RULER, "kind": "volume"},
    "a kind that is a list": {**RULER, "kind": ["ruler"]},
    "a plane that is not shown": {**RULER, "plane": "acquired"},
    "an unknown plane": {**RULER, "plane": "../axial"},
    "a slice beyond the last": {**RULER, "slice": 4},
    "a negative slice": {**RULER, "slice": -1},
    "a slice that is true": {**RULER, "slice": True},
    "half a slice": {**RULER, "slice": 0.5},
    "one point": {**RULER, "points": [[1, 1]]},
    "three points on a ruler": {**RULER, "points": [[1, 1], [2, 2], [3, 3]]},
    "a point of three numbers": {**RULER, "points": [[1, 1, 1], [2, 2, 2]]},
    "text for a number": {**RULER, "points": [["1", 1], [2, 2]]},
    "true for a number": {**RULER, "points": [[True, 1], [2, 2]]},
    "outside the picture": {**RULER, "points": [[1, 1], [65, 2]]},
    "before the picture": {**RULER, "points": [[-0.1, 1], [2, 2]]},
    "no number": '{"kind":"ruler","plane":"axial","slice":0,"points":[[NaN,1],[2,2]]}',
    "endless": '{"kind":"ruler","plane":"axial","slice":0,"points":[[1e999,1],[2,2]]}',
    "a number of a thousand digits": '{"kind":"ruler","plane":"axial","slice":0,"points":[['
    + "9" * 1000
    + ",1],[2,2]]}",
    "no length": {**RULER, "points": [[1, 1], [1, 1]]},
    "an arm of no length": {**ANGLE, "points": [[1, 1], [1, 1], [2, 2]]},
    "an outline that crosses itself": {**AREA, "points": [[0, 0], [10, 10], [10, 0], [0, 10]]},
    "too many points": {**AREA, "points": [[i / 10, (i * i) % 60] for i in range(251)]},
    "too long": {**AREA, "points": [[0.123456789, 1.123456789]] * 4000},
    "it replaces what is no key": {**RULER, "replaces": "1 OR 1=1"},
    "it replaces a list": {**RULER, "replaces": []},
    "it replaces what is not there": {**RULER, "replaces": NOWHERE},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_drawing_leaves_nothing_and_is_told_why(alice: Client, scan: Scan, name: str) -> None:
    answer = draw(alice, scan, HOSTILE[name])
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")
    assert not scan.measurements.exists()


def test_a_body_over_the_limit_of_requests_is_refused(alice: Client, scan: Scan) -> None:
    assert draw(alice, scan, "[" + "1," * 400_000 + "1]").status_code == 400


def test_a_scan_holds_so_many_and_no_more(alice: Client, scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_SHOWN", 2)
    first = draw(alice, scan, RULER).json()
    assert draw(alice, scan, RULER).status_code == 201
    assert draw(alice, scan, RULER).json()["error"] == "A scan holds 2 measurements. Remove one first."
    assert draw(alice, scan, RULER, replaces=first["id"]).status_code == 201, "moving one adds none"
    assert alice.post(f"/scans/{scan.pk}/measurements/{first['id']}/").status_code == 400
    monkeypatch.setattr(services, "MOST_KEPT", 3)
    assert "too often" in draw(alice, scan, RULER, replaces=shown(alice, scan)[0]["id"]).json()["error"]


def test_without_voxels_nothing_is_measured(alice: Client) -> None:
    study = rows.study(User.objects.get(username="alice"))
    scan = study.scans.get()
    assert draw(alice, scan, RULER).status_code == 409
    assert Analysis.objects.filter(scan=scan).exists()
    assert shown(alice, scan) == []
