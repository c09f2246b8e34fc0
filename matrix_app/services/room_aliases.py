"""Room aliases ("Room aliases" of the client-server API)."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Conflict, Forbidden, InvalidParam, NotFound
from matrix_app.protocol.ids import domain_of, parse_room_alias, parse_room_id
from matrix_app.services import appservice_queries, remote_directory
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.appservices import check_alias_namespace
from matrix_app.services.canonical_alias import may_change, stop_advertising
from matrix_app.services.known_rooms import require_room
from matrix_app.services.room_writer import read_room
from matrix_app.storage import aliases, db, members, rooms, summaries
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import Membership
from matrix_app.storage.rooms import RoomIdentity


class Resolved(NamedTuple):
    """Where an alias leads."""

    room_id: str
    servers: list[str]


def resolve(alias: str) -> Resolved:
    """The room of an alias, and servers that are in it; raises `NotFound`."""
    parse_room_alias(alias)
    if domain_of(alias) != local_server_name():
        return Resolved(*remote_directory.resolve(alias))
    found = find_local(alias)
    if found is None:
        raise NotFound("The room alias is not known")
    return found


def find_local(alias: str) -> Resolved | None:
    """Where an alias of this server leads."""
    found = aliases.find(alias)
    if found is None and appservice_queries.make_alias(alias):
        found = aliases.find(alias)
    if found is None:
        return None
    local = local_server_name()
    others = [name for name in members.servers_in(found.room_nid) if name != local]
    return Resolved(rooms.by_nid(found.room_nid).room_id, [local, *others])


def create_alias(requester: Requester, alias: str, room_id: str) -> None:
    """Let an alias of this server lead to a room that the user is in; raises `Conflict` when it is taken."""
    refuse_suspended(requester)
    parse_room_alias(alias)
    parse_room_id(room_id)
    if domain_of(alias) != local_server_name():
        raise InvalidParam("The room alias belongs to another server")
    if any(character.isspace() for character in alias):
        raise InvalidParam("A room alias cannot have spaces")
    check_alias_namespace(alias, requester.appservice_id)
    room = require_room(room_id)
    if not _is_joined(room, requester) and not requester.is_admin and requester.appservice_id is None:
        raise Forbidden("You must be in the room to give it an alias")
    with db.write():
        if not aliases.add(alias, room.nid, requester.user_nid):
            raise Conflict(f"The room alias {alias} exists already")


def delete_alias(requester: Requester, alias: str) -> None:
    """Remove an alias; the room stops to advertise it where the user may say so.

    Raises `NotFound`, `Forbidden` unless it is the user's own or the room's power levels let them, and
    `Exclusive` where it is an application service's.
    """
    parse_room_alias(alias)
    found = aliases.find(alias)
    if found is None:
        raise NotFound("The room alias is not known")
    if not requester.is_admin:
        check_alias_namespace(alias, requester.appservice_id)
    room = rooms.by_nid(found.room_nid)
    if not _may_delete(requester, room, found.creator_nid):
        raise Forbidden("You may not delete this alias")
    with db.write():
        aliases.remove(alias)
    stop_advertising(room, requester.user_id, alias)


def _may_delete(requester: Requester, room: RoomIdentity, creator_nid: int) -> bool:
    # "[...] the AS should be able to manage any users and room alias in its namespace."
    if creator_nid == requester.user_nid or requester.is_admin or requester.appservice_id is not None:
        return True
    return _is_joined(room, requester) and may_change(read_room(room), requester.user_id)


def aliases_of(requester: Requester, room_id: str) -> list[str]:
    """The aliases of a room on this server, for its members and for everybody when it is world-readable."""
    room = require_room(room_id)
    readable = summaries.get(room.nid).history_visibility == "world_readable"
    if not (readable or _is_joined(room, requester) or requester.is_admin):
        raise Forbidden("You are not in this room")
    return aliases.of_room(room.nid)


def _is_joined(room: RoomIdentity, requester: Requester) -> bool:
    member = members.get(room.nid, requester.user_nid)
    return member is not None and member.membership == Membership.JOIN
