"""What follows users and this server's directory from a room to the one that replaces it."""

from __future__ import annotations

from typing import Any

import orjson

from matrix_app.protocol.push_rules import copy_room_rules
from matrix_app.services.push_rules import change_rules
from matrix_app.services.room_writer import RoomWriter, read_room
from matrix_app.storage import account_data, aliases, db, directory, members, rooms
from matrix_app.storage.account_data import GLOBAL
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.user_lock import lock_user

_DIRECT = "m.direct"
# These speak of events of the old room.
_LEFT_BEHIND = frozenset({"m.fully_read", "m.marked_unread"})


def predecessor_of(room: RoomWriter) -> RoomIdentity | None:
    """The room that this one replaces, if that room says so too."""
    predecessor = room.state_content("m.room.create").get("predecessor")
    old_id = predecessor.get("room_id") if isinstance(predecessor, dict) else None
    old = rooms.find(old_id) if isinstance(old_id, str) else None
    if old is None:
        return None
    replacement = read_room(old).state_content("m.room.tombstone").get("replacement_room")
    return old if replacement == room.room.room_id else None


def follow_tombstone(room_nid: int) -> None:
    """A room says that it is replaced: carry over for those who have been in the other room before it did.

    That happens where the users' server hears of the tombstone after they have joined.
    """
    replacement = read_room(rooms.by_nid(room_nid)).state_content("m.room.tombstone").get("replacement_room")
    room = rooms.find(replacement) if isinstance(replacement, str) else None
    if room is None:
        return
    for user_nid in members.local_joined(room.nid):
        carry_over(room, user_nid)


def carry_over(room: RoomIdentity, user_nid: int) -> None:
    """After a local user has joined a room: let what they set for its predecessor hold for it too.

    "When a user joins the new room, the server should automatically transfer/replicate some of the user's
    personalized settings such as notifications, tags, etc." Doing it again changes nothing.
    """
    old = predecessor_of(read_room(room))
    if old is None:
        return
    move_listing(old, room)
    if members.get(old.nid, user_nid) is None:
        return
    with db.write():
        lock_user(user_nid)
        _copy_account_data(user_nid, old, room)
        _copy_direct(user_nid, old, room)
    change_rules(user_nid, lambda custom: copy_room_rules(custom, old.room_id, room.room_id))


def move_listing(old: RoomIdentity, new: RoomIdentity) -> None:
    """Let this server's aliases and its directory name the new room instead of the old one."""
    with db.write():
        aliases.move(old.nid, new.nid)
        if directory.is_published(old.nid):
            directory.set_published(old.nid, False)
            directory.set_published(new.nid, True)


def _copy_account_data(user_nid: int, old: RoomIdentity, new: RoomIdentity) -> None:
    present = {row.type for row in account_data.of_rooms(user_nid, [new.nid])}
    for row in account_data.of_rooms(user_nid, [old.nid]):
        if row.type not in present and row.type not in _LEFT_BEHIND:
            account_data.put(user_nid, new.nid, row.type, row.content)


def _copy_direct(user_nid: int, old: RoomIdentity, new: RoomIdentity) -> None:
    stored = account_data.get(user_nid, GLOBAL, _DIRECT)
    before: Any = None if stored is None else orjson.loads(stored)
    if not isinstance(before, dict):
        return
    after = {user: _with_successor(listed, old.room_id, new.room_id) for user, listed in before.items()}
    if after != before:
        account_data.put(user_nid, GLOBAL, _DIRECT, orjson.dumps(after))


def _with_successor(listed: Any, old_id: str, new_id: str) -> Any:
    if not isinstance(listed, list) or old_id not in listed or new_id in listed:
        return listed
    return [*listed, new_id]
