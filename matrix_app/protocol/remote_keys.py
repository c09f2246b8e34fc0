"""What other servers tell of the devices and keys of their users, and what this one takes of it.

One device or key that is wrong is left out, and the others are taken: whether a key can be trusted is for
clients to find out, who verify its signatures. What may be missing is not insisted on; what is there has to
be of its kind, of the user and the device it is said to be of, and of a size that can be kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from matrix_app.protocol.canonical_json import MAX_INTEGER, encode_canonical
from matrix_app.protocol.encryption_keys import (
    LARGEST_OBJECT,
    MASTER,
    SELF_SIGNING,
    Signatures,
    parse_cross_signing_key,
    parse_one_time_keys,
)
from matrix_app.protocol.errors import BadJson, InvalidParam, MatrixError, TooLarge
from matrix_app.protocol.opaque_text import parse_opaque_text

# Devices of one user that are taken; a list of more is none that anybody could encrypt for.
MOST_DEVICES: Final = 2_000
LONGEST_NAME: Final = 255

# User ID to device ID to algorithm, as keys are claimed.
Claims = Mapping[str, Mapping[str, str]]


class RemoteDevice(NamedTuple):
    """A device of a remote user: its identity keys as canonical JSON without `unsigned`, and its name."""

    keys: bytes
    display_name: str | None


class RemoteKeys(NamedTuple):
    """Devices by ID and cross-signing keys of a remote user, the latter as canonical JSON.

    `stream_id` is up to which change they are true, where that was told.
    """

    devices: dict[str, RemoteDevice]
    master: bytes | None
    self_signing: bytes | None
    stream_id: int | None = None


class DeviceUpdate(NamedTuple):
    """The content of an `m.device_list_update`. Without a `device` it was deleted, or has no keys."""

    device_id: str
    device: RemoteDevice | None
    stream_id: int
    prev_ids: list[int]


class _Shape(msgspec.Struct):
    """What of identity keys is looked at, where it is there."""

    user_id: str | msgspec.UnsetType = msgspec.UNSET
    device_id: str | msgspec.UnsetType = msgspec.UNSET
    algorithms: list[str] | msgspec.UnsetType = msgspec.UNSET
    keys: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    signatures: Signatures | msgspec.UnsetType = msgspec.UNSET


def read_device_list(answer: Any, user_id: str) -> RemoteKeys:
    """The answer to `GET /user/devices/{userId}`; raises `BadJson` and `TooLarge`."""
    devices = answer.get("devices") if isinstance(answer, dict) else None
    if not isinstance(devices, list) or answer.get("user_id") != user_id:
        raise BadJson("The answer is no device list of the user")
    stream_id = _stream_id(answer.get("stream_id"))
    listed = {
        entry["device_id"]: (entry.get("keys"), entry.get("device_display_name"))
        for entry in devices
        if isinstance(entry, dict) and isinstance(entry.get("device_id"), str)
    }
    master = _cross_signing(answer.get("master_key"), user_id, MASTER)
    own = _cross_signing(answer.get("self_signing_key"), user_id, SELF_SIGNING)
    return RemoteKeys(_devices(listed, user_id), master, own, stream_id)


def read_queried_keys(answer: Any, user_id: str) -> RemoteKeys | None:
    """What an answer to `POST /user/keys/query` says of a user; None when it leaves the user out."""
    devices = _part(answer, "device_keys", user_id)
    master = _cross_signing(_part(answer, "master_keys", user_id), user_id, MASTER)
    own = _cross_signing(_part(answer, "self_signing_keys", user_id), user_id, SELF_SIGNING)
    if devices is None and master is None:
        return None
    listed = {name: (keys, _queried_name(keys)) for name, keys in (devices or {}).items()}
    return RemoteKeys(_devices(listed, user_id), master, own)


def read_claimed_keys(answer: Any, claims: Claims) -> dict[str, dict[str, dict[str, Any]]]:
    """The keys in an answer to `POST /user/keys/claim` that were asked for, one for each device."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for user_id, of_devices in claims.items():
        by_device = _part(answer, "one_time_keys", user_id) or {}
        for device_id, algorithm in of_devices.items():
            key = _claimed(by_device.get(device_id), algorithm)
            if key:
                found.setdefault(user_id, {})[device_id] = key
    return found


