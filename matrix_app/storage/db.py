"""How SQL is run: raw statements on Django's connection, for SQLite and PostgreSQL alike.

Statements are written with `%s` placeholders and kept constant, so that both databases prepare each
once. Reads run outside transactions; writes inside `write()`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.apps import apps
from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from appliance.config import get_config
from matrix_app.protocol.errors import InvalidParam

if TYPE_CHECKING:
    from matrix_app.storage.prepared import PreparedStatements

Row = tuple[Any, ...]

_INSERTED = re.compile(r"\s*INSERT INTO (\w+) \(([^)]*)\)")

# Rows that PostgreSQL is given in one statement.
_ROWS_AT_ONCE: Final = 500
# Values that SQLite is given in one. A longer one is seldom met again with as many rows, and compiled anew.
_VALUES_AT_ONCE: Final = 900

# SQLite has one writer: threads of a process queue here instead of in SQLite's sleeping busy handler.
_sqlite_writer = threading.RLock()

# Faults that pass: the database is away, locked or full, and nothing is wrong with what was to be stored.
PASSING: Final = (OperationalError, InterfaceError)

# Called with each statement when a test counts or explains them.
statement_observer: Callable[[str, Sequence[Any]], None] | None = None


class _PerThread(threading.local):
    """The thread's connection. Django's own look-up passes through several proxies each time."""

    def __init__(self) -> None:
        self.connection: BaseDatabaseWrapper = connections["default"]
        self.sqlite = self.connection.vendor == "sqlite"
        driver: Any = self.connection.Database  # type: ignore[attr-defined]
        self.error: type[Exception] = driver.Error
        self.data_error: type[Exception] = driver.DataError
        self.before: Callable[[], None] | None = None
        self._prepared: PreparedStatements | None = None

    def prepared(self) -> PreparedStatements:
        """The statements of the thread's connection to PostgreSQL, which may be another than before."""
        found = self._prepared
        if found is None or found.connection is not self.connection.connection:
            from matrix_app.storage.prepared import PreparedStatements

            found = self._prepared = PreparedStatements(self.connection.connection)
        return found


_here = _PerThread()


def is_sqlite() -> bool:
    """Whether the database is SQLite."""
    return _here.sqlite


def in_transaction() -> bool:
    """Whether the thread is inside a transaction."""
    return _here.connection.in_atomic_block


@lru_cache(maxsize=2048)
def _sqlite_statement(sql: str) -> str:
    return sql.replace("%s", "?")


def execute(sql: str, params: Sequence[Any] = ()) -> Any:
    """Run one statement; the result has `fetchall()` and `rowcount`.

    Raises `InvalidParam` when a text holds what PostgreSQL cannot store, and errors of the database as
    Django's (`django.db.DatabaseError` and below).
    """
    if statement_observer is not None:
        statement_observer(sql, params)
    if _here.before is not None:
        _here.before()
    here = _here.connection
    if here.connection is None:
        here.ensure_connection()
    try:
        if _here.sqlite:
            return here.connection.execute(_sqlite_statement(sql), params)
        return _here.prepared().run(sql, params)
    except _here.error as fault:
        if isinstance(fault, _here.data_error) and _is_nul(fault):
            raise InvalidParam("Text may not contain NUL characters") from fault
        _raise_as_django(fault)
        raise


def _is_nul(fault: Exception) -> bool:
    """Whether a text had a NUL: the driver finds it, so that a transaction goes on; in a list the server."""
    return "NUL" in str(fault) or "0x00" in str(fault)


def _raise_as_django(fault: Exception) -> None:
    """Raise what Django calls the fault, and have it look at the connection before it is used again."""
    _here.connection.wrap_database_errors.__exit__(type(fault), fault, fault.__traceback__)


def rows(sql: str, params: Sequence[Any] = ()) -> list[Row]:
    """All rows of a SELECT, or of a statement with RETURNING."""
    result: list[Row] = execute(sql, params).fetchall()
    return result


def row(sql: str, params: Sequence[Any] = ()) -> Row | None:
    """The first row, or None. The statement is read to its end, so that it holds no lock."""
    found = execute(sql, params).fetchall()
    return found[0] if found else None


def value(sql: str, params: Sequence[Any] = ()) -> Any:
    """The first column of the first row, or None."""
    found = execute(sql, params).fetchall()
    return found[0][0] if found else None


def changed(sql: str, params: Sequence[Any] = ()) -> int:
    """Run a statement; the number of rows that it touched."""
    count: int = execute(sql, params).rowcount
    return count


