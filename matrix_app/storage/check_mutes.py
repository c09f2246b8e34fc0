"""Which checks of the diagnostics are muted, why, and until when."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class MuteRow(NamedTuple):
    """A check that is muted until a time (None: for good), and by whom."""

    id: str
    reason: str
    until_ts: int | None
    muted_ts: int
    user_id: str | None


def put(id: str, reason: str, until_ts: int | None, now: int, user_nid: int | None) -> None:
    """Mute a check, also one that is muted already."""
    sql = (
        "INSERT INTO check_mute (id, reason, until_ts, muted_ts, user_nid) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, until_ts = excluded.until_ts,"
        " muted_ts = excluded.muted_ts, user_nid = excluded.user_nid"
    )
    db.execute(sql, (id, reason, until_ts, now, user_nid))


def delete(id: str) -> bool:
    """Mute a check no longer; whether it was."""
    return db.changed("DELETE FROM check_mute WHERE id = %s", (id,)) > 0


def present(now: int) -> dict[str, MuteRow]:
    """The checks that are muted now, by their IDs."""
    sql = (
        "SELECT c.id, c.reason, c.until_ts, c.muted_ts, u.user_id FROM check_mute c"
        " LEFT JOIN matrix_user u ON u.nid = c.user_nid WHERE c.until_ts IS NULL OR c.until_ts > %s"
    )
    return {row[0]: MuteRow(*row) for row in db.rows(sql, (now,))}


def forget_expired(now: int) -> None:
    """Forget those whose time is over."""
    db.execute("DELETE FROM check_mute WHERE until_ts <= %s", (now,))
