"""Long pieces of work that write again and again, and let others write in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from matrix_app.storage import db

LONGEST_REST: Final = 0.1
# Work that writes no longer than this does not rest.
SHORT: Final = 0.1
# After so many transactions, and each time that there are four times as many, the tables have grown much.
FIRST_LOOK: Final = 4


class Pace:
    """Write transactions between which there is as much time for others as each of them took.

    SQLite has one writer, and who waits for it looks again only every few milliseconds: without a rest
    between two transactions they might never find it free. What the work does beside writing counts as rest.

    PostgreSQL keeps the plans of statements, and those that were made while a table had ten rows read all of
    it when it has ten thousand. So it is told to look at `tables`, in which the work stores, now and then.
    """

    def __init__(self, *tables: str, begin: Callable[[], AbstractContextManager[None]] = db.write) -> None:
        self._tables = tables
        self._begin = begin
        self._count = 0
        self._next_look = FIRST_LOOK
        self._ended = 0.0
        self._rest = 0.0
        self._spent = 0.0

    @contextmanager
    def write(self) -> Iterator[None]:
        """A write transaction, as `db.write`, or what `begin` is."""
        if db.is_sqlite() and (rest := self._ended + self._rest - time.monotonic()) > 0:
            time.sleep(rest)
        with self._begin():
            started = time.monotonic()
            yield
        self._ended = time.monotonic()
        self._spent += self._ended - started
        self._rest = min(self._ended - started, LONGEST_REST) if self._spent > SHORT else 0.0
        self._look()

    def _look(self) -> None:
        self._count += 1
        if self._count < self._next_look or db.is_sqlite() or db.in_transaction():
            return
        self._next_look *= 4
        for table in self._tables:
            db.execute(f"ANALYZE {table}")
