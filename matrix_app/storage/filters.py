"""The filters that users upload."""

from __future__ import annotations

from matrix_app.storage import db, lost_time


def put(user_nid: int, definition: bytes) -> int:
    """The ID of a filter, made when the user has none with the same definition; in a transaction.

    Also after a restore it is one that the user has never had.
    """
    sql = "SELECT filter_id FROM filter WHERE user_nid = %s AND definition = %s ORDER BY filter_id LIMIT 1"
    found = db.value(sql, (user_nid, definition))
    if found is not None:
        return int(found)
    sql = (
        "INSERT INTO filter (user_nid, filter_id, definition)"
        " SELECT %s, coalesce(max(CASE WHEN filter_id >= %s THEN filter_id END) + 1, %s), %s FROM filter"
        " WHERE user_nid = %s RETURNING filter_id"
    )
    floor = lost_time.first_number()
    return int(db.value(sql, (user_nid, floor, floor, definition, user_nid)))


def get(user_nid: int, filter_id: int) -> bytes | None:
    """The definition of a filter as JSON, or None."""
    sql = "SELECT definition FROM filter WHERE user_nid = %s AND filter_id = %s"
    found = db.value(sql, (user_nid, filter_id))
    return None if found is None else bytes(found)


def of_user(user_nid: int) -> dict[int, bytes]:
    """Every filter of a user by its ID."""
    sql = "SELECT filter_id, definition FROM filter WHERE user_nid = %s ORDER BY filter_id"
    return {number: bytes(definition) for number, definition in db.rows(sql, (user_nid,))}
