"""Dehydrated devices (MSC3814): they receive keys while their user is signed in nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import Forbidden, InvalidParam, NotFound, TooLarge
from matrix_app.protocol.ids import parse_device_id, parse_text
from matrix_app.protocol.tokens import StreamToken, parse_stream_token
from matrix_app.services.create_session import LONGEST_NAME
from matrix_app.services.delete_devices import delete_devices
from matrix_app.services.upload_keys import put_keys, read_keys
from matrix_app.storage import (
    db,
    dehydrated_devices,
    device_keys,
    device_messages,
    devices,
    sessions,
    stream,
)
from matrix_app.storage.clock import now_ms
from matrix_app.storage.dehydrated_devices import DehydratedDevice
from matrix_app.storage.user_lock import lock_user

LARGEST_DATA: Final = 262_144
MESSAGES_AT_ONCE: Final = 100


def put_dehydrated_device(
    requester: Requester,
    device_id: str,
    data: Mapping[str, Any],
    keys: tuple[dict[str, Any], Mapping[str, Any], Mapping[str, Any]],
    display_name: str | None,
) -> None:
    """Store a dehydrated device in place of the one that the user had.

    `keys` are its identity, one-time and fallback keys. Raises `BadRequest` for keys that are not its own,
    `InvalidParam` for the ID of another device of the user, and `Forbidden` for that of a cross-signing key.
    """
    parse_device_id(device_id)
    encoded = encode_canonical(dict(data), lenient=True)
    if len(encoded) > LARGEST_DATA:
        raise TooLarge(f"device_data has at most {LARGEST_DATA} bytes")
    new = read_keys(requester.user_id, device_id, *keys)
    name = None if display_name is None else parse_text(display_name)[:LONGEST_NAME]
    with db.write():
        lock_user(requester.user_nid)
        device_nid = _same_device(requester.user_nid, device_id, new.identity)
        if device_nid is None:
            device_nid = _new_device(requester.user_nid, device_id, name)
        dehydrated_devices.put(requester.user_nid, device_nid, encoded)
        put_keys(requester.user_nid, device_id, device_nid, new)


def _same_device(user_nid: int, device_id: str, identity: bytes | None) -> int | None:
    """The user's dehydrated device when it is this one: its client, which got no answer, repeats the request.

    What has been sent to the device meanwhile stays.
    """
    old = dehydrated_devices.of_user(user_nid)
    if old is None or old.device_id != device_id or device_keys.get(user_nid, device_id) != identity:
        return None
    return old.device_nid


def _new_device(user_nid: int, device_id: str, name: str | None) -> int:
    """Make a device in the place of the user's dehydrated one; its nid."""
    old = dehydrated_devices.of_user(user_nid)
    if old is not None:
        delete_devices(user_nid, [old.device_id])
    if devices.find(user_nid, device_id) is not None:
        raise InvalidParam("The user has a device with this ID already")
    if devices.is_cross_signing_key(user_nid, device_id):
        raise Forbidden("The device ID is that of a cross-signing key")
    return sessions.put_device(user_nid, device_id, name, now_ms())


def find_dehydrated_device(user_nid: int) -> DehydratedDevice:
    """The dehydrated device of a user; raises `NotFound`."""
    found = dehydrated_devices.of_user(user_nid)
    if found is None:
        raise NotFound("No dehydrated device available")
    return found


def delete_dehydrated_device(user_nid: int) -> str:
    """Remove the dehydrated device of a user with all that waits for it; its ID. Raises `NotFound`."""
    found = find_dehydrated_device(user_nid)
    delete_devices(user_nid, [found.device_id])
    return found.device_id


class Messages(NamedTuple):
    """Messages as JSON, the token to go on with, and whether there are more."""

    events: list[bytes]
    next_batch: str
    limited: bool


def messages_of(user_nid: int, device_id: str, after: str | None, limit: int = MESSAGES_AT_ONCE) -> Messages:
    """Messages to the dehydrated device after a token, `limit` at most. They stay where they are.

    Raises `Forbidden` for another device, and `NotFound` when there is none.
    """
    device = find_dehydrated_device(user_nid)
    if device.device_id != device_id:
        raise Forbidden("This is not the dehydrated device")
    since = 0 if after is None else parse_stream_token(after).position
    upto = stream.current_position()
    found = device_messages.after(device.device_nid, since, upto, limit + 1)
    shown = found[:limit]
    reached = shown[-1].position if shown else since
    return Messages([message.content for message in shown], str(StreamToken(reached)), len(found) > limit)
