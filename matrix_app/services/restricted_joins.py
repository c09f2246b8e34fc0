"""Joining by way of another room ("Restricted rooms" of the client-server API)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from matrix_app.protocol.errors import Forbidden, UnableToAuthoriseJoin, UnableToGrantJoin
from matrix_app.protocol.event_auth import PowerLevels
from matrix_app.protocol.ids import domain_of
from matrix_app.services.known_rooms import is_here
from matrix_app.services.room_writer import RoomWriter
from matrix_app.storage import interning, members, rooms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import Membership

# Members without a level of their own are asked in turn; all have the same level, so few suffice.
_MOST_ASKED = 50


def authorising_user(room: RoomWriter, user_id: str) -> str | None:
    """A local member by whose power the user may join without an invite; None where none is needed.

    Raises `Forbidden` when the user meets no condition of the room. Another server has to be asked where
    this one raises `UnableToGrantJoin`, as none of its users may invite, or `UnableToAuthoriseJoin`, as it
    does not know who is in the rooms that are named.
    """
    rule = room.state_content("m.room.join_rules")
    if not _is_restricted(room, rule.get("join_rule")) or room.membership(user_id) in ("join", "invite"):
        return None
    if not meets_condition(rule, user_id):
        _refuse(rule, user_id)
    for candidate in _candidates(room):
        if room.membership(candidate) == "join":
            return candidate
    raise UnableToGrantJoin("No user of this server may invite to the room")


def _refuse(join_rules: dict[str, Any], user_id: str) -> NoReturn:
    # Users of this server are in no room that it does not know.
    if domain_of(user_id) != local_server_name():
        for room_id in allowed_rooms(join_rules):
            if not is_here(room_id):
                raise UnableToAuthoriseJoin(f"This server does not know who is in {room_id}")
    raise Forbidden("You are in none of the rooms whose members may join this one")


def _is_restricted(room: RoomWriter, join_rule: object) -> bool:
    rules = room.room.rules
    if join_rule == "knock_restricted":
        return rules.knock_restricted_join
    return join_rule == "restricted" and rules.restricted_join


def meets_condition(join_rules: dict[str, Any], user_id: str) -> bool:
    """Whether the user is joined to a room that the `allow` of join rules names, as far as known here."""
    nid = interning.find_user(user_id)
    if nid is None:
        return False
    named = rooms.find_many(room_id for room_id in allowed_rooms(join_rules) if is_here(room_id))
    found = members.in_rooms(nid, (room.nid for room in named.values()))
    return any(member.membership == Membership.JOIN for member in found.values())


def allowed_rooms(join_rules: dict[str, Any]) -> list[str]:
    """The IDs of the rooms that the `allow` of join rules names, as far as it has the right form."""
    allowed = join_rules.get("allow")
    named = []
    for condition in allowed if isinstance(allowed, list) else ():
        match condition:
            case {"type": "m.room_membership", "room_id": str(room_id)}:
                named.append(room_id)
    return named


def _candidates(room: RoomWriter) -> Iterable[str]:
    """Local users whose level lets them invite, those with the highest level first."""
    state = room.auth_state()
    levels = PowerLevels.from_state(state, room.room.rules)
    local = local_server_name()
    named = {*levels.creators, *levels.users}
    able = [user for user in named if domain_of(user) == local and levels.user_level(user) >= levels.invite]
    yield from sorted(able, key=levels.user_level, reverse=True)
    if levels.users_default >= levels.invite:
        others = members.local_joined(room.room.nid)[:_MOST_ASKED]
        yield from (user for user in interning.user_ids(others).values() if user not in named)
