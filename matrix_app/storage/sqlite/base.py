"""The connection to SQLite: who waits for another process that writes begins soon after it has ended."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from django.db.backends.sqlite3 import base

# SQLite's own waits grow: to 1, 3, 8, 18 ms and so on after the first try. A write takes 2 ms mostly.
LOOK_AGAIN_SECONDS: Final = 0.0005
# From then on somebody writes for long, and SQLite's own waits do.
SOON_SECONDS: Final = 0.05


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that looks every half millisecond, at first, whether it can write."""

    def _start_transaction_under_autocommit(self) -> None:
        is_to_write = self.transaction_mode == "IMMEDIATE"  # type: ignore[attr-defined]
        if not (is_to_write and self._begin_soon()):
            super()._start_transaction_under_autocommit()  # type: ignore[misc]

    def _begin_soon(self) -> bool:
        """Take the write lock if it is free within a moment; whether it was."""
        connection: sqlite3.Connection = self.connection
        patience = int(self.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
        end = time.monotonic() + SOON_SECONDS
        with self.wrap_database_errors:
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                while not _begins(connection):
                    if time.monotonic() > end:
                        return False
                    time.sleep(LOOK_AGAIN_SECONDS)
            finally:
                connection.execute(f"PRAGMA busy_timeout = {patience}")
        return True


def _begins(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
