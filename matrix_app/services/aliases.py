"""Room aliases ("Room aliases" of the client-server API)."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.ids import domain_of, parse_room_alias
from matrix_app.storage import aliases, members, rooms
from matrix_app.storage.local_server import local_server_name


class Resolved(NamedTuple):
    """Where an alias leads."""

    room_id: str
    servers: list[str]


def resolve(alias: str) -> Resolved:
    """The room of an alias, and servers that are in it; raises `NotFound`."""
    parse_room_alias(alias)
    if domain_of(alias) != local_server_name():
        raise NotFound("The server of the room alias cannot be reached")
    found = aliases.find(alias)
    if found is None:
        raise NotFound("The room alias is not known")
    local = local_server_name()
    others = [name for name in members.servers_in(found.room_nid) if name != local]
    return Resolved(rooms.by_nid(found.room_nid).room_id, [local, *others])
