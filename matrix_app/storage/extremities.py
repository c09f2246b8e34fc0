"""The ends of what is known of rooms: events that nothing follows yet, and events that are missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from matrix_app.storage import db


def replace_forward(room_nid: int, gone: Collection[int], new: int) -> None:
    """Make `new` a forward extremity in place of others."""
    if gone:
        sql = f"DELETE FROM forward_extremity WHERE room_nid = %s AND {db.in_any('event_nid')}"
        db.execute(sql, (room_nid, db.any_of(gone)))
    sql = "INSERT INTO forward_extremity (room_nid, event_nid) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    db.execute(sql, (room_nid, new))


def set_forward(room_nid: int, nids: Iterable[int]) -> None:
    """Make these the only forward extremities."""
    db.execute("DELETE FROM forward_extremity WHERE room_nid = %s", (room_nid,))
    sql = "INSERT INTO forward_extremity (room_nid, event_nid) VALUES {values}"
    db.insert_many(sql, 2, [(room_nid, nid) for nid in nids])


def add_backward(room_nid: int, event_nid: int, missing: Iterable[str]) -> None:
    """Note which predecessors of a stored event are not here."""
    sql = (
        "INSERT INTO backward_extremity (room_nid, missing_event_id, event_nid) VALUES {values}"
        " ON CONFLICT DO NOTHING"
    )
    db.insert_many(sql, 3, [(room_nid, event_id, event_nid) for event_id in missing])


def arrived(event_id: str) -> None:
    """An event that may have been missing is here now."""
    db.execute("DELETE FROM backward_extremity WHERE missing_event_id = %s", (event_id,))


def is_missing(room_nid: int, event_id: str) -> bool:
    """Whether stored history goes on behind this event, which is not here."""
    sql = "SELECT 1 FROM backward_extremity WHERE room_nid = %s AND missing_event_id = %s LIMIT 1"
    return db.value(sql, (room_nid, event_id)) is not None


def awaited_among(room_nid: int, event_ids: Iterable[str]) -> set[str]:
    """Those of the events for which `is_missing` holds, or `relations.pending_redactions` has something."""
    sql = (
        "SELECT missing_event_id FROM backward_extremity"
        f" WHERE room_nid = %s AND {db.in_any('missing_event_id')} UNION"
        f" SELECT redacts_event_id FROM redaction WHERE {db.in_any('redacts_event_id')} AND NOT applied"
    )
    wanted = db.any_of(event_ids)
    return {found[0] for found in db.rows(sql, (room_nid, wanted, wanted))}


def missing_before(room_nid: int, depth: int, limit: int) -> list[str]:
    """The missing events right before stored ones of at most this depth, the latest first."""
    sql = (
        "SELECT b.missing_event_id FROM backward_extremity b JOIN event e ON e.nid = b.event_nid"
        " WHERE b.room_nid = %s AND e.depth <= %s GROUP BY b.missing_event_id"
        " ORDER BY max(e.depth) DESC LIMIT %s"
    )
    return [found[0] for found in db.rows(sql, (room_nid, depth, limit))]


def gap_between(room_nid: int, low: int, high: int) -> bool:
    """Whether something is missing before an event of low <= depth <= high."""
    sql = (
        "SELECT 1 FROM backward_extremity b JOIN event e ON e.nid = b.event_nid"
        " WHERE b.room_nid = %s AND e.depth >= %s AND e.depth <= %s LIMIT 1"
    )
    return db.value(sql, (room_nid, low, high)) is not None


def gap_after(room_nid: int, ts: int) -> bool:
    """Whether something is missing before an event that was sent after `ts`, and may be from then."""
    sql = (
        "SELECT 1 FROM backward_extremity b JOIN event e ON e.nid = b.event_nid"
        " WHERE b.room_nid = %s AND e.origin_server_ts > %s LIMIT 1"
    )
    return db.value(sql, (room_nid, ts)) is not None
