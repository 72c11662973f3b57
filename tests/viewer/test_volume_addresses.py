"""The viewer's files: whole, packed as they lie in storage, kept by the person's own browser only."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import pytest
from django.test import Client

from detection import storage
from detection.analysis import services as analysis_services
from detection.models import Scan
from ml.findings import Verdict
from tests import cast, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan() -> Scan:
    return rows.analysed(rows.study(cast.alice(), pictures=3, as_series=True), Verdict.TUMOUR)[0]


@pytest.fixture
def alice(scan: Scan) -> Client:
    return cast.signed_in(scan.owner)


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_geometry_leads_to_voxels_and_mask(alice: Client, scan: Scan) -> None:
    described = alice.get(f"/scans/{scan.pk}/volume.json").json()
    assert described["dims"] == [rows.SIDE, rows.SIDE, 3]
    assert described["heat"] is None
    answer = alice.get(described["voxels"], headers={"accept-encoding": "gzip, br"})
    assert answer["Content-Encoding"] == "gzip"
    pixels = np.frombuffer(gzip.decompress(content(answer)), np.uint8).reshape(3, rows.SIDE, rows.SIDE)
    assert np.array_equal(pixels, np.stack([rows.head(number) for number in range(3)]))
    mask = alice.get(described["mask"], headers={"accept-encoding": "gzip"})
    outlined = np.frombuffer(gzip.decompress(content(mask)), np.uint8).reshape(3, rows.SIDE, rows.SIDE)
    assert np.array_equal(outlined.astype(bool), np.stack([rows.spot(number) for number in range(3)]))


def test_who_cannot_unpack_is_sent_them_unpacked(alice: Client, scan: Scan) -> None:
    answer = alice.get(f"/scans/{scan.pk}/voxels")
    assert "Content-Encoding" not in answer
    assert len(content(answer)) == 3 * rows.SIDE**2


def test_a_named_run_is_kept_a_day_and_by_nobody_else(alice: Client, scan: Scan) -> None:
    answer = alice.get(f"/scans/{scan.pk}/voxels?run={scan.current_analysis_id}")
    content(answer)
    assert answer["Cache-Control"] == "private, max-age=86400, immutable"
    assert answer["Vary"].startswith("Accept-Encoding")
    other = alice.get(f"/scans/{scan.pk}/voxels?run=another")
    content(other)
    assert other["Cache-Control"] == "private, no-cache"


def test_nothing_is_sent_twice(alice: Client, scan: Scan) -> None:
    first = alice.get(f"/scans/{scan.pk}/volume.json")
    for name in ("volume.json", "voxels", "mask-voxels"):
        assert alice.get(f"/scans/{scan.pk}/{name}", headers={"if-none-match": first["ETag"]}).status_code == 304


def test_no_voxels_before_the_analysis_has_ended_and_none_of_a_failed_one(alice: Client, scan: Scan) -> None:
    waiting = analysis_services.request_again(scan=scan, actor=scan.owner)
    for name in ("volume.json", "voxels", "mask-voxels"):
        assert alice.get(f"/scans/{scan.pk}/{name}").status_code == 404, name
    (claimed,) = analysis_services.claim(worker=rows.WORKER, limit=1)
    assert claimed.pk == waiting.pk
    analysis_services.fail(claimed, "It stopped.")
    assert alice.get(f"/scans/{scan.pk}/volume.json").status_code == 404


def test_nobody_else_gets_them(scan: Scan) -> None:
    bob = cast.signed_in(cast.bob())
    for name in ("volume.json", "voxels", "mask-voxels", "heat-voxels", "measurements/"):
        assert bob.get(f"/scans/{scan.pk}/{name}").status_code == 404, name


def test_a_heat_map_is_told_only_where_it_was_made(alice: Client, scan: Scan) -> None:
    assert alice.get(f"/scans/{scan.pk}/heat-voxels").status_code == 404
    from detection.analysis import voxels
    from ml.imaging.volume import Volume

    assert scan.current_analysis_id
    volume = Volume(np.stack([rows.head(n) for n in range(3)])[..., None], "series", ("a", "b", "c"))
    heat = np.linspace(0, 255, volume.voxels.size).astype(np.uint8).reshape(3, rows.SIDE, rows.SIDE)
    for name, made in voxels.render(volume, rows.findings(volume, Verdict.TUMOUR), heat):
        storage.write_derived(scan.current_analysis_id, name, made)
    described = alice.get(f"/scans/{scan.pk}/volume.json").json()
    sent = np.frombuffer(content(alice.get(described["heat"])), np.uint8)
    assert (sent[0], sent[-1]) == (0, 255)
    assert np.all(np.diff(sent.astype(int)) >= 0)
