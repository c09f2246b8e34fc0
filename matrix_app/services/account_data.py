"""Account data: what clients keep for their user on the server ("Client Config")."""

from __future__ import annotations

from typing import Any, Final

from appliance.config import get_config
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import BadJson, NotFound, TooLarge
from matrix_app.protocol.ids import parse_room_id
from matrix_app.services.ignored_users import TYPE as IGNORED
from matrix_app.services.push_rules import PUSH_RULES, ruleset_of
from matrix_app.storage import account_data, db, members, rooms
from matrix_app.storage.account_data import GLOBAL

# "Servers MUST reject setting account data for event types that the server manages."
MANAGED: Final = frozenset({"m.fully_read", PUSH_RULES})


def set_global(user_nid: int, data_type: str, content: dict[str, Any]) -> None:
    """Store an entry for all of a user's clients; raises a 405 for types that the server manages."""
    _put(user_nid, GLOBAL, data_type, content)


def set_in_room(user_nid: int, room_id: str, data_type: str, content: dict[str, Any]) -> None:
    """Store an entry that belongs to a room; raises `NotFound` for a room that is not known."""
    _put(user_nid, _room_nid(room_id), data_type, content)


def get_global(user_nid: int, data_type: str) -> bytes | dict[str, Any]:
    """An entry, as JSON or as an object; raises `NotFound`."""
    if data_type == PUSH_RULES:
        return ruleset_of(user_nid)
    return _get(user_nid, GLOBAL, data_type)


def get_in_room(user_nid: int, room_id: str, data_type: str) -> bytes:
    """An entry of a room as JSON; raises `NotFound`."""
    return _get(user_nid, _room_nid(room_id), data_type)


def _put(user_nid: int, room_nid: int, data_type: str, content: dict[str, Any]) -> None:
    if data_type in MANAGED:
        raise BadJson(f"{data_type} cannot be set this way", status=405)
    encoded = encode_canonical(content, lenient=True)
    if len(encoded) > get_config().limits.account_data_bytes:
        raise TooLarge("The account data is too large")
    with db.write():
        account_data.put(user_nid, room_nid, data_type, encoded)
        if data_type == IGNORED:
            members.note_custom_push(user_nid)


def _get(user_nid: int, room_nid: int, data_type: str) -> bytes:
    found = account_data.get(user_nid, room_nid, data_type)
    if found is None:
        raise NotFound("Account data not found")
    return found


def _room_nid(room_id: str) -> int:
    room = rooms.find(parse_room_id(room_id))
    if room is None:
        raise NotFound("The room is not known")
    return room.nid
