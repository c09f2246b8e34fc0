"""The create event: who may make it, who created the room, and whether others may take part.

Rules 1 and 3 of versions 1 to 11; rules 1, 2 and 4 of version 12.
"""

from __future__ import annotations

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth.identifiers import is_user_id, server_of
from matrix_app.protocol.event_auth.selection import CREATE_KEY
from matrix_app.protocol.events import Event, StateMap
from matrix_app.protocol.room_versions import ROOM_VERSIONS, RoomVersion


def creators_of(create: Event, rules: RoomVersion) -> set[str]:
    """The creators of the room: one up to version 11, any number from version 12."""
    if not rules.implicit_room_creator:
        creator = create.content.get("creator")
        return {creator} if isinstance(creator, str) else set()
    creators = {create.sender}
    if rules.privileged_creators:
        additional = create.content.get("additional_creators")
        if isinstance(additional, list):
            creators.update(creator for creator in additional if isinstance(creator, str))
    return creators


def check_create(event: Event) -> None:
    """Rule 1: refuse a bad `m.room.create`."""
    # 1.1: it comes first, so it has no previous events.
    if event.prev_event_ids:
        raise AuthorizationFailed("A create event must not have previous events")
    _check_room_id(event)
    # 1.3: a version that is named must be one we know.
    version = event.content.get("room_version", "1")
    if not isinstance(version, str) or version not in ROOM_VERSIONS:
        raise AuthorizationFailed(f"The room version {version!r} is not known")
    # 1.4 up to version 10: it names its creator.
    if not event.rules.implicit_room_creator and "creator" not in event.content:
        raise AuthorizationFailed("A create event must name its creator")
    # 1.4 from version 12: additional creators are a list of valid user IDs.
    if event.rules.privileged_creators and "additional_creators" in event.content:
        creators = event.content["additional_creators"]
        if not isinstance(creators, list) or not all(is_user_id(creator) for creator in creators):
            raise AuthorizationFailed("additional_creators must be a list of user IDs")


def _check_room_id(event: Event) -> None:
    # 1.2 from version 12: the room ID is the event's own ID, so it cannot carry one.
    if event.rules.room_id_is_create_hash:
        if "room_id" in event.pdu:
            raise AuthorizationFailed("A create event of this version must not have a room ID")
    # 1.2 before: the room ID belongs to the sender's server.
    elif server_of(event.room_id) != server_of(event.sender):
        raise AuthorizationFailed("The room ID and the sender of a create event must be of one server")


def create_event_of(event: Event, state: StateMap) -> Event:
    """The create event of the room that `event` is in; refuses an event of a room without one."""
    create = state.get(CREATE_KEY)
    if create is None:
        raise AuthorizationFailed("The room has no create event")
    # 2 of version 12: the room ID is the ID of an accepted create event with another sigil.
    if event.rules.room_id_is_create_hash:
        if create.event_id[1:] != event.room_id[1:] or event.room_id[:1] != "!":
            raise AuthorizationFailed("The room ID is not that of the room's create event")
        if create.rejected:
            raise AuthorizationFailed("The create event of the room was rejected")
    return create


def check_federation(event: Event, create: Event) -> None:
    """Rule 3 (4 in version 12): a room with `m.federate` false is for its creator's server alone."""
    if create.content.get("m.federate") is False and server_of(event.sender) != server_of(create.sender):
        raise AuthorizationFailed("The room is closed to other servers")
