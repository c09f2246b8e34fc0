"""The statements that a piece of work runs, and how the database would find their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from matrix_app.storage import db


class Statements(list[tuple[str, Sequence[Any]]]):
    """Recorded statements with their parameters."""

    def scans(self) -> list[str]:
        """Whole-table scans in the plans of the statements, as "TABLE in STATEMENT"."""
        return [f"{line} in {sql}" for sql, params in self for line in _scans(sql, params)]


@contextmanager
def recorded() -> Iterator[Statements]:
    """Record every statement that runs through `storage.db` in this process."""
    found = Statements()
    previous = db.statement_observer
    db.statement_observer = lambda sql, params: found.append((sql, params))
    try:
        yield found
    finally:
        db.statement_observer = previous


def _scans(sql: str, params: Sequence[Any]) -> list[str]:
    word = sql.split(None, 1)[0].upper()
    if word not in ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH"):
        return []
    if db.is_sqlite():
        plan = [row[3] for row in db.rows("EXPLAIN QUERY PLAN " + sql, params)]
        # json_each is the list of parameters; a co-routine or a subquery scans rows found already.
        return [
            line
            for line in plan
            if line.startswith("SCAN ") and not any(word in line for word in _FINE_ON_SQLITE)
        ]
    if "pg_advisory" in sql:
        return []
    with db.write():
        # Small tables are always scanned unless that is made dear.
        db.execute("SET LOCAL enable_seqscan = off")
        plan = [row[0] for row in db.rows("EXPLAIN " + sql, params)]
    return [line.strip() for line in plan if "Seq Scan" in line]


_FINE_ON_SQLITE = (
    "levels",
    "json_each",
    "CONSTANT ROW",
    "SUBQUERY",
    "COROUTINE",
    "chain",
    "SCAN c",
    "SCAN 2",
)
