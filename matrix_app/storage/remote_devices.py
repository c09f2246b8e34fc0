"""The device lists of remote users that are kept here, and which of them have to be asked for anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from matrix_app.protocol.remote_keys import RemoteDevice, RemoteKeys
from matrix_app.storage import cross_signing, db


class RemoteList(NamedTuple):
    """What is known of the list of a user: see the model."""

    user_nid: int
    stream_id: int | None
    epoch: int
    is_current: bool
    attempts: int


class DueList(NamedTuple):
    """A list that is to be asked for."""

    user_nid: int
    user_id: str
    server: str
    epoch: int
    attempts: int


_COLUMNS = ", ".join(RemoteList._fields)
# A condition on `u.nid`: whether the user is in a room that somebody of this server is in.
_SHARES = (
    "EXISTS (SELECT 1 FROM membership m JOIN room_summary s ON s.room_nid = m.room_nid"
    " WHERE m.user_nid = u.nid AND m.membership = 2 AND s.local_joined_members > 0)"
)


def get(user_nid: int) -> RemoteList | None:
    """The list of a user, held for the rest of the write transaction."""
    lock = "" if db.is_sqlite() else " FOR UPDATE"
    found = db.row(f"SELECT {_COLUMNS} FROM remote_device_list WHERE user_nid = %s{lock}", (user_nid,))
    return _row(found) if found else None


def of_users(user_nids: Iterable[int]) -> dict[int, RemoteList]:
    """The lists of some users, as far as there are any."""
    sql = f"SELECT {_COLUMNS} FROM remote_device_list WHERE {db.in_any('user_nid')}"
    return {found[0]: _row(found) for found in db.rows(sql, (db.any_of(user_nids),))}


def _row(found: Sequence[object]) -> RemoteList:
    row = RemoteList._make(found)
    return row._replace(is_current=bool(row.is_current))


def sharing(user_nids: Iterable[int]) -> set[int]:
    """Those of the users who are in a room that somebody of this server is in."""
    sql = f"SELECT u.nid FROM matrix_user u WHERE {db.in_any('u.nid')} AND {_SHARES}"
    return {found[0] for found in db.rows(sql, (db.any_of(user_nids),))}


def track(user_nids: Iterable[int], now: int, retry_ts: int) -> None:
    """Begin lists that are not current, and are to be asked for from `retry_ts` on, where there are none."""
    # Epochs begin with the time: none is that of a list which was dropped before.
    sql = (
        "INSERT INTO remote_device_list (user_nid, server_nid, epoch, is_current, attempts, retry_ts)"
        f" SELECT nid, server_nid, %s, %s, 0, %s FROM matrix_user WHERE {db.in_any('nid')} ORDER BY nid"
        " ON CONFLICT (user_nid) DO NOTHING"
    )
    db.execute(sql, (now, False, retry_ts, db.any_of(user_nids)))


def mark_stale(user_nid: int, retry_ts: int) -> None:
    """A list has missed something: it is asked for from `retry_ts` on, or when `complete` allowed it.

    One that was out of date before keeps its time.
    """
    sql = (
        "UPDATE remote_device_list SET epoch = epoch + 1, is_current = %s,"
        " retry_ts = CASE WHEN is_current AND retry_ts < %s THEN %s ELSE retry_ts END WHERE user_nid = %s"
    )
    db.execute(sql, (False, retry_ts, retry_ts, user_nid))


def advance(user_nid: int, stream_id: int) -> None:
    """A current list has taken in a change."""
    sql = "UPDATE remote_device_list SET stream_id = %s WHERE user_nid = %s"
    db.execute(sql, (stream_id, user_nid))


def claim_due(now: int, until: int, limit: int, of_one_server: int) -> list[DueList]:
    """Take lists that are to be asked for, the longest due first; nobody else takes them before `until`.

    Those of one server are only so many at a time. A server that has answered something since it was last
    asked in vain is asked again at once.
    """
    due = (
        "SELECT r.user_nid, r.retry_ts,"
        " row_number() OVER (PARTITION BY r.server_nid ORDER BY r.retry_ts, r.user_nid) AS place"
        " FROM remote_device_list r LEFT JOIN destination d ON d.server_nid = r.server_nid"
        " WHERE NOT r.is_current AND (r.retry_ts <= %s OR"
        " (d.failing_since_ts IS NULL AND d.last_success_ts > r.asked_ts))"
    )
    # What another process has taken meanwhile is no longer due, nor has it been asked for in vain.
    sql = (
        "UPDATE remote_device_list SET retry_ts = %s, asked_ts = NULL WHERE user_nid IN"
        f" (SELECT user_nid FROM ({due}) found WHERE place <= %s ORDER BY retry_ts LIMIT %s)"
        " AND NOT is_current AND (retry_ts <= %s OR asked_ts IS NOT NULL)"
        " RETURNING user_nid, epoch, attempts"
    )
    found = db.rows(sql, (until, now, of_one_server, limit, now))
    taken = {user_nid: rest for user_nid, *rest in found}
    names = db.rows(
        "SELECT u.nid, u.user_id, s.name FROM matrix_user u JOIN server s ON s.nid = u.server_nid"
        f" WHERE {db.in_any('u.nid')}",
        (db.any_of(taken),),
    )
    return [DueList(nid, user_id, server, *taken[nid]) for nid, user_id, server in names]


def next_due() -> int | None:
    """When the first list is to be asked for; None when all are current."""
    found: int | None = db.value("SELECT min(retry_ts) FROM remote_device_list WHERE NOT is_current")
    return found


def failed(user_nid: int, now: int, retry_ts: int) -> None:
    """A list could not be had."""
    sql = (
        "UPDATE remote_device_list SET attempts = attempts + 1, asked_ts = %s, retry_ts = %s"
        " WHERE user_nid = %s AND NOT is_current"
    )
    db.execute(sql, (now, retry_ts, user_nid))


def complete(user_nid: int, stream_id: int | None, epoch: int, retry_ts: int) -> bool:
    """A list has been stored that was asked for in `epoch`; whether that makes it current.

    It is not asked for again before `retry_ts`.
    """
    sql = (
        "UPDATE remote_device_list SET stream_id = %s, attempts = 0, asked_ts = NULL, retry_ts = %s,"
        " is_current = (epoch = %s) WHERE user_nid = %s RETURNING is_current"
    )
    return bool(db.value(sql, (stream_id, retry_ts, epoch, user_nid)))


def devices_of(user_nid: int) -> dict[str, RemoteDevice]:
    """The devices of a user as they are stored."""
    sql = "SELECT device_id, keys, display_name FROM device_keys WHERE user_nid = %s"
    return {name: RemoteDevice(bytes(keys), shown) for name, keys, shown in db.rows(sql, (user_nid,))}


def replace_devices(user_nid: int, new: Mapping[str, RemoteDevice]) -> bool:
    """Let a user have these devices and no others; whether that changed anything."""
    old = devices_of(user_nid)
    delete_devices(user_nid, old.keys() - new.keys())
    changed = {name: device for name, device in new.items() if old.get(name) != device}
    put_devices(user_nid, changed)
    return bool(changed) or bool(old.keys() - new.keys())


def put_devices(user_nid: int, new: Mapping[str, RemoteDevice]) -> None:
    """Store devices of a user, each in place of what was known of it."""
    sql = (
        "INSERT INTO device_keys (user_nid, device_id, keys, display_name, stream_id) VALUES {values}"
        " ON CONFLICT (user_nid, device_id) DO UPDATE"
        " SET keys = excluded.keys, display_name = excluded.display_name"
    )
    db.insert_many(
        sql, 5, [(user_nid, name, device.keys, device.display_name, 0) for name, device in new.items()]
    )


def delete_devices(user_nid: int, device_ids: Collection[str]) -> None:
    """Remove devices of a user."""
    if device_ids:
        sql = f"DELETE FROM device_keys WHERE user_nid = %s AND {db.in_any('device_id')}"
        db.execute(sql, (user_nid, db.any_of(device_ids)))


def count_devices(user_nid: int) -> int:
    """How many devices of a user are stored."""
    return int(db.value("SELECT count(*) FROM device_keys WHERE user_nid = %s", (user_nid,)))


def replace_cross_signing(user_nid: int, keys: RemoteKeys) -> bool:
    """Let a user have these cross-signing keys and no others; whether that changed anything."""
    old = cross_signing.of_user(user_nid)
    new = {"master": keys.master, "self_signing": keys.self_signing}
    gone = [usage for usage, key in new.items() if key is None and usage in old]
    changed = {usage: key for usage, key in new.items() if key is not None and old.get(usage) != key}
    if gone:
        cross_signing.delete(user_nid, gone)
    for usage, key in changed.items():
        cross_signing.put(user_nid, usage, key)
    return bool(gone or changed)


def drop(user_nids: Iterable[int]) -> None:
    """Forget the lists and keys of users."""
    nids = db.any_of(user_nids)
    for table in ("remote_device_list", "device_keys", "cross_signing_key"):
        db.execute(f"DELETE FROM {table} WHERE {db.in_any('user_nid')}", (nids,))


def no_longer_shared(user_nids: Iterable[int]) -> list[int]:
    """Those of the users with a list who share no room with anybody here."""
    sql = (
        "SELECT r.user_nid FROM remote_device_list r JOIN matrix_user u ON u.nid = r.user_nid"
        f" WHERE {db.in_any('r.user_nid')} AND NOT {_SHARES}"
    )
    return [found[0] for found in db.rows(sql, (db.any_of(user_nids),))]


def listed_in(room_nid: int) -> list[int]:
    """The users with a list who are in a room."""
    sql = (
        "SELECT r.user_nid FROM membership m JOIN remote_device_list r ON r.user_nid = m.user_nid"
        " WHERE m.room_nid = %s AND m.membership = 2"
    )
    return [found[0] for found in db.rows(sql, (room_nid,))]


def page(after: int, limit: int) -> list[int]:
    """The users with a list by nid, those after `after`."""
    sql = "SELECT user_nid FROM remote_device_list WHERE user_nid > %s ORDER BY user_nid LIMIT %s"
    return [found[0] for found in db.rows(sql, (after, limit))]
