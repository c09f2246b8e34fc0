"""Changes in the devices of local users that other servers are to be told of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db


class OwedDevice(NamedTuple):
    """A change in a device of a local user; in the user's cross-signing keys where there is no device.

    `previous` is the position of the change of a device of the user before it, if there was one.
    """

    position: int
    user_nid: int
    device_id: str | None
    previous: int | None


class OwedList(NamedTuple):
    """A local user came into a room with the server, which knows nothing of the user's devices yet."""

    position: int
    user_nid: int


_COLUMNS = ", ".join(OwedDevice._fields)
# Who is of this server and shares a room with the server; the latest of the rooms was entered at `position`.
_ENTERED = (
    "SELECT max(m.changed_position), m.user_nid FROM room_server s JOIN membership m"
    " ON m.room_nid = s.room_nid AND m.membership = 2 AND m.is_local"
    " WHERE s.server_nid = %s AND s.joined > 0 AND m.changed_position > %s AND m.changed_position <= %s"
    " GROUP BY m.user_nid"
)


def changes(user_nids: Iterable[int], after: int, upto: int) -> list[OwedDevice]:
    """Changes in the devices and keys of users, in order."""
    sql = (
        f"SELECT {_COLUMNS} FROM device_list_change WHERE {db.in_any('user_nid')}"
        " AND position > %s AND position <= %s ORDER BY position"
    )
    return [OwedDevice(*found) for found in db.rows(sql, (db.any_of(user_nids), after, upto))]


def at(positions: Iterable[int]) -> list[OwedDevice]:
    """The changes at some positions, as far as they are still noted."""
    sql = f"SELECT {_COLUMNS} FROM device_list_change WHERE {db.in_any('position')}"
    return [OwedDevice(*found) for found in db.rows(sql, (db.any_of(positions),))]


def latest_changes(user_nids: Iterable[int]) -> dict[int, OwedDevice]:
    """By user: the last change of any of their devices."""
    latest = (
        f"SELECT max(position) FROM device_list_change WHERE {db.in_any('user_nid')}"
        " AND device_id IS NOT NULL GROUP BY user_nid"
    )
    sql = f"SELECT {_COLUMNS} FROM device_list_change WHERE position IN ({latest})"
    return {found[1]: OwedDevice(*found) for found in db.rows(sql, (db.any_of(user_nids),))}


def changes_seen_by(server_nid: int, after: int, upto: int) -> list[OwedDevice]:
    """The last change of each device of local users in a room with the server, in no order."""
    latest = (
        "SELECT max(d.position) FROM device_list_change d"
        " JOIN matrix_user u ON u.nid = d.user_nid AND u.is_local"
        " WHERE d.position > %s AND d.position <= %s AND EXISTS (SELECT 1 FROM membership m"
        "  JOIN room_server s ON s.room_nid = m.room_nid AND s.server_nid = %s AND s.joined > 0"
        "  WHERE m.user_nid = d.user_nid AND m.membership = 2) GROUP BY d.user_nid, d.device_id"
    )
    sql = f"SELECT {_COLUMNS} FROM device_list_change WHERE position IN ({latest})"
    return [OwedDevice(*found) for found in db.rows(sql, (after, upto, server_nid))]


def entered(server_nid: int, after: int, upto: int) -> list[OwedList]:
    """Local users who came into a room with the server with after < position <= upto."""
    return [OwedList(*found) for found in db.rows(_ENTERED, (server_nid, after, upto))]


def newly_seen(user_nids: Iterable[int], after: int, upto: int) -> list[tuple[int, OwedList]]:
    """Users who joined rooms with after < position <= upto, and servers there that shared none with them."""
    sql = (
        "SELECT DISTINCT s.server_nid, m.changed_position, m.user_nid FROM membership m"
        " JOIN room_server s ON s.room_nid = m.room_nid AND s.joined > 0"
        f" WHERE {db.in_any('m.user_nid')} AND m.is_local AND m.membership = 2"
        " AND m.changed_position > %s AND m.changed_position <= %s AND NOT EXISTS (SELECT 1 FROM membership o"
        "  JOIN room_server t ON t.room_nid = o.room_nid AND t.server_nid = s.server_nid AND t.joined > 0"
        "  WHERE o.user_nid = m.user_nid AND o.membership = 2 AND o.changed_position < m.changed_position)"
    )
    found = db.rows(sql, (db.any_of(user_nids), after, upto))
    return [(server_nid, OwedList(position, user_nid)) for server_nid, position, user_nid in found]
