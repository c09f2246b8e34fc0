"""The user directory: folded names of users, and who may find whom."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_app.storage import db
from matrix_app.storage.local_server import local_server_name


def put_all(entries: Sequence[tuple[int, str]]) -> None:
    """Store what users (by nid) are found by."""
    sql = (
        "INSERT INTO user_directory (user_nid, search_text) VALUES {values}"
        " ON CONFLICT (user_nid) DO UPDATE SET search_text = excluded.search_text"
        " WHERE user_directory.search_text <> excluded.search_text"
    )
    db.insert_many(sql, 2, entries)


def remove(user_nid: int) -> None:
    """Let nobody find a user any more."""
    db.execute("DELETE FROM user_directory WHERE user_nid = %s", (user_nid,))


# One may find others with whom one shares a room, and those in rooms that anybody may look into. What is
# known of a room that nobody of this server is in any more is old.
_VISIBLE = """
EXISTS (
    SELECT 1 FROM membership theirs JOIN membership mine ON mine.room_nid = theirs.room_nid
    WHERE theirs.user_nid = d.user_nid AND theirs.membership = 2
    AND mine.user_nid = %s AND mine.membership = 2 AND theirs.user_nid <> mine.user_nid
) OR EXISTS (
    SELECT 1 FROM membership theirs JOIN room_summary s ON s.room_nid = theirs.room_nid
    WHERE theirs.user_nid = d.user_nid AND theirs.membership = 2
    AND (s.join_rule = 'public' OR s.history_visibility = 'world_readable')
    AND EXISTS (
        SELECT 1 FROM server local JOIN room_server r ON r.server_nid = local.nid
        WHERE local.name = %s AND r.room_nid = theirs.room_nid AND r.joined > 0
    )
)
"""


def search(
    viewer_nid: int, patterns: Sequence[str], best: str, *, everyone: bool, limit: int
) -> list[tuple[int, str]]:
    """Users (nid, ID) who match every LIKE pattern, those who match `best` first.

    `everyone` lets the viewer find all users of this server.
    """
    matching = " AND ".join(["d.search_text LIKE %s"] * len(patterns))
    sql = (
        "SELECT d.user_nid, u.user_id FROM user_directory d JOIN matrix_user u ON u.nid = d.user_nid"
        f" WHERE {matching} AND ((%s AND u.is_local) OR {_VISIBLE})"
        " ORDER BY CASE WHEN d.search_text LIKE %s THEN 0 ELSE 1 END, d.search_text, d.user_nid LIMIT %s"
    )
    found = db.rows(sql, (*patterns, everyone, viewer_nid, local_server_name(), best, limit))
    return [(nid, user_id) for nid, user_id in found]
