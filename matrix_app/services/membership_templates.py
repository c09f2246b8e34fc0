"""Membership events as other servers are to complete and sign them: the first step of their handshakes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from matrix_app.protocol.errors import Forbidden, IncompatibleRoomVersion
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.services.blocked_rooms import refuse_blocked
from matrix_app.services.member_content import AUTHORISER
from matrix_app.services.restricted_joins import authorising_user
from matrix_app.services.room_writer import RoomWriter, read_room
from matrix_app.services.server_access import resident_room
from matrix_app.storage.local_server import local_server_name

# What the server that signs makes itself; the ID belongs to it in room versions 1 and 2.
_NOT_OF_TEMPLATES: Final = ("event_id", "hashes", "signatures")


def make_template(
    room_id: str, user_id: str, membership: str, origin: str, versions: Collection[str] | None
) -> dict[str, Any]:
    """The template and the version of its room.

    `versions` are those that the server knows. Raises what the room's rules say against the membership,
    and `IncompatibleRoomVersion`, `UnableToAuthoriseJoin`, `UnableToGrantJoin` or `NotFound`.
    """
    if domain_of(parse_user_id(user_id)) != origin:
        raise Forbidden("The user is not of your server")
    room = resident_room(room_id, origin)
    version = room.rules.identifier
    if versions is not None and version not in versions:
        message = "Your homeserver does not support the features required to join this room"
        raise IncompatibleRoomVersion(message, room_version=version)
    if membership != "leave":
        refuse_blocked(room)
    reader = read_room(room)
    event = reader.add(
        sender=user_id,
        type="m.room.member",
        state_key=user_id,
        content=_content(reader, user_id, membership),
    )
    pdu = {key: value for key, value in event.pdu.items() if key not in _NOT_OF_TEMPLATES}
    # "The name of the resident homeserver." It is required of templates, though no event needs it.
    pdu["origin"] = local_server_name()
    return {"event": pdu, "room_version": version}


def _content(reader: RoomWriter, user_id: str, membership: str) -> dict[str, Any]:
    content: dict[str, Any] = {"membership": membership}
    if membership == "join" and reader.membership(user_id) != "ban":
        authoriser = authorising_user(reader, user_id)
        if authoriser is not None:
            content[AUTHORISER] = authoriser
    return content