def read_device_update(content: Mapping[str, Any], user_id: str) -> DeviceUpdate:
    """The content of an `m.device_list_update` of a user; raises `BadRequest`."""
    device_id, stream_id = content.get("device_id"), _stream_id(content.get("stream_id"))
    if not isinstance(device_id, str) or stream_id is None:
        raise BadJson("The update names no device_id and stream_id")
    prev_ids = content.get("prev_id") or []
    if not isinstance(prev_ids, list) or any(_stream_id(prev) is None for prev in prev_ids):
        raise BadJson("prev_id is no list of stream IDs")
    keys, name = content.get("keys"), content.get("device_display_name")
    device = None
    if content.get("deleted") is not True and keys is not None:
        device = _device(device_id, keys, name, user_id)
    return DeviceUpdate(parse_opaque_text(device_id, "device ID"), device, stream_id, list(prev_ids))


def read_signing_keys(content: Mapping[str, Any], user_id: str) -> tuple[bytes | None, bytes | None]:
    """The master and the self-signing key of an `m.signing_key_update`; raises `BadRequest`."""
    master, own = content.get("master_key"), content.get("self_signing_key")
    return (
        None if master is None else _checked_cross_signing(master, user_id, MASTER),
        None if own is None else _checked_cross_signing(own, user_id, SELF_SIGNING),
    )


def _part(answer: Any, section: str, user_id: str) -> dict[str, Any] | None:
    of_users = answer.get(section) if isinstance(answer, dict) else None
    part = of_users.get(user_id) if isinstance(of_users, dict) else None
    return part if isinstance(part, dict) else None


def _stream_id(value: Any) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and abs(value) <= MAX_INTEGER else None


def _queried_name(keys: Any) -> Any:
    unsigned = keys.get("unsigned") if isinstance(keys, dict) else None
    return unsigned.get("device_display_name") if isinstance(unsigned, dict) else None


def _devices(listed: Mapping[str, tuple[Any, Any]], user_id: str) -> dict[str, RemoteDevice]:
    if len(listed) > MOST_DEVICES:
        raise TooLarge(f"A user with more than {MOST_DEVICES} devices")
    return dict(_sound(listed, user_id))


def _sound(listed: Mapping[str, tuple[Any, Any]], user_id: str) -> Iterator[tuple[str, RemoteDevice]]:
    for device_id, (keys, name) in listed.items():
        try:
            yield device_id, _device(device_id, keys, name, user_id)
        except MatrixError:
            continue  # nobody can encrypt for it


def _device(device_id: str, keys: Any, name: Any, user_id: str) -> RemoteDevice:
    parse_opaque_text(device_id, "device ID")
    try:
        shape = msgspec.convert(keys, _Shape)
    except msgspec.ValidationError as error:
        raise BadJson(str(error)) from error
    if shape.user_id not in (user_id, msgspec.UNSET) or shape.device_id not in (device_id, msgspec.UNSET):
        raise InvalidParam("These are the keys of another user or device")
    bare = {key: part for key, part in keys.items() if key != "unsigned"}
    if not bare:
        raise BadJson("The device has no keys")
    encoded = encode_canonical(bare)
    if len(encoded) > LARGEST_OBJECT:
        raise TooLarge(f"A key has at most {LARGEST_OBJECT} bytes")
    return RemoteDevice(encoded, _name(name))


def _name(name: Any) -> str | None:
    return name[:LONGEST_NAME] if isinstance(name, str) and "\0" not in name else None


def _cross_signing(value: Any, user_id: str, usage: str) -> bytes | None:
    try:
        return None if value is None else _checked_cross_signing(value, user_id, usage)
    except MatrixError:
        return None  # as if there were none


def _checked_cross_signing(value: Any, user_id: str, usage: str) -> bytes:
    if not isinstance(value, dict):
        raise BadJson("A cross-signing key is an object")
    return encode_canonical(parse_cross_signing_key(value, user_id, usage).content)


def _claimed(keys: Any, algorithm: str) -> dict[str, Any]:
    """The one key of the algorithm that was asked for; what else a server gives is nobody's."""
    for name, key in (keys if isinstance(keys, dict) else {}).items():
        try:
            (parsed,) = parse_one_time_keys({name: key})
        except MatrixError:
            continue
        if parsed.algorithm == algorithm:
            return {name: key}
    return {}
