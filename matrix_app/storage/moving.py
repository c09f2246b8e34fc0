"""Copying every table from one database into another, of either kind, and comparing the two.

Works on connections of the drivers themselves (`sqlite3`, `psycopg`), since neither need be the one in use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol

import msgspec

BATCH: Final = 2_000
_MODULUS: Final = 1 << 128
# The queue begins anew with every server, and the index of the search is made again by it.
NOT_MOVED: Final = frozenset({"django_q_ormq", "django_q_task", "django_q_schedule", "search_progress"})

Row = tuple[Any, ...]


class Table(NamedTuple):
    """A table: its columns in order, which of them are true or false, and the one that is counted up."""

    name: str
    columns: tuple[str, ...]
    flags: tuple[bool, ...]
    counter: str | None

    @property
    def quoted(self) -> str:
        """The columns for a statement."""
        return ", ".join(f'"{column}"' for column in self.columns)


class Sum(NamedTuple):
    """How many rows there are, and a sum of their hashes in which their order does not matter."""

    rows: int
    hashed: int

    def and_of(self, rows: list[Row]) -> Sum:
        """The sum with more rows."""
        total = self.hashed
        for row in rows:
            total += int.from_bytes(hashlib.blake2b(msgspec.msgpack.encode(row), digest_size=16).digest())
        return Sum(self.rows + len(rows), total % _MODULUS)


class Side(Protocol):
    """A database that is read from or written to."""

    def read(self, table: Table) -> Iterator[list[Row]]:
        """The rows of a table in batches: whole numbers for true and false, bytes for what is binary."""
        ...

    def write(self, table: Table, batches: Iterator[list[Row]]) -> None:
        """Put rows into a table whose own ones are removed, in one transaction."""
        ...

    def counted(self, table: Table) -> int:
        """The last number that the table's counter gave out."""
        ...

    def set_counted(self, table: Table, last: int) -> None:
        """Let the counter go on after a number."""
        ...


def tables() -> list[Table]:
    """The tables that are moved, in order."""
    from django.apps import apps
    from django.db import models

    found = []
    for model in apps.get_models():
        if model._meta.db_table in NOT_MOVED:
            continue
        fields = [field for field in model._meta.concrete_fields if field.column]
        counters = [
            field.column for field in fields if isinstance(field, models.AutoField | models.BigAutoField)
        ]
        flags = tuple(isinstance(field, models.BooleanField) for field in fields)
        columns = tuple(str(field.column) for field in fields)
        found.append(Table(model._meta.db_table, columns, flags, counters[0] if counters else None))
    return sorted(found)


def move(source: Side, target: Side, table: Table, tell: Callable[[int], None]) -> Sum:
    """Copy a table; what was copied. `tell` hears how many rows have been."""
    moved = Sum(0, 0)

    def counted() -> Iterator[list[Row]]:
        nonlocal moved
        for rows in source.read(table):
            moved = moved.and_of(rows)
            tell(moved.rows)
            yield rows

    target.write(table, counted())
    if table.counter:
        target.set_counted(table, source.counted(table))
    return moved


def summed(side: Side, table: Table) -> Sum:
    """What is in a table."""
    found = Sum(0, 0)
    for rows in side.read(table):
        found = found.and_of(rows)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        # PostgreSQL stores no NUL characters.
        return value.replace("\0", "\ufffd") if "\0" in value else value
    if isinstance(value, bool):
        return int(value)
    return bytes(value) if isinstance(value, memoryview) else value


class SqliteSide:
    """A database of SQLite."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        connection.isolation_level = None

    def read(self, table: Table) -> Iterator[list[Row]]:
        """See `Side`."""
        cursor = self._connection.execute(f'SELECT {table.quoted} FROM "{table.name}"')
        while rows := cursor.fetchmany(BATCH):
            yield [tuple(map(_plain, row)) for row in rows]

    def write(self, table: Table, batches: Iterator[list[Row]]) -> None:
        """See `Side`."""
        marks = ", ".join("?" * len(table.columns))
        insert = f'INSERT INTO "{table.name}" ({table.quoted}) VALUES ({marks})'
        self._connection.execute("BEGIN")
        self._connection.execute(f'DELETE FROM "{table.name}"')
        for rows in batches:
            self._connection.executemany(insert, rows)
        self._connection.execute("COMMIT")

    def counted(self, table: Table) -> int:
        """See `Side`."""
        sql = "SELECT seq FROM sqlite_sequence WHERE name = ?"
        found = self._connection.execute(sql, (table.name,)).fetchone()
        return int(found[0]) if found else 0

    def set_counted(self, table: Table, last: int) -> None:
        """See `Side`."""
        self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
        self._connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, last))


class PostgresqlSide:
    """A database of PostgreSQL, by a connection that commits by itself."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def read(self, table: Table) -> Iterator[list[Row]]:
        """See `Side`."""
        with self._connection.transaction(), self._connection.cursor("moving") as cursor:
            cursor.execute(f'SELECT {table.quoted} FROM "{table.name}"')
            while rows := cursor.fetchmany(BATCH):
                yield [tuple(map(_plain, row)) for row in rows]

    def write(self, table: Table, batches: Iterator[list[Row]]) -> None:
        """See `Side`."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(f'DELETE FROM "{table.name}"')
            with cursor.copy(f'COPY "{table.name}" ({table.quoted}) FROM STDIN') as copy:
                for rows in batches:
                    for row in rows:
                        copy.write_row(self._typed(table, row))

    @staticmethod
    def _typed(table: Table, row: Row) -> Row:
        if not any(table.flags):
            return row
        pairs = zip(row, table.flags, strict=True)
        return tuple(bool(value) if flag and value is not None else value for value, flag in pairs)

    def counted(self, table: Table) -> int:
        """See `Side`."""
        sequence = "pg_get_serial_sequence(%s, %s)"
        sql = (
            "SELECT COALESCE(last_value, 0) FROM pg_sequences"
            f" WHERE format('%%I.%%I', schemaname, sequencename) = {sequence}"
        )
        found = self._connection.execute(sql, (table.name, table.counter)).fetchone()
        return int(found[0]) if found else 0

    def set_counted(self, table: Table, last: int) -> None:
        """See `Side`."""
        if last > 0:
            sql = "SELECT setval(pg_get_serial_sequence(%s, %s), %s)"
            self._connection.execute(sql, (table.name, table.counter, last))
