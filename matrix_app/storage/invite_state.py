"""The stripped state that a user sees of a room they are invited to or knock on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.storage import db


def put(room_nid: int, user_nid: int, events: list[Any]) -> None:
    """Store the stripped state events."""
    sql = (
        "INSERT INTO invite_state (room_nid, user_nid, events) VALUES (%s, %s, %s)"
        " ON CONFLICT (room_nid, user_nid) DO UPDATE SET events = excluded.events"
    )
    # Events of old rooms may have numbers that only this encodes.
    db.execute(sql, (room_nid, user_nid, encode_canonical(events, lenient=True)))


def get_many(user_nid: int, room_nids: Iterable[int]) -> dict[int, bytes]:
    """The stored stripped state (a JSON list) of some of a user's rooms."""
    sql = f"SELECT room_nid, events FROM invite_state WHERE user_nid = %s AND {db.in_any('room_nid')}"
    return {nid: bytes(found) for nid, found in db.rows(sql, (user_nid, db.any_of(room_nids)))}


def remove(room_nid: int, user_nid: int) -> None:
    """Forget the stripped state."""
    db.execute("DELETE FROM invite_state WHERE room_nid = %s AND user_nid = %s", (room_nid, user_nid))
