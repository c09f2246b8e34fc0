"""What other servers may ask about users of this one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from appliance.config import get_config
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.services.query_keys import query_known_keys
from matrix_app.storage import devices, interning
from matrix_app.storage.local_server import local_server_name


def require_local(user_ids: Iterable[str]) -> None:
    """Raise `InvalidParam` unless all are users of this server."""
    for user_id in user_ids:
        if domain_of(parse_user_id(user_id)) != local_server_name():
            raise InvalidParam(f"{user_id} is not a user of this server")


def devices_of(user_id: str) -> dict[str, Any]:
    """The devices of a user that have keys, with the cross-signing keys; raises `NotFound`.

    `stream_id` is the position of the last change of a device, on which the next update follows.
    """
    require_local([user_id])
    nid = interning.find_user(user_id)
    if nid is None:
        raise NotFound("There is no such user")
    # Read first, so that a change meanwhile is told again rather than lost.
    position = devices.device_list_position(nid)
    found = query_known_keys({user_id: []}, names=False)
    tell = get_config().federation.tell_device_names
    names = {row.device_id: row.display_name for row in devices.of_user(nid)} if tell else {}
    listed = []
    for device_id, keys in found.device_keys.get(user_id, {}).items():
        device = {"device_id": device_id, "keys": keys}
        if names.get(device_id) is not None:
            device["device_display_name"] = names[device_id]
        listed.append(device)
    answer: dict[str, Any] = {"user_id": user_id, "stream_id": position, "devices": listed}
    if user_id in found.master_keys:
        answer["master_key"] = found.master_keys[user_id]
    if user_id in found.self_signing_keys:
        answer["self_signing_key"] = found.self_signing_keys[user_id]
    return answer
