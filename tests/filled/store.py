"""Many rows at once, as the models declare them, by the fastest way that each database has."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

from matrix_app.storage import db

Row = TypeVar("Row", bound=Model)

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


def store(rows: Iterable[Row]) -> list[Row]:
    """Store rows of one table, inside a write transaction; they have their keys afterwards."""
    made = list(rows)
    if not made:
        return made
    table = type(made[0])._meta
    fields: list[Field[Any, Any]] = [field for field in table.local_concrete_fields if field.column]
    if table.auto_field is not None:
        _number(made, table.db_table, table.auto_field.attname)
    names = ", ".join(str(field.column) for field in fields)
    values = ([_value(row, field) for field in fields] for row in made)
    with connection.cursor() as cursor:
        if db.is_sqlite():
            marks = ", ".join(["%s"] * len(fields))
            _insert(cursor, f"INSERT INTO {table.db_table} ({names}) VALUES ({marks})", values)
        else:
            _copy(cursor, f"COPY {table.db_table} ({names}) FROM STDIN", values)
    return made


def _number(rows: list[Row], table: str, key: str) -> None:
    """Give rows their keys, as the database would."""
    first = int(db.value(f"SELECT coalesce(max({key}), 0) FROM {table}")) + 1
    for nid, row in enumerate(rows, first):
        setattr(row, key, nid)
    if not db.is_sqlite():
        db.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", (table, key, first + len(rows) - 1))


def _value(row: Model, field: Field[Any, Any]) -> Any:
    value = getattr(row, field.attname)
    return field.db_default if isinstance(value, DatabaseDefault) else value


def _insert(cursor: Any, statement: str, values: Iterator[list[Any]]) -> None:
    cursor.executemany(statement, values)


def _copy(cursor: Any, statement: str, values: Iterator[list[Any]]) -> None:
    with cursor.copy(statement) as copy:
        for row in values:
            copy.write_row(row)


def dice(name: str) -> random.Random:
    """Numbers that look like chance and are always the same."""
    return random.Random(name)
