"""Statements on PostgreSQL, each prepared once for a connection and run by libpq's own calls.

A cursor of the driver takes two to three times the processor time for a statement, and answers in text.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from psycopg import Connection, DataError, OperationalError, pq
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.types.numeric import Int8BinaryDumper

from matrix_app.storage.arrays import packed, register

# Statements are constant text; those that are put together for lists of pages come and go.
MOST_STATEMENTS: Final = 1000

_BINARY: Final = pq.Format.BINARY
_DONE: Final = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY)
_PLACEHOLDER: Final = re.compile(r"%(%|s)")


class Result(NamedTuple):
    """What a statement gave: its rows, and how many it touched."""

    rows: list[tuple[Any, ...]]
    rowcount: int

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self.rows


class _Adapting:
    """How values become parameters: integers always as bigint, so that a text is prepared once only."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self.adapters = AdaptersMap(connection.adapters)
        self.adapters.register_dumper(int, Int8BinaryDumper)
        register(self.adapters)


class PreparedStatements:
    """The statements of one connection, which one thread at a time may use."""

    def __init__(self, connection: Connection[Any], most: int = MOST_STATEMENTS) -> None:
        self.connection = connection
        self._most = most
        self._libpq = connection.pgconn
        self._values = Transformer(_Adapting(connection))
        self._names: OrderedDict[tuple[str, tuple[int, ...]], bytes] = OrderedDict()
        self._made = 0

    def run(self, sql: str, params: Sequence[Any]) -> Result:
        """Run a statement with `%s` placeholders, within a transaction unless the connection commits each.

        Raises the driver's errors.
        """
        if self._libpq.transaction_status == pq.TransactionStatus.IDLE and not self.connection.autocommit:
            self._check(self._libpq.exec_(b"BEGIN"))
        # A text is sent as text, whose type PostgreSQL tells from its place and whose NUL is found before.
        given = [packed(param) if type(param) is list else param for param in params]
        formats = [PyFormat.TEXT if type(param) is str else PyFormat.BINARY for param in given]
        try:
            values: Any = self._values.dump_sequence(given, formats)
        except OverflowError as fault:
            raise DataError("a number is beyond the range of bigint") from fault
        name = self._prepared(sql, self._values.types or ())
        done = self._check(self._libpq.exec_prepared(name, values, self._values.formats, _BINARY))
        if done.status != pq.ExecStatus.TUPLES_OK:
            return Result([], done.command_tuples or 0)
        self._values.set_pgresult(done)
        return Result(self._values.load_rows(0, done.ntuples, tuple), done.ntuples)

    def begin_unsynced(self) -> None:
        """Let the transaction that begins not wait for the disk at its end."""
        settle = b"SET LOCAL synchronous_commit = off"
        if self._libpq.transaction_status == pq.TransactionStatus.IDLE:
            settle = b"BEGIN; " + settle
        self._check(self._libpq.exec_(settle))

    def _prepared(self, sql: str, types: tuple[int, ...]) -> bytes:
        name = self._names.get((sql, types))
        if name is not None:
            self._names.move_to_end((sql, types))
            return name
        if len(self._names) >= self._most:
            _, oldest = self._names.popitem(last=False)
            self._check(self._libpq.exec_(b"DEALLOCATE " + oldest))
        self._made += 1
        name = b"hearth_%d" % self._made
        self._check(self._libpq.prepare(name, _numbered(sql).encode(), types))
        self._names[sql, types] = name
        return name

    def _check(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status in _DONE:
            return result
        if self._libpq.status != pq.ConnStatus.OK:
            raise OperationalError(f"the connection is lost: {result.get_error_message()}")
        raise error_from_result(result)


def _numbered(sql: str) -> str:
    """The statement with `$1`, `$2` and so on for `%s`."""
    pieces = _PLACEHOLDER.split(sql)
    text, number = [pieces[0]], 0
    for kind, after in zip(pieces[1::2], pieces[2::2], strict=True):
        number += kind == "s"
        text += [f"${number}" if kind == "s" else "%", after]
    return "".join(text)
