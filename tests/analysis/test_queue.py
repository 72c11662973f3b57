"""The queue: who gets what, how often, and when again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from detection import leases
from detection.analysis import services
from detection.models import Analysis, User
from detection.models.analysis import State
from tests.analysis.arrivals import arrived, picture
from tests.cast import alice

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor() -> User:
    return alice()


def again(analysis: Analysis) -> Analysis:
    return Analysis.objects.get(pk=analysis.pk)


class TestClaiming:
    def test_waiting_ones_come_together_oldest_first(self, doctor: User) -> None:
        queued = [each for _ in range(3) for each in arrived(doctor, picture())]
        claimed = services.claim(worker="w", limit=16)
        assert [each.pk for each in claimed] == [each.pk for each in queued]
        assert all(each.state == State.RUNNING and each.lease_owner == "w" and each.attempts == 1 for each in claimed)

    def test_no_more_than_asked_for_and_none_twice(self, doctor: User) -> None:
        arrived(doctor, *[picture()] * 5)
        first, second, third = (services.claim(worker=name, limit=2) for name in "abc")
        assert [len(first), len(second), len(third)] == [2, 2, 1]
        assert len({each.pk for each in [*first, *second, *third]}) == 5

    def test_one_that_was_broken_off_comes_alone(self, doctor: User) -> None:
        arrived(doctor, *[picture()] * 4)
        services.claim(worker="died", limit=16)
        services.free_leases_of("died")
        assert services.claim(worker="w", limit=16) == []
        assert len(services.claim(worker="w", limit=16, tried=True)) == 1

    def test_a_lease_that_holds_is_respected(self, doctor: User) -> None:
        arrived(doctor, picture())
        services.claim(worker="a", limit=1)
        assert services.claim(worker="b", limit=1, tried=True) == []


class TestTemporaryErrors:
    def test_it_waits_longer_each_time_then_fails_with_its_sentence(self, doctor: User, settings: Any) -> None:
        settings.MAX_ATTEMPTS = 3
        (analysis,) = arrived(doctor, picture())
        waits = []
        for tried in (False, True):
            (claimed,) = services.claim(worker="w", limit=1, tried=tried)
            services.give_back(claimed, "The store was away.")
            row = again(analysis)
            assert row.state == State.QUEUED
            assert row.not_before is not None
            waits.append(row.not_before - leases.database_now())
            assert services.claim(worker="w", limit=1, tried=True) == []
            Analysis.objects.update(not_before=None)
        assert (
            timedelta(seconds=1)
            < waits[0]
            < timedelta(seconds=3)
            < timedelta(seconds=7)
            < waits[1]
            < timedelta(seconds=9)
        )
        (claimed,) = services.claim(worker="w", limit=1, tried=True)
        services.give_back(claimed, "The store was away.")
        row = again(analysis)
        assert (row.state, row.reason) == (State.FAILED, "The store was away.")

    def test_what_a_stopping_worker_puts_back_is_not_counted(self, doctor: User) -> None:
        (analysis,) = arrived(doctor, picture())
        (claimed,) = services.claim(worker="w", limit=1)
        services.put_back(claimed)
        row = again(analysis)
        assert (row.state, row.attempts, row.lease_owner, row.progress) == (State.QUEUED, 0, "", 0.0)
        assert len(services.claim(worker="v", limit=1)) == 1


class TestParking:
    def test_what_kills_its_workers_ends_failed_and_its_neighbours_do_not(self, doctor: User, settings: Any) -> None:
        settings.MAX_ATTEMPTS = 3
        neighbour, killer, last = arrived(doctor, *[picture()] * 3)
        services.claim(worker="batch", limit=16)
        services.free_leases_of("batch")
        died = 0
        while batch := services.claim(worker=f"w{died}", limit=16, tried=True):
            (claimed,) = batch
            if services.had_its_attempts(claimed):
                services.park(claimed)
            elif claimed.pk == killer.pk:
                services.free_leases_of(f"w{died}")
                died += 1
            else:
                services.fail(claimed, "Ended in an ordinary way.")
        assert died == 2
        assert again(killer).state == State.FAILED
        assert "broken off 3 times" in again(killer).reason
        assert {again(neighbour).reason, again(last).reason} == {"Ended in an ordinary way."}
