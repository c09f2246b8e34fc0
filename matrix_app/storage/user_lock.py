"""Keeping two requests from changing the same thing of a user at once."""

from __future__ import annotations

from matrix_app.storage import db


def lock_user(user_nid: int) -> None:
    """Hold what a user keeps for the rest of the write transaction: read, change, store.

    SQLite has one writer at a time anyway.
    """
    if not db.is_sqlite():
        db.execute("SELECT nid FROM matrix_user WHERE nid = %s FOR UPDATE", (user_nid,))
