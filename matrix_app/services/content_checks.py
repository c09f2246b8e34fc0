"""What clients of this server may not write into events, although the room's rules would let them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from matrix_app.protocol.errors import AuthorizationFailed, BadJson, InvalidParam
from matrix_app.protocol.event_auth.power_level_changes import check_power_level_values
from matrix_app.protocol.server_acl import ServerAcl, host_of
from matrix_app.services.alias_checks import check_aliases
from matrix_app.services.room_writer import RoomWriter
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity

# Keys that other servers and clients rely upon to be strings.
_STRINGS: Mapping[str, tuple[str, ...]] = {
    "m.room.name": ("name",),
    "m.room.topic": ("topic",),
}
_OF_MESSAGES: Final = ("msgtype", "body")


def check_content(room: RoomIdentity, event_type: str, content: Mapping[str, Any]) -> None:
    """Raise `BadRequest` for content that breaks the schema of its type, or replaces a room by itself."""
    for key in _STRINGS.get(event_type, ()):
        # "If the topic property is absent, null, or empty then the topic is unset", and so is a name.
        if not isinstance(content.get(key), str | None):
            raise BadJson(f"{key} must be a string")
    # "Homeservers SHOULD reject `m.room.message` events which don't have a `msgtype` key [...]".
    if event_type == "m.room.message" and not all(isinstance(content.get(key), str) for key in _OF_MESSAGES):
        raise BadJson("A message needs a msgtype and a body, which are strings")
    if event_type == "m.room.tombstone" and content.get("replacement_room") == room.room_id:
        raise InvalidParam("A room cannot be replaced by itself")


def check_state_content(
    room: RoomWriter, event_type: str, state_key: str, content: Mapping[str, Any]
) -> None:
    """Raise `BadRequest` for state that leads nowhere, or would shut this server out of the room."""
    if state_key != "":
        return
    if event_type == "m.room.canonical_alias":
        check_aliases(room, content)
    if event_type == "m.room.power_levels":
        _check_levels(room, content)
    if event_type == "m.room.server_acl" and _shuts_out_this_server(content):
        raise InvalidParam("The list would shut this server out of the room")


def _check_levels(room: RoomWriter, content: Mapping[str, Any]) -> None:
    create = room.state("m.room.create")
    try:
        if create is not None:
            check_power_level_values(content, create, room.room.rules)
    except AuthorizationFailed as error:
        # Nobody may set these: it is the content that is wrong, not who sends it.
        raise BadJson(error.message) from error


def _shuts_out_this_server(content: Mapping[str, Any]) -> bool:
    # Lists know no ports: where this server has one, another server on its host may be meant.
    name = local_server_name()
    return name == host_of(name) and not ServerAcl.from_content(content).allows(name)
