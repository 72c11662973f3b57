"""Runs where the database is CockroachDB or its stand-in: the engine is the real one, and isolation is SERIALIZABLE."""

from __future__ import annotations

import pytest
from django.db import connection

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "cockroachdb", reason="make test-cockroach runs this"),
]


def test_the_engine_is_django_cockroachdb():
    assert connection.vendor == "cockroachdb"
    assert connection.get_database_version() >= (23, 2)


def test_transactions_are_serializable():
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("serializable",)


def test_row_numbers_come_from_the_database_with_gaps():
    with connection.cursor() as cursor:
        cursor.execute("SELECT unique_rowid(), unique_rowid()")
        first, second = cursor.fetchone()
    assert first != 1
    assert second != first + 1
