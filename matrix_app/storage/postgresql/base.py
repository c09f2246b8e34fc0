"""The connection to PostgreSQL: one that the server has closed is noticed before it is used."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base
from psycopg import OperationalError, pq


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is looked at when a request or a piece of work begins (`close_old_connections`)."""

    def close_if_unusable_or_obsolete(self) -> None:
        """Close a connection that is no good, so that another is made; not in a transaction."""
        super().close_if_unusable_or_obsolete()
        if self.connection is not None and not self.in_atomic_block and not self.is_usable():
            self.close()

    def is_usable(self) -> bool:
        """Whether the server has not hung up, as far as this machine has heard."""
        if self.connection is None:
            return False
        libpq = self.connection.pgconn
        try:
            # Its last words are read first, then that there are no more.
            while libpq.status == pq.ConnStatus.OK and _is_readable(libpq.socket):
                libpq.consume_input()
        except OperationalError:
            return False
        return bool(libpq.status == pq.ConnStatus.OK)


def _is_readable(descriptor: int) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(0))
