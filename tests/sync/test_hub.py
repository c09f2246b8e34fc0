"""The reader of the stream's log: nobody who commits waits for work that lets others go first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from matrix_app.storage import db, stream
from matrix_app.storage.stream import Kind
from matrix_app.sync.hub import Hub

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What the database was asked."""
    seen: list[str] = []
    db.statement_observer = lambda sql, _params: seen.append(sql)
    yield seen
    db.statement_observer = None


def test_work_that_gives_way_does_not_do_so_while_it_reads_the_log(statements: list[str]) -> None:
    known, pauses = Hub(), []
    with db.before_each_statement(lambda: pauses.append("paused")):
        known.catch_up()
    assert statements
    assert pauses == []


def test_nor_while_it_takes_in_what_it_has_committed(statements: list[str]) -> None:
    known, pauses = Hub(), []
    known.catch_up()
    del statements[:]
    with db.before_each_statement(lambda: pauses.append("paused")):
        known.committed([stream.LogEntry(known.position + 1, Kind.PRESENCE, None, 1, None)])
    assert statements  # the user's rooms were asked for
    assert pauses == []
