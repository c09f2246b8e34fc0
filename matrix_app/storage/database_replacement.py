"""Making room in a database for one that is restored into it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def has_tables(connection: Any) -> bool:
    """Whether there is anything in the database that `connection` (of psycopg) leads to."""
    sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    return bool(connection.execute(sql).fetchone()[0])


def has_accounts(connection: Any) -> bool:
    """Whether somebody has an account in the database."""
    if connection.execute("SELECT to_regclass('public.account')").fetchone()[0] is None:
        return False
    return connection.execute("SELECT 1 FROM public.account LIMIT 1").fetchone() is not None


def file_has_accounts(connection: Any) -> bool:
    """The same of a database that `connection` (of sqlite3) leads to."""
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'account'"
    if connection.execute(sql).fetchone() is None:
        return False
    return connection.execute("SELECT 1 FROM account LIMIT 1").fetchone() is not None


def path_has_accounts(file: Path) -> bool:
    """The same of a file of SQLite. One that is damaged counts: nobody knows what it was."""
    if not file.exists():
        return False
    try:
        with closing(sqlite3.connect(file)) as connection:
            return file_has_accounts(connection)
    except sqlite3.Error:
        return True


def set_aside(connection: Any, name: str) -> None:
    """Keep what there is in a schema with a name, so that there is room for something else."""
    from psycopg import sql

    rename = sql.SQL("ALTER SCHEMA public RENAME TO {}").format(sql.Identifier(name))
    connection.execute(rename)
    connection.execute("CREATE SCHEMA public")


def put_back(connection: Any, name: str) -> None:
    """Remove what was restored, and have in its place what `set_aside` keeps in a schema; "" for nothing.

    Does nothing where that has been put back, or was never set aside.
    """
    from psycopg import sql

    if name:
        found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (name,)).fetchone()
        if found is None:
            return
    connection.execute("DROP SCHEMA public CASCADE")
    if name:
        connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO public").format(sql.Identifier(name)))
    else:
        connection.execute("CREATE SCHEMA public")


def others_connected(connection: Any) -> int:
    """How many others use the database."""
    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return int(connection.execute(sql).fetchone()[0])
