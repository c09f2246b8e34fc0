"""Waiting for others that write into the same SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError

from matrix_app.storage.sqlite.base import SOON_SECONDS, DatabaseWrapper

# The database is one of their own.
pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE word (text)")
    return path


@pytest.fixture
def connection(file: Path) -> Iterator[DatabaseWrapper]:
    settings: dict[str, Any] = {
        "ENGINE": "matrix_app.storage.sqlite", "NAME": str(file), "TIME_ZONE": None, "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": False, "ATOMIC_REQUESTS": False, "AUTOCOMMIT": True,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 1, "check_same_thread": False},
    }  # fmt: skip
    made = DatabaseWrapper(settings, "made")
    made.ensure_connection()
    yield made
    made.close()


@pytest.fixture
def other(file: Path) -> Iterator[sqlite3.Connection]:
    """That of another process, which is writing."""
    made = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    made.execute("BEGIN IMMEDIATE")
    yield made
    made.close()


def begin(connection: DatabaseWrapper) -> None:
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def patience_of(connection: DatabaseWrapper) -> int:
    """How long other statements wait, in milliseconds."""
    return int(connection.connection.execute("PRAGMA busy_timeout").fetchone()[0])


@pytest.mark.parametrize("seconds", [SOON_SECONDS / 10, SOON_SECONDS * 3])
def test_a_transaction_begins_when_the_other_has_ended(
    connection: DatabaseWrapper, other: sqlite3.Connection, seconds: float
) -> None:
    threading.Timer(seconds, other.execute, ["COMMIT"]).start()
    begin(connection)
    connection.connection.execute("INSERT INTO word VALUES ('here')")
    connection.commit()
    assert other.execute("SELECT text FROM word").fetchall() == [("here",)]
    assert patience_of(connection) == 1000


def test_who_waits_in_vain_is_told_so(connection: DatabaseWrapper, other: sqlite3.Connection) -> None:
    with pytest.raises(OperationalError, match="locked"):
        begin(connection)
    assert patience_of(connection) == 1000


def test_a_fault_is_not_taken_for_a_wait(connection: DatabaseWrapper) -> None:
    begin(connection)
    with pytest.raises(DatabaseError, match="within a transaction"):
        connection._begin_soon()
    assert patience_of(connection) == 1000
