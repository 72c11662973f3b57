"""What a distributed database asks of its users: repeat a transaction that lost, and outlive a restart.

CockroachDB ends a transaction that cannot be put in order with the others with SQLSTATE 40001 and expects it
to be sent again. Django and psycopg wrap that error once or twice, so the whole chain of causes is looked at.
"""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from django.core.handlers.exception import response_for_exception
from django.db import (
    Error,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
    transaction,
)
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

P = ParamSpec("P")
T = TypeVar("T")

SERIALIZATION_FAILURE = "40001"
ATTEMPTS = 6
FIRST_WAIT = 0.02
"""Seconds; doubled for each further attempt, and shortened by chance so that two losers do not meet again."""

DatabaseTrouble = Error
"""Whatever the database or its driver raises: DatabaseError, and InterfaceError, which is none."""

READ_METHODS = ("GET", "HEAD", "OPTIONS")

log = logging.getLogger(__name__)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that led to it, outermost first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def is_serialization_failure(error: BaseException) -> bool:
    """Whether the database asks for the transaction to be sent again (SQLSTATE 40001 anywhere in the chain)."""
    return any(
        SERIALIZATION_FAILURE in (getattr(e, "sqlstate", None), getattr(e, "pgcode", None)) for e in causes(error)
    )


def is_connection_failure(error: BaseException) -> bool:
    """Whether the database was away: restarted, unreachable, or its answer did not come."""
    return isinstance(error, OperationalError | InterfaceError) and not is_serialization_failure(error)


def in_transaction(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function in one transaction, again from its start when the database asks for that.

    The function must do nothing that repeating would do twice outside the database. Inside a transaction
    of the caller's it is only a part of that one, and it is the caller's to repeat.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        attempt = 0
        while True:
            attempt += 1
            nested = connection.in_atomic_block
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except Exception as error:
                if nested or attempt == ATTEMPTS or not is_serialization_failure(error):
                    raise
                wait(attempt)

    return run


def wait(attempt: int) -> None:
    """Wait before attempt number `attempt` + 1."""
    time.sleep(FIRST_WAIT * 2 ** (attempt - 1) * random.uniform(0.5, 1.0))  # noqa: S311  not a secret


def through_restarts(function: Callable[[], T], *, seconds: float) -> T:
    """Call a function that is safe to repeat until the database answers, for at most `seconds`.

    Raises
    ------
    DatabaseTrouble
        The last error, when the time is up or the error is of another kind.
    """
    give_up = time.monotonic() + seconds
    attempt = 0
    while True:
        attempt += 1
        try:
            return function()
        except DatabaseTrouble as error:
            known = is_serialization_failure(error) or is_connection_failure(error)
            if not known or time.monotonic() > give_up or connection.in_atomic_block:
                raise
            log.warning("The database did not answer (%s); trying again.", type(error).__name__)
            # A connection that the server has closed stays broken until it is thrown away.
            close_old_connections() if is_serialization_failure(error) else connection.close()
            time.sleep(min(1.0, 0.05 * 2**attempt))


def use_read_committed() -> None:
    """Let this process's transactions be READ COMMITTED, where the database is one that offers levels.

    For workers: their writes are conditional updates of rows that they hold, which need no more, and a
    queue under SERIALIZABLE spends its time in repeating. Call it before the first query.
    """
    settings = connections.settings["default"]
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        return
    from django.db.backends.postgresql.psycopg_any import IsolationLevel

    settings["OPTIONS"] = {**settings["OPTIONS"], "isolation_level": IsolationLevel.READ_COMMITTED}
    connections.close_all()


class RetryMiddleware:
    """The last resort of a request: reading is done again; for a change that lost, the person is asked to.

    Changes go through services under `in_transaction`, which repeat themselves; only one that lost
    every time, or a write of Django's own, comes here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on; the work is in `process_exception`."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Answer a request whose view lost against another transaction."""
        if not is_serialization_failure(exception):
            return None
        found = request.resolver_match
        if request.method in READ_METHODS and found is not None:
            for attempt in range(1, ATTEMPTS):
                wait(attempt)
                try:
                    answer: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
                except DatabaseTrouble as error:
                    if not is_serialization_failure(error):
                        raise
                except Exception as error:  # noqa: BLE001  a 404 or 403 of the repeated view is its answer
                    return response_for_exception(request, error)
                else:
                    return answer
        return HttpResponse(
            "Many people are saving at this moment, and this was not saved. Please try again.",
            status=503,
            content_type="text/plain; charset=utf-8",
            headers={"Retry-After": "1"},
        )
