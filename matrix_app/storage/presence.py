"""The presence of users, as far as it is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from matrix_app.storage import db
from matrix_app.storage.clock import now_ms
from matrix_app.storage.profiles import Names, names_of
from matrix_app.storage.stream import Change, Kind, append


class PresenceRow(NamedTuple):
    """A user's presence."""

    user_nid: int
    presence: str
    status_msg: str | None
    last_active_ts: int
    currently_active: bool
    last_sync_ts: int | None
    position: int


_COLUMNS = ", ".join(PresenceRow._fields)


def get(user_nid: int, *, lock: bool = False) -> PresenceRow | None:
    """The presence of a user, or None while there never was any; `lock` keeps it for the transaction."""
    suffix = " FOR UPDATE" if lock and not db.is_sqlite() else ""
    found = db.row(f"SELECT {_COLUMNS} FROM presence WHERE user_nid = %s{suffix}", (user_nid,))
    return _row(found) if found else None


def get_many(user_nids: Iterable[int]) -> dict[int, PresenceRow]:
    """The presence of those users who have any."""
    sql = f"SELECT {_COLUMNS} FROM presence WHERE {db.in_any('user_nid')}"
    return {found[0]: _row(found) for found in db.rows(sql, (db.any_of(user_nids),))}


def put_all(rows: Sequence[PresenceRow]) -> None:
    """Store changed presences and tell those who see them; each row gets its position here."""
    positions = append([Change(Kind.PRESENCE, None, row.user_nid) for row in rows])
    placed = [row._replace(position=position) for row, position in zip(rows, positions, strict=True)]
    sql = (
        f"INSERT INTO presence ({_COLUMNS}) VALUES {{values}} ON CONFLICT (user_nid) DO UPDATE SET"
        " presence = excluded.presence, status_msg = excluded.status_msg,"
        " last_active_ts = excluded.last_active_ts, currently_active = excluded.currently_active,"
        " last_sync_ts = excluded.last_sync_ts, position = excluded.position"
    )
    db.insert_many(sql, len(PresenceRow._fields), placed)


def touch(user_nids: Iterable[int], *, last_sync_ts: int) -> None:
    """Note that users are connected; nobody is told."""
    sql = f"UPDATE presence SET last_sync_ts = %s WHERE {db.in_any('user_nid')}"
    db.execute(sql, (last_sync_ts, db.any_of(user_nids)))


def set_last_active(user_nid: int, last_active_ts: int) -> None:
    """Note that a user did something; nobody is told."""
    db.execute("UPDATE presence SET last_active_ts = %s WHERE user_nid = %s", (last_active_ts, user_nid))


def in_stream(user_nids: Iterable[int], after: int, upto: int) -> list[PresenceRow]:
    """The presences of some users that changed after `after` up to `upto`."""
    sql = (
        f"SELECT {_COLUMNS} FROM presence WHERE {db.in_any('user_nid')} AND position > %s AND position <= %s"
        " ORDER BY position"
    )
    return [_row(found) for found in db.rows(sql, (db.any_of(user_nids), after, upto))]


def online_local_members(room_nid: int, limit: int) -> list[PresenceRow]:
    """The presences of local users who are joined to a room and not offline, the last changed first."""
    sql = (
        f"SELECT {', '.join('p.' + name for name in PresenceRow._fields)} FROM membership m"
        " JOIN presence p ON p.user_nid = m.user_nid"
        " WHERE m.room_nid = %s AND m.membership = 2 AND m.is_local AND p.presence <> 'offline'"
        " ORDER BY p.position DESC LIMIT %s"
    )
    return [_row(found) for found in db.rows(sql, (room_nid, limit))]


def due(*, gone_before: int, idle_before: int, recent_before: int, limit: int) -> list[PresenceRow]:
    """Local users who look more present than they have been: not connected since `gone_before`, or not
    active since `idle_before` or `recent_before`; their rows are kept for the transaction."""
    suffix = "" if db.is_sqlite() else " FOR UPDATE OF p SKIP LOCKED"
    sql = (
        f"SELECT {', '.join('p.' + name for name in PresenceRow._fields)} FROM presence p"
        " JOIN matrix_user u ON u.nid = p.user_nid WHERE p.presence <> 'offline' AND u.is_local"
        " AND ((coalesce(p.last_sync_ts, 0) < %s AND p.last_active_ts < %s)"
        " OR (p.presence = 'online' AND p.last_active_ts < %s)"
        f" OR (p.currently_active AND p.last_active_ts < %s)) LIMIT %s{suffix}"
    )
    found = db.rows(sql, (gone_before, gone_before, idle_before, recent_before, limit))
    return [_row(columns) for columns in found]


def contents(rows: Iterable[PresenceRow]) -> dict[int, dict[str, Any]]:
    """The content of an `m.presence` event for each user among `rows`."""
    rows = list(rows)
    names = names_of(row.user_nid for row in rows)
    now = now_ms()
    return {row.user_nid: content_of(row, now) | _shown(names.get(row.user_nid, Names())) for row in rows}


def content_of(row: PresenceRow, now: int) -> dict[str, Any]:
    """What the presence endpoint answers, and an event's content but for the profile."""
    content: dict[str, Any] = {"presence": row.presence}
    if row.last_active_ts:
        content["last_active_ago"] = max(0, now - row.last_active_ts)
    if row.presence == "online":
        content["currently_active"] = row.currently_active
    if row.status_msg is not None:
        content["status_msg"] = row.status_msg
    return content


def _shown(names: Names) -> dict[str, str]:
    return {name: value for name, value in names._asdict().items() if value}


def _row(found: db.Row) -> PresenceRow:
    return PresenceRow(*found)._replace(currently_active=bool(found[4]))
