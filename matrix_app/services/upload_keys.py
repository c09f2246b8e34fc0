"""A device publishes its keys ("Uploading keys")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.encryption_keys import (
    KeyName,
    parse_device_keys,
    parse_one_time_keys,
    same_but_for_signatures,
)
from matrix_app.protocol.errors import InvalidParam, TooLarge
from matrix_app.storage import (
    db,
    device_keys,
    device_messages,
    devices,
    fallback_keys,
    key_signatures,
    one_time_keys,
)
from matrix_app.storage.clock import now_ms
from matrix_app.storage.one_time_keys import OneTimeKey
from matrix_app.storage.user_lock import lock_user

MOST_FALLBACK_KEYS: Final = 20
SIGNED_CURVE25519: Final = "signed_curve25519"


def upload_keys(
    requester: Requester,
    identity: dict[str, Any] | None,
    one_time: Mapping[str, Any],
    fallback: Mapping[str, Any],
) -> dict[str, int]:
    """Store the keys of the requester's device; how many one-time keys it has then, by algorithm.

    Raises `BadRequest` for keys of another device, and for a key other than that which the server has under
    the same name. Everybody who shares a room with the user learns of new identity keys.
    """
    if requester.device_id is None or requester.device_nid is None:
        raise InvalidParam("Keys belong to a device, and this access token belongs to none")
    new_one_time = parse_one_time_keys(dict(one_time))
    new_fallback = _parse_fallback(fallback)
    keys = None if identity is None else parse_device_keys(identity, requester.user_id, requester.device_id)
    if keys is not None and keys == device_keys.get(requester.user_nid, requester.device_id):
        keys = None
    if not (keys or new_one_time or new_fallback):
        return key_counts(requester.device_nid)
    with db.write():
        lock_user(requester.user_nid)
        changed = _add_one_time(requester.device_nid, new_one_time)
        for name, key in new_fallback.items():
            changed |= fallback_keys.put(requester.device_nid, name.algorithm, name.key_id, key)
        if keys is not None:
            put_device_keys(requester.user_nid, requester.device_id, keys)
        if changed:
            device_messages.counts_changed([requester.device_nid])
        return key_counts(requester.device_nid)


def key_counts(device_nid: int) -> dict[str, int]:
    """Unclaimed one-time keys by algorithm; that of Olm is always told."""
    return {SIGNED_CURVE25519: 0, **device_messages.key_counts(device_nid)}


def put_device_keys(user_nid: int, device_id: str, keys: bytes) -> None:
    """Store new identity keys, inside a transaction; signatures on those that they replace go."""
    key_signatures.forget_targets(user_nid, [device_id])
    device_keys.put(user_nid, device_id, keys)
    devices.device_list_changed(user_nid)


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
    new = [OneTimeKey(device_nid, *name, key) for name, key in keys.items() if name not in known]
    most = get_config().limits.one_time_keys_per_device
    one_time_keys.add(new[:most], now_ms())
    one_time_keys.keep_newest(device_nid, most)
    return bool(new)


def _is_same(stored: bytes, uploaded: bytes) -> bool:
    return stored == uploaded or same_but_for_signatures(orjson.loads(stored), orjson.loads(uploaded))
