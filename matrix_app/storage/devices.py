"""The devices of local users, and what is stored for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from matrix_app.storage import db, sliding
from matrix_app.storage.stream import Change, Kind, append


class DeviceRow(NamedTuple):
    """A device of a local user."""

    nid: int
    user_nid: int
    device_id: str
    display_name: str | None
    created_ts: int
    last_seen_ts: int | None
    last_seen_ip: str | None
    last_seen_user_agent: str | None
    hidden: bool


_SELECT = f"SELECT {', '.join(DeviceRow._fields)} FROM device"

_LAST_OF_A_DEVICE = (
    "SELECT max(position) FROM device_list_change WHERE user_nid = %s AND device_id IS NOT NULL"
)

# Everything that belongs to a device and goes with it.
TABLES_OF_DEVICE = (
    "access_token",
    "refresh_token",
    "one_time_key",
    "fallback_key",
    "to_device_message",
    "pusher",
    "client_transaction",
    "dehydrated_device",
    "restored_device",
    "oauth_session",
    "oauth_code",
)


def find(user_nid: int, device_id: str) -> DeviceRow | None:
    """A device of a user, or None."""
    found = db.row(f"{_SELECT} WHERE user_nid = %s AND device_id = %s", (user_nid, device_id))
    return DeviceRow(*found) if found else None


def by_nid(nid: int) -> DeviceRow | None:
    """A device, or None."""
    found = db.row(f"{_SELECT} WHERE nid = %s", (nid,))
    return DeviceRow(*found) if found else None


def of_user(user_nid: int) -> list[DeviceRow]:
    """All devices of a user, oldest first."""
    return [
        DeviceRow(*found) for found in db.rows(f"{_SELECT} WHERE user_nid = %s ORDER BY nid", (user_nid,))
    ]


def page(user_nid: int, *, before: int | None, limit: int) -> list[DeviceRow]:
    """A user's devices, the newest first, before one by its nid."""
    sql = f"{_SELECT} WHERE user_nid = %s AND nid < %s ORDER BY nid DESC LIMIT %s"
    found = db.rows(sql, (user_nid, (1 << 62) if before is None else before, limit))
    return [DeviceRow(*row) for row in found]


def addresses(user_nids: Iterable[int]) -> list[tuple[int, str, int]]:
    """Every device of some users, in no order: (user nid, device ID, device nid)."""
    sql = f"SELECT user_nid, device_id, nid FROM device WHERE {db.in_any('user_nid')}"
    return db.rows(sql, (db.any_of(user_nids),))


def names_of(user_nids: Iterable[int]) -> dict[tuple[int, str], str | None]:
    """Every device of some users, by user nid and device ID, with its display name."""
    sql = f"SELECT user_nid, device_id, display_name FROM device WHERE {db.in_any('user_nid')}"
    return {(nid, device_id): name for nid, device_id, name in db.rows(sql, (db.any_of(user_nids),))}


def dehydrated(user_nid: int) -> int | None:
    """The nid of the device that receives messages while the user is signed in nowhere."""
    found: int | None = db.value("SELECT device_nid FROM dehydrated_device WHERE user_nid = %s", (user_nid,))
    return found


def hold(device_nid: int) -> bool:
    """Keep a device from being deleted before this write transaction ends; False when it is gone already."""
    lock = "" if db.is_sqlite() else " FOR KEY SHARE"
    return db.value(f"SELECT nid FROM device WHERE nid = %s{lock}", (device_nid,)) is not None


def count(user_nid: int) -> int:
    """How many devices a user has."""
    return int(db.value("SELECT count(*) FROM device WHERE user_nid = %s", (user_nid,)))


def rename(device_nid: int, display_name: str | None) -> None:
    """Give a device a display name."""
    db.execute("UPDATE device SET display_name = %s WHERE nid = %s", (display_name, device_nid))


def is_cross_signing_key(user_nid: int, device_id: str) -> bool:
    """Whether a user's cross-signing key has this ID, which no device may have then."""
    found = db.rows("SELECT key FROM cross_signing_key WHERE user_nid = %s", (user_nid,))
    return any(device_id in orjson.loads(key)["keys"].values() for (key,) in found)


def delete(user_nid: int, gone: Sequence[DeviceRow]) -> None:
    """Remove devices with everything that belongs to them: tokens, keys, pushers, waiting messages."""
    nids = db.any_of(device.nid for device in gone)
    if not db.is_sqlite():
        # Whoever holds one stores things that belong to it: those go, too.
        db.execute(f"SELECT nid FROM device WHERE {db.in_any('nid')} ORDER BY nid FOR UPDATE", (nids,))
    sliding.remove_of_devices([device.nid for device in gone])
    for table in TABLES_OF_DEVICE:
        db.execute(f"DELETE FROM {table} WHERE {db.in_any('device_nid')}", (nids,))
    ids = db.any_of(device.device_id for device in gone)
    db.execute(f"DELETE FROM device_keys WHERE user_nid = %s AND {db.in_any('device_id')}", (user_nid, ids))
    db.execute(
        f"DELETE FROM key_signature WHERE target_nid = %s AND {db.in_any('target_key')}", (user_nid, ids)
    )
    # What a device signed was the user's own master key.
    signers = db.any_of(f"ed25519:{device.device_id}" for device in gone)
    db.execute(
        f"DELETE FROM key_signature WHERE signer_nid = %s AND {db.in_any('key_id')}", (user_nid, signers)
    )
    db.execute(f"DELETE FROM device WHERE {db.in_any('nid')}", (nids,))


def device_list_changed(user_nid: int, device_id: str | None = None, *, keys_of: int | None = None) -> int:
    """Note that a local user's device or its keys changed; without one, the user's cross-signing keys.

    The stream position of the change is returned. `keys_of` is a device that is to be told of its one-time or
    fallback keys, too.
    """
    changes = [Change(Kind.DEVICE_LIST, user_nid=user_nid)]
    if keys_of is not None:
        changes.append(Change(Kind.ONE_TIME_KEYS, device_nid=keys_of))
    position = append(changes)[0]
    sql = (
        "INSERT INTO device_list_change (position, user_nid, device_id, previous) VALUES (%s, %s, %s,"
        f" ({_LAST_OF_A_DEVICE}))"
    )
    db.execute(sql, (position, user_nid, device_id, user_nid))
    return position


def device_lists_changed(user_nids: Sequence[int]) -> None:
    """Note that something in the device lists of remote users changed, or is out of date."""
    if not user_nids:
        return
    positions = append([Change(Kind.DEVICE_LIST, user_nid=nid) for nid in user_nids])
    sql = "INSERT INTO device_list_change (position, user_nid) VALUES {values}"
    db.insert_many(sql, 2, list(zip(positions, user_nids, strict=True)))


def device_list_position(user_nid: int) -> int:
    """The position of the last change of a device of a user; 0 where none is known.

    Changes of cross-signing keys do not count: what other servers are told of them has no position.
    """
    return int(db.value(_LAST_OF_A_DEVICE, (user_nid,)) or 0)
