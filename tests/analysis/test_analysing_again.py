"""Analysing again: a new run beside the old ones, asked for by who may, once at a time."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from detection.models import Analysis, AuditEntry, Scan, User
from detection.models.analysis import State
from ml.findings import Verdict
from tests import rows
from tests.cast import ada, alice, bob, rita, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor() -> User:
    return alice()


@pytest.fixture
def scan(doctor: User) -> Scan:
    return rows.done(doctor, Verdict.TUMOUR)[0]


def ask(user: User, scan: Scan) -> int:
    return signed_in(user).post(reverse("analyse_again", args=[scan.pk])).status_code


def test_it_queues_a_new_run_and_keeps_the_old_one(doctor: User, scan: Scan) -> None:
    old = scan.current_analysis
    answer = signed_in(doctor).post(reverse("analyse_again", args=[scan.pk]))
    assert (answer.status_code, answer["Location"]) == (303, f"/scans/{scan.pk}/")
    scan.refresh_from_db()
    assert scan.current_analysis is not None
    assert old is not None
    assert scan.current_analysis.pk != old.pk
    assert scan.current_analysis.state == State.QUEUED
    assert Analysis.objects.get(pk=old.pk).state == State.DONE
    assert AuditEntry.objects.get(action="analysed again").actor == doctor


def test_a_double_click_makes_one(doctor: User, scan: Scan) -> None:
    assert [ask(doctor, scan), ask(doctor, scan)] == [303, 303]
    assert Analysis.objects.filter(scan=scan).count() == 2


def test_who_may(doctor: User, scan: Scan) -> None:
    assert ask(bob(), scan) == 404
    assert ask(rita(), scan) == 403
    assert Analysis.objects.filter(scan=scan).count() == 1
    assert ask(ada(), scan) == 303


def test_nobody_without_signing_in_and_not_by_following_a_link(doctor: User, scan: Scan) -> None:
    address = reverse("analyse_again", args=[scan.pk])
    assert Client().post(address).status_code == 302
    assert signed_in(doctor).get(address).status_code == 405
    assert Analysis.objects.filter(scan=scan).count() == 1
