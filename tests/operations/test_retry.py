"""CockroachDB's 40001: the transaction is sent again, however deep the error is wrapped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch

from detection import retry
from detection.heartbeat import Heartbeat
from detection.models import Delivery, Worker
from detection.models.worker import Purpose

pytestmark = pytest.mark.django_db(transaction=True)


class Lost(Exception):
    """As psycopg raises it."""

    sqlstate = "40001"


def lost(*, wrapped: bool = False) -> Exception:
    """What Django makes of it; `wrapped` once more by code in between."""
    error: Exception = OperationalError("restart transaction")
    error.__cause__ = Lost()
    if wrapped:
        outer = RuntimeError("could not save")
        outer.__context__ = error
        return outer
    return error


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.0001)


def add_worker(name: str = "w") -> None:
    from django.utils import timezone

    Worker.objects.create(name=name, purpose=Purpose.SMS, heartbeat_at=timezone.now())


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_lost_transaction_is_done_again_from_its_start(wrapped: bool) -> None:
    failures = iter([lost(wrapped=wrapped), lost(wrapped=wrapped)])

    @retry.in_transaction
    def save() -> str:
        add_worker()  # taken back when the transaction is lost, else the name would be there twice
        for failure in failures:
            raise failure
        return "saved"

    assert save() == "saved"
    assert Worker.objects.count() == 1


def test_it_gives_up_in_the_end() -> None:
    tries = []

    @retry.in_transaction
    def save() -> None:
        tries.append(1)
        raise lost()

    with pytest.raises(OperationalError):
        save()
    assert len(tries) == retry.ATTEMPTS


def test_other_errors_are_not_repeated() -> None:
    tries = []

    @retry.in_transaction
    def save() -> None:
        tries.append(1)
        raise DatabaseError("no such table")

    with pytest.raises(DatabaseError):
        save()
    assert len(tries) == 1


def test_inside_another_transaction_that_one_is_repeated() -> None:
    tries = []

    @retry.in_transaction
    def part() -> None:
        tries.append(1)
        raise lost()

    with pytest.raises(OperationalError), transaction.atomic():
        part()
    assert len(tries) == 1


def test_a_restarted_database_is_waited_for() -> None:
    failures = iter([OperationalError("server closed the connection unexpectedly")])

    def count() -> int:
        for failure in failures:
            raise failure
        return Worker.objects.count()

    assert retry.through_restarts(count, seconds=5) == 0


def test_it_is_not_waited_for_for_ever() -> None:
    def away() -> None:
        raise OperationalError("connection refused")

    with pytest.raises(OperationalError):
        retry.through_restarts(away, seconds=0)


class TestMiddleware:
    def request(self, method: str, view: Any) -> HttpRequest:
        request = RequestFactory().generic(method, "/scans/")
        request.resolver_match = ResolverMatch(view, (), {})
        return request

    def answer(self, method: str, *failures: Exception) -> tuple[Any, int]:
        calls = []
        left = iter(failures)

        def view(request: HttpRequest) -> HttpResponse:
            calls.append(1)
            for failure in left:
                raise failure
            return HttpResponse("list")

        middleware = retry.RetryMiddleware(lambda request: HttpResponse())
        return middleware.process_exception(self.request(method, view), lost(wrapped=True)), len(calls)

    def test_a_reading_request_is_done_again(self) -> None:
        answer, calls = self.answer("GET", lost())
        assert (answer.content, calls) == (b"list", 2)

    def test_a_changing_one_is_not_and_the_person_is_told(self) -> None:
        answer, calls = self.answer("POST")
        assert (answer.status_code, calls) == (503, 0)
        assert b"try again" in answer.content

    def test_other_errors_pass(self) -> None:
        middleware = retry.RetryMiddleware(lambda request: HttpResponse())
        assert middleware.process_exception(self.request("GET", None), DatabaseError("disk full")) is None

    def test_it_is_switched_on(self, settings: Any) -> None:
        assert settings.MIDDLEWARE[-1] == "detection.retry.RetryMiddleware"


def test_workers_use_read_committed_where_there_are_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import connections
    from django.db.backends.postgresql.psycopg_any import IsolationLevel

    monkeypatch.setattr(type(connections), "close_all", lambda self: None)
    fake = {"ENGINE": "django_cockroachdb", "OPTIONS": {"sslmode": "verify-full"}}
    monkeypatch.setitem(connections.settings, "default", fake)
    retry.use_read_committed()
    assert fake["OPTIONS"] == {"sslmode": "verify-full", "isolation_level": IsolationLevel.READ_COMMITTED}
    assert connection.vendor


def test_a_connection_that_the_driver_calls_closed_is_outlived_like_any_other() -> None:
    """InterfaceError is no DatabaseError."""
    failures = iter([InterfaceError("connection already closed")])

    def ask() -> bool:
        for failure in failures:
            raise failure
        return Worker.objects.exists()

    assert retry.through_restarts(ask, seconds=5) is False


def test_the_heart_goes_on_beating_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heart = Heartbeat(
        name="w", purpose=Purpose.SMS, rows=Delivery.objects.all(), lease=timedelta(seconds=1), longest=60.0
    )
    beats = []

    def beat() -> None:
        beats.append(1)
        if len(beats) > 1:
            heart._ended.set()
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(heart, "beat", beat)
    heart.run()
    assert len(beats) == 2
