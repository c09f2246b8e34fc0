"""A device publishes its keys ("Uploading keys")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.encryption_keys import (
    ED25519,
    KeyName,
    parse_device_keys,
    parse_one_time_keys,
    same_but_for_signatures,
)
from matrix_app.protocol.errors import InvalidParam, TooLarge, UnknownToken
from matrix_app.services.delete_devices import delete_devices
from matrix_app.services.hold_device import hold_device
from matrix_app.services.lost_time import is_restored
from matrix_app.storage import (
    claimed_keys,
    db,
    device_keys,
    device_messages,
    devices,
    fallback_keys,
    key_signatures,
    lost_time,
    one_time_keys,
    restored_devices,
)
from matrix_app.storage.clock import now_ms
from matrix_app.storage.one_time_keys import OneTimeKey
from matrix_app.storage.user_lock import lock_user

MOST_FALLBACK_KEYS: Final = 20
SIGNED_CURVE25519: Final = "signed_curve25519"


class NewKeys(NamedTuple):
    """Keys of a device that have been checked."""

    identity: bytes | None
    one_time: Mapping[KeyName, bytes]
    fallback: Mapping[KeyName, bytes]


def upload_keys(
    requester: Requester,
    identity: dict[str, Any] | None,
    one_time: Mapping[str, Any],
    fallback: Mapping[str, Any],
) -> dict[str, int]:
    """Store the keys of the requester's device; how many one-time keys it has then, by algorithm.

    Raises `BadRequest` for keys of another device, and for a key other than that which the server has under
    the same name; `UnknownToken`, or M_UNKNOWN_DEVICE for application services, when the device has been
    signed out meanwhile. A key that has been given out is not given again. Everybody who shares a room with
    the user learns of new identity keys.
    """
    if requester.device_id is None or requester.device_nid is None:
        raise InvalidParam("Keys belong to a device, and this access token belongs to none")
    new = read_keys(requester.user_id, requester.device_id, identity, one_time, fallback)
    if new.identity is not None and new.identity == device_keys.get(requester.user_nid, requester.device_id):
        new = new._replace(identity=None)
    if not any(new):
        return key_counts(requester.device_nid)
    if identity is None and new.one_time:
        _check_identity(requester.user_nid, requester.device_id)
    with db.write():
        lock_user(requester.user_nid)
        # Others would go on encrypting for a device that nobody sees in a list, and that cannot be deleted.
        hold_device(requester)
        return put_keys(requester.user_nid, requester.device_id, requester.device_nid, new)


def _check_identity(user_nid: int, device_id: str) -> None:
    """End a device whose identity keys a restore has lost; raises `UnknownToken`.

    Its client has uploaded them, and never does so twice: nobody could encrypt for it any more.
    """
    device = devices.find(user_nid, device_id)
    if device is None or not is_restored(device) or device_keys.get(user_nid, device_id) is not None:
        return
    delete_devices(user_nid, [device_id])
    raise UnknownToken("The keys of this device have been lost: sign in again")


def read_keys(
    user_id: str,
    device_id: str,
    identity: dict[str, Any] | None,
    one_time: Mapping[str, Any],
    fallback: Mapping[str, Any],
) -> NewKeys:
    """Check the keys that a client uploads for a device; raises `BadRequest`."""
    return NewKeys(
        None if identity is None else parse_device_keys(identity, user_id, device_id),
        parse_one_time_keys(dict(one_time)),
        _parse_fallback(fallback),
    )


def put_keys(user_nid: int, device_id: str, device_nid: int, new: NewKeys) -> dict[str, int]:
    """Store keys of a device, inside a transaction that has locked the user; its one-time keys by algorithm.

    With identity keys that are replaced goes what they signed, and what was signed of them.
    """
    changed = new.identity is not None and _put_identity(user_nid, device_id, device_nid, new.identity)
    changed |= _add_one_time(device_nid, new.one_time)
    for name, key in new.fallback.items():
        changed |= fallback_keys.put(device_nid, name.algorithm, name.key_id, key)
    counts = _bounded_counts(device_nid)
    if new.identity is not None:
        devices.device_list_changed(user_nid, device_id, keys_of=device_nid if changed else None)
    elif changed:
        device_messages.counts_changed([device_nid])
    return counts


def _put_identity(user_nid: int, device_id: str, device_nid: int, identity: bytes) -> bool:
    """Store identity keys; whether one-time and fallback keys went that nobody would take any more."""
    stored = device_keys.get(user_nid, device_id)
    device_keys.put(user_nid, device_id, identity)
    if stored is None or _is_same(stored, identity):
        return False
    key_signatures.forget_targets(user_nid, [device_id])
    signer = ED25519 + device_id
    if orjson.loads(stored)["keys"].get(signer) == orjson.loads(identity)["keys"].get(signer):
        return False
    key_signatures.forget_signers(user_nid, [signer])
    return one_time_keys.delete_all(device_nid) + fallback_keys.delete_all(device_nid) > 0


def _bounded_counts(device_nid: int) -> dict[str, int]:
    counts, most = key_counts(device_nid), get_config().limits.one_time_keys_per_device
    if sum(counts.values()) <= most:
        return counts
    one_time_keys.keep_newest(device_nid, most)
    return key_counts(device_nid)


def key_counts(device_nid: int) -> dict[str, int]:
    """Unclaimed one-time keys by algorithm; that of Olm is always told."""
    return {SIGNED_CURVE25519: 0, **device_messages.key_counts(device_nid)}


def _parse_fallback(keys: Mapping[str, Any]) -> dict[KeyName, bytes]:
    # "There can only be at most one key per algorithm uploaded."
    parsed = parse_one_time_keys(dict(keys))
    if len({name.algorithm for name in parsed}) != len(parsed):
        raise InvalidParam("A device has one fallback key for an algorithm")
    if len(parsed) > MOST_FALLBACK_KEYS:
        raise TooLarge(f"A device has at most {MOST_FALLBACK_KEYS} fallback keys")
    return parsed


def _add_one_time(device_nid: int, keys: Mapping[KeyName, bytes]) -> bool:
    if not keys:
        return False
    known = one_time_keys.with_ids(device_nid, [name.key_id for name in keys])
    for name, key in keys.items():
        if name in known and not _is_same(known[name], key):
            raise InvalidParam(f"The server has another one-time key called {name}")
    # A client that never got the answer uploads its keys again, and some may have been claimed meanwhile.
    given = claimed_keys.among(device_nid, keys)
    new = [
        OneTimeKey(device_nid, *name, key)
        for name, key in keys.items()
        if name not in known and not (name in given and _is_same(given[name], key))
    ]
    one_time_keys.add(new[: get_config().limits.one_time_keys_per_device], now_ms())
    if lost_time.every():
        restored_devices.has_one_time_keys(device_nid)
    return bool(new)


def _is_same(stored: bytes, uploaded: bytes) -> bool:
    return stored == uploaded or same_but_for_signatures(orjson.loads(stored), orjson.loads(uploaded))
