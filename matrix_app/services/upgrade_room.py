"""Replacing a room by one of another version ("Room upgrades" of the client-server API)."""

from __future__ import annotations

from copy import deepcopy
from secrets import token_urlsafe
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import AuthorizationFailed, Forbidden, InvalidRoomState, NotFound
from matrix_app.protocol.event_auth import PowerLevels
from matrix_app.protocol.ids import parse_user_id
from matrix_app.protocol.room_versions import RoomVersion, room_version
from matrix_app.services import canonical_alias
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.known_rooms import find_here
from matrix_app.services.room_succession import carry_over, move_listing
from matrix_app.services.room_writer import RoomWriter, draft_room, store_new_room, write_room
from matrix_app.services.upgraded_state import add_first_events
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity

_TOMBSTONE = "m.room.tombstone"
_LEVELS = "m.room.power_levels"


def upgrade_room(
    requester: Requester, room_id: str, version: str, additional_creators: list[str] | None = None
) -> str:
    """Make a room of `version` which takes the place of another; its ID.

    The new room, the end of the old one, and what moves between them are one transaction.
    """
    refuse_suspended(requester)
    rules = room_version(version)
    additional = (
        [parse_user_id(user) for user in additional_creators or ()] if rules.privileged_creators else []
    )
    old = find_here(room_id)
    if old is None:
        raise NotFound("The room is not known")
    user_id = requester.user_id
    stored: list[RoomIdentity] = []

    def change(room: RoomWriter) -> RoomWriter:
        _refuse_unable(room, user_id)
        draft = _replace(room, user_id, rules, list(additional))
        _close(room, user_id)
        return draft

    def beside(draft: RoomWriter) -> None:
        stored.append(store_new_room(draft))
        move_listing(old, stored[-1])

    write_room(old, change, beside=beside)
    carry_over(stored[-1], requester.user_nid)
    return stored[-1].room_id


def _refuse_unable(room: RoomWriter, user_id: str) -> None:
    levels = PowerLevels.from_state(room.auth_state(), room.room.rules)
    able = levels.user_level(user_id) >= levels.level_for_event(_TOMBSTONE, is_state=True)
    if room.membership(user_id) != "join" or not able:
        raise Forbidden("You may not upgrade this room")


def _replace(old: RoomWriter, user_id: str, rules: RoomVersion, additional: list[str]) -> RoomWriter:
    """Add the tombstone to the old room, and draft the new one.

    Where the ID of a room is the hash of its create event, the tombstone cannot be there before: "When
    upgrading to room version 12 or later, the event_id property inside predecessor MAY be omitted".
    """
    predecessor = {"room_id": old.room.room_id}
    room_id = ""
    if not rules.room_id_is_create_hash:
        room_id = f"!{token_urlsafe(14)}:{local_server_name()}"
        predecessor["event_id"] = _add_tombstone(old, user_id, room_id)

    def first_events(new: RoomWriter) -> None:
        add_first_events(new, old, user_id, predecessor=predecessor, additional_creators=additional)

    try:
        draft = draft_room(rules, room_id, first_events)
    except AuthorizationFailed as error:
        raise InvalidRoomState(error.message) from error
    if rules.room_id_is_create_hash:
        _add_tombstone(old, user_id, draft.room.room_id)
    return draft


def _add_tombstone(old: RoomWriter, user_id: str, replacement: str) -> str:
    content = {"body": "This room has been replaced", "replacement_room": replacement}
    return old.add(sender=user_id, type=_TOMBSTONE, state_key="", content=content).event_id


def _close(room: RoomWriter, user_id: str) -> None:
    """Let the old room advertise no aliases and take no more events, where the user may arrange it."""
    if room.state_content(canonical_alias.TYPE) and canonical_alias.may_change(room, user_id):
        room.add(sender=user_id, type=canonical_alias.TYPE, state_key="", content={})
    levels = PowerLevels.from_state(room.auth_state(), room.room.rules)
    content = _restricted(room.state_content(_LEVELS), levels)
    mine = levels.user_level(user_id)
    needed = max(levels.level_for_event(_LEVELS, is_state=True), content["events_default"], content["invite"])
    if content != room.state_content(_LEVELS) and mine >= needed:
        room.add(sender=user_id, type=_LEVELS, state_key="", content=content)


def _restricted(content: dict[str, Any], levels: PowerLevels) -> dict[str, Any]:
    # "For example, setting events_default and invite to the greater of 50 and users_default + 1."
    least = max(50, levels.users_default + 1)
    closed = deepcopy(content)
    closed["events_default"] = max(levels.events_default, least)
    closed["invite"] = max(levels.invite, least)
    return closed
