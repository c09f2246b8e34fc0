"""Events of other servers which this one has let into a room and has to send on to the room's servers."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.storage import db


def put(event_nid: int) -> None:
    """Have an event sent on."""
    db.execute("INSERT INTO relayed_event (event_nid) VALUES (%s) ON CONFLICT DO NOTHING", (event_nid,))


def among(event_nids: Iterable[int]) -> set[int]:
    """Those of the events that are to be sent on."""
    sql = f"SELECT event_nid FROM relayed_event WHERE {db.in_any('event_nid')}"
    return {found[0] for found in db.rows(sql, (db.any_of(event_nids),))}
