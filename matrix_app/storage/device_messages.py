"""To-device messages, and key counts and device list changes as sync reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matrix_app.storage import db, lost_time, restored_devices
from matrix_app.storage.stream import Kind, append_for_devices


class Message(NamedTuple):
    """A to-device message in the form of /sync."""

    position: int
    content: bytes


def after(device_nid: int, since: int, upto: int, limit: int) -> list[Message]:
    """The oldest messages for a device with since < position <= upto."""
    sql = (
        "SELECT position, content FROM to_device_message WHERE device_nid = %s AND position > %s"
        " AND position <= %s ORDER BY position, nid LIMIT %s"
    )
    return [
        Message(position, bytes(found)) for position, found in db.rows(sql, (device_nid, since, upto, limit))
    ]


def acknowledge(device_nid: int, upto: int) -> int:
    """Remove what a device has received, as its `since` says; at most 1000 at a time."""
    sql = (
        "DELETE FROM to_device_message WHERE nid IN (SELECT nid FROM to_device_message"
        " WHERE device_nid = %s AND position <= %s ORDER BY position LIMIT 1000)"
    )
    return db.changed(sql, (device_nid, upto))


def oldest(device_nid: int) -> int | None:
    """The position of a device's oldest message."""
    found: int | None = db.value(
        "SELECT min(position) FROM to_device_message WHERE device_nid = %s", (device_nid,)
    )
    return found


def overfull(most: int) -> list[int]:
    """The devices that more than `most` messages wait for."""
    sql = "SELECT device_nid FROM to_device_message GROUP BY device_nid HAVING count(*) > %s"
    return [found[0] for found in db.rows(sql, (most,))]


def drop_oldest(device_nid: int, most: int, limit: int) -> int:
    """Remove the oldest messages for a device beyond the newest `most`, at most `limit`; how many."""
    sql = (
        "DELETE FROM to_device_message WHERE nid IN (SELECT nid FROM to_device_message WHERE device_nid = %s"
        " ORDER BY position DESC LIMIT %s OFFSET %s)"
    )
    return db.changed(sql, (device_nid, limit, most))


def key_counts(device_nid: int) -> dict[str, int]:
    """Unclaimed one-time keys by algorithm.

    A device that lost them in a restore is told of one, until it has uploaded others.
    """
    sql = "SELECT algorithm, count(*) FROM one_time_key WHERE device_nid = %s GROUP BY algorithm"
    found: dict[str, int] = dict(db.rows(sql, (device_nid,)))
    if not found and lost_time.every() and restored_devices.needs_one_time_keys(device_nid):
        # Of none at all matrix-nio takes no notice, and would not upload new ones.
        return {"signed_curve25519": 1}
    return found


def unused_fallbacks(device_nid: int) -> list[str]:
    """The algorithms with a fallback key that nobody has claimed yet."""
    sql = "SELECT algorithm FROM fallback_key WHERE device_nid = %s AND NOT used ORDER BY algorithm"
    return [found[0] for found in db.rows(sql, (device_nid,))]


def lists_changed(user_nids: Iterable[int], since: int, upto: int) -> set[int]:
    """Those of the users whose devices or keys changed with since < position <= upto."""
    sql = (
        f"SELECT DISTINCT user_nid FROM device_list_change WHERE {db.in_any('user_nid')}"
        " AND position > %s AND position <= %s"
    )
    return {found[0] for found in db.rows(sql, (db.any_of(user_nids), since, upto))}


def any_list_changed(since: int, upto: int) -> bool:
    """Whether anybody's devices or keys changed."""
    sql = "SELECT 1 FROM device_list_change WHERE position > %s AND position <= %s LIMIT 1"
    return db.value(sql, (since, upto)) is not None


# A message on its way to a device of a local user: nids of the user and the device, and the JSON of /sync.
Delivery = tuple[int, int, bytes]


def put_many(deliveries: Sequence[Delivery]) -> None:
    """Store messages, one for a device, inside a write transaction; they share a position of the stream."""
    if not deliveries:
        return
    addressees = [(user_nid, device_nid) for user_nid, device_nid, _ in deliveries]
    position = append_for_devices(Kind.TO_DEVICE, addressees)
    rows = [(device_nid, position, content) for _, device_nid, content in deliveries]
    db.insert_many("INSERT INTO to_device_message (device_nid, position, content) VALUES {values}", 3, rows)


def counts_changed(device_nids: Iterable[int]) -> None:
    """Tell devices, with their next sync, that their one-time or fallback keys are other than they were."""
    addressees = [(None, device_nid) for device_nid in device_nids]
    if addressees:
        append_for_devices(Kind.ONE_TIME_KEYS, addressees)
