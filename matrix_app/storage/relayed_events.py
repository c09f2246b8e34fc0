"""Events of other servers which this one has let into a room and has to send on to the room's servers."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.storage import db


def put(event_nid: int, *, to_sender: bool) -> None:
    """Have an event sent on, maybe to the server of its sender too."""
    sql = "INSERT INTO relayed_event (event_nid, to_sender) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    db.execute(sql, (event_nid, to_sender))


def among(event_nids: Iterable[int]) -> set[int]:
    """Those of the events that are to be sent on."""
    sql = f"SELECT event_nid FROM relayed_event WHERE {db.in_any('event_nid')}"
    return {found[0] for found in db.rows(sql, (db.any_of(event_nids),))}