def insert_many(sql: str, columns: int, many: Sequence[Sequence[Any]]) -> list[Row]:
    """Insert rows in chunks. `sql` has `VALUES {values}` where the rows go; RETURNING is read.

    It begins with `INSERT INTO table (column, ...)`. Returned rows are in the order of insertion.
    """
    returned: list[Row] = []
    # Not `executemany`: between two rows another thread may take the interpreter, while SQLite is locked.
    size = max(1, _VALUES_AT_ONCE // columns) if _here.sqlite else _ROWS_AT_ONCE
    for start in range(0, len(many), size):
        chunk = many[start : start + size]
        if len(chunk) == 1 or _here.sqlite:
            placeholder = "(" + ", ".join(["%s"] * columns) + ")"
            statement = sql.replace("{values}", ", ".join([placeholder] * len(chunk)))
            result = execute(statement, [item for entry in chunk for item in entry])
        else:
            result = execute(_from_arrays(sql), [list(column) for column in zip(*chunk, strict=True)])
        returned.extend(result.fetchall())
    return returned


@lru_cache(maxsize=256)
def _from_arrays(sql: str) -> str:
    """The same INSERT with an array for each column: one text, however many rows there are."""
    table, columns = _INSERTED.match(sql).groups()  # type: ignore[union-attr]
    types = _column_types(table)
    arrays = ", ".join(f"%s::{types[column.strip()]}[]" for column in columns.split(","))
    return sql.replace("VALUES {values}", f"SELECT * FROM unnest({arrays})")


@lru_cache(maxsize=256)
def _column_types(table: str) -> dict[str, str]:
    model = next(model for model in apps.get_models() if model._meta.db_table == table)
    # A column that counts by itself is of the type that refers to it.
    return {
        field.column: str(field.rel_db_type(_here.connection))
        for field in model._meta.concrete_fields
        if field.column
    }


def any_of(values: Iterable[int | str]) -> Any:
    """The parameter for `in_any(column)`."""
    return orjson.dumps(list(values)).decode() if is_sqlite() else list(values)


def in_any(column: str) -> str:
    """An SQL condition `column is one of %s`, its parameter made by `any_of`; the text is constant."""
    if is_sqlite():
        return f"{column} IN (SELECT value FROM json_each(%s))"
    return f"{column} = ANY(%s)"


def pairs_of(pairs: Iterable[tuple[int, int]]) -> str:
    """The parameter for `pairs()`."""
    return orjson.dumps(list(pairs)).decode()


def pairs() -> str:
    """An SQL table `pair` with the columns `a` and `b`, its parameter made by `pairs_of`.

    Name it before the table that it is joined with (CROSS JOIN, conditions in WHERE), so that it leads.
    """
    if is_sqlite():
        return (
            "(SELECT json_extract(value, '$[0]') AS a, json_extract(value, '$[1]') AS b"
            " FROM json_each(%s)) AS pair"
        )
    return (
        "(SELECT (value->>0)::bigint AS a, (value->>1)::bigint AS b"
        " FROM jsonb_array_elements(%s::jsonb)) AS pair"
    )


@contextmanager
def before_each_statement(callback: Callable[[], None]) -> Iterator[None]:
    """While this lasts, the thread calls `callback` before each of its statements outside transactions."""

    def call() -> None:
        if not in_transaction():
            callback()

    _here.before = call
    try:
        yield
    finally:
        _here.before = None


@contextmanager
def without_pauses() -> Iterator[None]:
    """While this lasts, the thread pauses before no statement: it holds what others wait for."""
    callback, _here.before = _here.before, None
    try:
        yield
    finally:
        _here.before = callback


@contextmanager
def write() -> Iterator[None]:
    """A write transaction, nested in one that is open already.

    On SQLite it holds the database's write lock from its start, so what is read inside stays true.
    What is called on commit is called without pauses too: it belongs to the write.
    """
    if in_transaction():
        with transaction.atomic():
            yield
    elif is_sqlite():
        with _sqlite_writer, without_pauses(), transaction.atomic():
            yield
    else:
        with without_pauses(), transaction.atomic():
            yield


@contextmanager
def write_unsynced() -> Iterator[None]:
    """A write transaction that does not wait for the disk, for what is not missed after a power cut.

    The crash of a process loses nothing. Within another transaction it is as durable as that.
    """
    if in_transaction():
        yield
    elif is_sqlite():
        execute("PRAGMA synchronous = NORMAL")
        try:
            with write():
                yield
        finally:
            execute(f"PRAGMA synchronous = {get_config().database.synchronous}")
    else:
        with write():
            with _here.connection.wrap_database_errors:
                _here.prepared().begin_unsynced()
            yield


def on_commit(callback: Callable[[], None]) -> None:
    """Call when the present transaction has been committed; at once outside of one."""
    transaction.on_commit(callback)
