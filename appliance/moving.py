"""Moving a server's data to another database, of the same or the other kind. The old one is left as it is."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.backup.errors import BackupError
from appliance.backup.programs import conninfo
from appliance.config.addresses import DatabaseAddress, parse_database_url
from matrix_app.storage import database_replacement, moving
from matrix_app.storage.moving import PostgresqlSide, Side, SqliteSide

if TYPE_CHECKING:
    from appliance.config import Config

Tell = Callable[[str, int, int | None], None]


class Moved(NamedTuple):
    """How many tables and rows were moved, and compared afterwards."""

    tables: int
    rows: int


def move_database(config: Config, url: str, tell: Tell) -> Moved:
    """Copy everything to the empty database of a URL, and compare every row; the server must not run.

    Raises `BackupError` when the target is not empty or cannot be used, and when a table differs.
    """
    source = parse_database_url(config.database.url, config.server.data_dir)
    target = _parsed(url, config)
    if target == source:
        raise BackupError("The data is in this database already")
    _require_empty(target)
    tell("schema", 0, None)
    _make_schema(url)
    with ExitStack() as stack:
        old, new = stack.enter_context(_opened(source)), stack.enter_context(_opened(target))
        return _move_tables(old, new, tell)


def _parsed(url: str, config: Config) -> DatabaseAddress:
    try:
        return parse_database_url(url, config.server.data_dir)
    except ValueError as fault:
        raise BackupError(f"--to: {fault}") from fault


def _require_empty(target: DatabaseAddress) -> None:
    if target.engine == "sqlite":
        if Path(target.name).exists():
            raise BackupError(f"There is a file {target.name} already: name a new one")
        return
    with _postgresql(target) as connection:
        if database_replacement.has_tables(connection):
            raise BackupError(
                f"The database {target.name} is not empty: make a new one, such as by "
                f"CREATE DATABASE {target.name}_2 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
            )


def _make_schema(url: str) -> None:
    """Have another process make the tables, whose only database is the new one."""
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "migrate"],
        env=os.environ | {"HEARTH_DATABASE__URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"The tables cannot be made in the new database: {done.stderr.strip()[-1000:]}")


@contextmanager
def _opened(address: DatabaseAddress) -> Iterator[Side]:
    if address.engine == "postgresql":
        with _postgresql(address) as connection:
            yield PostgresqlSide(connection)
        return
    connection = sqlite3.connect(address.name)
    try:
        yield SqliteSide(connection)
    finally:
        connection.close()


@contextmanager
def _postgresql(address: DatabaseAddress) -> Iterator[object]:
    import psycopg

    try:
        with psycopg.connect(
            conninfo(address), password=address.password or None, autocommit=True
        ) as connection:
            yield connection
    except psycopg.Error as fault:
        raise BackupError(f"The database {address.name} cannot be used: {fault}") from fault


def _told(tell: Tell, name: str, done: int) -> None:
    tell(name, done, None)


def _move_tables(old: Side, new: Side, tell: Tell) -> Moved:
    tables, rows = moving.tables(), 0
    for table in tables:
        moved = moving.move(old, new, table, partial(_told, tell, table.name))
        tell(f"compare {table.name}", 0, None)
        found = moving.summed(new, table)
        if found != moved:
            raise BackupError(
                f"The table {table.name} is not the same in the new database ({found.rows} rows instead of "
                f"{moved.rows}): go on with the old one, which is as it was"
            )
        rows += moved.rows
    return Moved(len(tables), rows)
