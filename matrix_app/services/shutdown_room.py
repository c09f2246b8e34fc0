"""Closing a room for this server's users: by an administrator, for what happens in it."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.protocol.ids import domain_of
from matrix_app.services.blocked_rooms import set_blocked
from matrix_app.services.create_room import NewRoom, create_room
from matrix_app.services.membership import put_member
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.services.send_event import send_message
from matrix_app.storage import accounts, aliases, db, directory, interning, members, room_removal, rooms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import Membership
from matrix_app.storage.rooms import RoomIdentity

# How many users are moved in one transaction.
_AT_A_TIME = 50
_PRESENT = (Membership.JOIN, Membership.INVITE, Membership.KNOCK)


class Shutdown(msgspec.Struct, kw_only=True):
    """How a room is closed. The body of the administrators' endpoint."""

    new_room_user_id: str | None = None
    room_name: str = "Content Violation Notification"
    message: str = (
        "Sharing illegal content on this server is not permitted and rooms in violation will be blocked."
    )
    block: bool = False
    purge: bool = True


class Outcome(msgspec.Struct):
    """What became of it."""

    kicked_users: list[str]
    failed_to_kick_users: list[str]
    local_aliases: list[str]
    new_room_id: str | None


def shutdown_room(room_id: str, wanted: Shutdown) -> Outcome:
    """Let every local user leave a room, and maybe join another where only one user can speak."""
    room = rooms.find(room_id)
    if room is None:
        raise NotFound("The room is not known")
    if wanted.block:
        set_blocked(room, True)
    new_room = None if wanted.new_room_user_id is None else open_notice(wanted.new_room_user_id, wanted)
    present = [row for row in members.in_room(room.nid, _PRESENT) if row.is_local]
    users = list(interning.user_ids(row.user_nid for row in present).values())
    joined = [row.user_nid for row in present if row.membership == Membership.JOIN]
    move_users(room, users, "leave")
    if new_room is not None:
        move_users(new_room, list(interning.user_ids(joined).values()), "join")
    found = aliases.of_room(room.nid)
    unlist(room, new_room)
    if wanted.purge:
        purge_room(room)
    return Outcome(users, [], found, None if new_room is None else new_room.room_id)


def open_notice(user_id: str, wanted: Shutdown) -> RoomIdentity:
    """A new room in which a user says why another was closed, and nobody else may speak."""
    account = accounts.find(user_id) if domain_of(user_id) == local_server_name() else None
    if account is None:
        raise InvalidParam("new_room_user_id must be a user of this server")
    requester = Requester(user_id, account.user_nid, None, None, None)
    levels: dict[str, Any] = {"users_default": -10}
    notice = NewRoom(preset="public_chat", name=wanted.room_name, power_level_content_override=levels)
    room_id = create_room(requester, notice)
    send_message(requester, room_id, "m.room.message", {"msgtype": "m.text", "body": wanted.message})
    room = rooms.find(room_id)
    if room is None:
        raise LookupError(f"no room {room_id}")
    return room


def move_users(room: RoomIdentity, users: list[str], membership: str) -> None:
    """Change memberships of local users as if they did it themselves."""
    for start in range(0, len(users), _AT_A_TIME):
        chunk = users[start : start + _AT_A_TIME]

        def change(writer: RoomWriter, chunk: list[str] = chunk) -> None:
            for user_id in chunk:
                if writer.membership(user_id) != membership:
                    put_member(writer, user_id, user_id, membership)

        write_room(room, change)


def unlist(room: RoomIdentity, new_room: RoomIdentity | None) -> None:
    """Take a room out of the directory and its aliases away, or lead them to another room."""
    with db.write():
        directory.set_published(room.nid, False)
        if new_room is not None:
            aliases.move(room.nid, new_room.nid)
        else:
            aliases.remove_all(room.nid)
        members.forget_all(room.nid)


def purge_room(room: RoomIdentity) -> None:
    """Remove all that is stored of a room that no local user is in, in many short transactions."""
    more = True
    while more:
        with db.write():
            more = room_removal.remove_events(room.nid)
    with db.write():
        room_removal.remove_rest(room.nid)
