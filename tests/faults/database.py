"""The database of a running server, for what a test cannot wait for: hours."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

# Everything that says when to try again, or since when somebody is silent.
_TIMES = (
    "UPDATE destination SET retry_at_ts = retry_at_ts - {0}",
    "UPDATE destination SET failing_since_ts = failing_since_ts - {0}",
    "UPDATE staged_pdu SET retry_ts = retry_ts - {0}, received_ts = received_ts - {0}",
    "UPDATE sender_progress SET seen_ts = seen_ts - {0}",
    "UPDATE unrouted_change SET retry_ts = retry_ts - {0}",
)


class Database:
    """Runs statements beside the server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(self, *statements: str) -> Sequence[Any]:
        """Run statements in one transaction; the rows of the last."""
        if self._url.startswith("postgresql:"):
            import psycopg

            with psycopg.connect(self._url) as driver:
                cursors = [driver.execute(statement.encode()) for statement in statements]
                return cursors[-1].fetchall() if cursors[-1].description else []
        with sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=20) as lite:
            return [lite.execute(statement) for statement in statements][-1].fetchall()

    def pass_time(self, milliseconds: int) -> None:
        """Move what was noted into the past."""
        self.run(*(statement.format(milliseconds) for statement in _TIMES))

    def retry_in_ms(self, server_name: str, now: int) -> int | None:
        """In how many milliseconds a server may be asked again; None where it is not left alone."""
        found = self.run(
            "SELECT d.retry_at_ts FROM destination d JOIN server s ON s.nid = d.server_nid"
            f" WHERE s.name = '{server_name}' AND d.failing_since_ts IS NOT NULL"
        )
        return found[0][0] - now if found else None
