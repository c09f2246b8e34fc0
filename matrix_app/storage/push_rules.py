"""What users made of their push rules; `unread.custom_rules` reads it."""

from __future__ import annotations

from matrix_app.storage import db


def put(user_nid: int, custom: bytes | None) -> None:
    """Store a user's customisations as JSON; None when there are none left."""
    if custom is None:
        db.execute("DELETE FROM push_rules WHERE user_nid = %s", (user_nid,))
        return
    sql = (
        "INSERT INTO push_rules (user_nid, custom) VALUES (%s, %s)"
        " ON CONFLICT (user_nid) DO UPDATE SET custom = excluded.custom"
    )
    db.execute(sql, (user_nid, custom))
