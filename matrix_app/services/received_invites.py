"""Invites of this server's users that other servers send, to rooms that are elsewhere mostly."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import structlog

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import IncompatibleRoomVersion, InvalidParam, MatrixError
from matrix_app.protocol.event_format import check_pdu_format
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.protocol.room_versions import ROOM_VERSIONS, V1, V2, RoomVersion
from matrix_app.protocol.signing import add_event_signature
from matrix_app.services import invite_permission
from matrix_app.services.blocked_rooms import refuse_blocked
from matrix_app.services.effects.stripped_state import strip
from matrix_app.services.known_rooms import is_here
from matrix_app.services.local_identity import local_identity
from matrix_app.services.policy_lists.enforcement import refuse_invite
from matrix_app.services.received_memberships import read_membership
from matrix_app.services.server_access import refuse_denied
from matrix_app.storage import db, events, interning, invite_state, members, rooms, stream
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.stream import Kind

_log = structlog.get_logger("matrix_app.invites")
_MOST_STATE: Final = 100


def rules_of_invite(version: str) -> RoomVersion:
    """The rules of the room's version; raises `IncompatibleRoomVersion` for one that is not known."""
    rules = ROOM_VERSIONS.get(version)
    if rules is None:
        raise IncompatibleRoomVersion(f"Room version {version} is not known here", room_version=version)
    return rules


def rules_of_old_invite(room_id: str, shown: Any) -> RoomVersion:
    """The rules for an invite that names no version, but may show the room's create event.

    "Servers which receive a v1 invite request must assume that the room version is either "1" or "2"":
    which of them, a room that is known here says, or that event.
    """
    known = rooms.find(room_id)
    if known is not None:
        return known.rules if known.rules in (V1, V2) else V1
    for entry in shown if isinstance(shown, list) else ():
        match entry:
            case {"type": "m.room.create", "state_key": "", "content": {"room_version": V2.identifier}}:
                return V2
    return V1


def read_invite(pdu: dict[str, Any], rules: RoomVersion, room_id: str, origin: str) -> Event:
    """The invite in a request, if it may be sent by that server to a user of this one.

    Raises `BadJson`, `TooLarge` or `InvalidParam` for a malformed one, and `Forbidden` or `InviteBlocked` for
    one that is not wanted here. Its signatures are not checked.
    """
    known = rooms.find(room_id)
    if known is not None:
        refuse_denied(known, origin)
    event = read_membership(pdu, rules, room_id, "invite")
    if domain_of(event.sender) != origin:
        raise InvalidParam("The sender of the invite is not of your server")
    target = parse_user_id(event.state_key or "")
    if domain_of(target) != local_server_name():
        raise InvalidParam("The invited user is not of this server")
    if known is not None:
        # Of a room that has not begun here, an earlier invite may have told what it liked.
        if known.rules != rules and rooms.state_nid(known.nid) is not None:
            raise InvalidParam("The room has another version")
        refuse_blocked(known)
    invite_permission.refuse_blocked(target)
    refuse_invite(event.sender, target, room_id)
    return event


class ToldState(NamedTuple):
    """What is told of a room: whole events, stripped ones of older servers, and how much is neither.

    The signatures of the whole ones have not been checked.
    """

    whole: list[Event]
    stripped: list[dict[str, Any]]
    unusable: int


def told_state(given: Any, rules: RoomVersion, room_id: str) -> ToldState:
    """What the entries of `invite_room_state` or `knock_room_state` are.

    Stripped ones are of use only where the version is older than the demand for whole events.
    """
    listed = given[:_MOST_STATE] if isinstance(given, list) else []
    whole: list[Event] = []
    stripped: list[dict[str, Any]] = []
    for entry in listed:
        event = _whole_event(entry, rules, room_id)
        if event is not None:
            whole.append(event)
        elif not rules.room_id_is_create_hash and _is_stripped(entry):
            stripped.append({key: entry[key] for key in ("content", "sender", "state_key", "type")})
    return ToldState(whole, stripped, len(listed) - len(whole) - len(stripped))


def read_room_state(given: Any, rules: RoomVersion, room_id: str) -> tuple[list[dict[str, Any]], list[Event]]:
    """What an invite tells of its room: stripped state, and those of its events that are whole PDUs.

    Whole events are demanded where the version is new enough for every server to send them: there,
    `InvalidParam` is raised for others, and where the create event is missing.
    """
    told = told_state(given, rules, room_id)
    if rules.room_id_is_create_hash:
        if told.unusable:
            raise InvalidParam("invite_room_state has entries that are no events of the room")
        if not any(event.type == "m.room.create" for event in told.whole):
            raise InvalidParam("invite_room_state has no m.room.create event")
    return [*map(strip, told.whole), *told.stripped], told.whole


def _whole_event(entry: Any, rules: RoomVersion, room_id: str) -> Event | None:
    try:
        check_pdu_format(entry, rules)
    except MatrixError as fault:
        _log.debug("stripped state is no event", room_id=room_id, reason=fault.message)
        return None
    event = Event(entry, event_id_of(entry, rules), rules)
    return event if event.room_id == room_id and event.state_key is not None else None


def _is_stripped(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("content"), dict)
        and all(isinstance(entry.get(key), str) for key in ("sender", "state_key", "type"))
    )


def accept_invite(event: Event, stripped: list[dict[str, Any]]) -> Event:
    """Sign an invite whose signatures have been checked, and show it to the user who is invited.

    Where this server is in the room, its rules decide, once the invite arrives with its other events.
    """
    identity = local_identity()
    pdu = add_event_signature(event.pdu, event.rules, identity.server_name, identity.signing_key)
    signed = Event(pdu, event.event_id, event.rules)
    if is_here(event.room_id):
        return signed
    with db.write():
        _store(rooms.ensure(event.room_id, event.rules.identifier), signed, stripped)
    return signed


def _store(room: RoomIdentity, event: Event, stripped: list[dict[str, Any]]) -> None:
    user_nid = interning.user_nid(event.state_key or "")
    present = members.get(room.nid, user_nid)
    sender_nid = interning.user_nid(event.sender)
    if events.nids_by_id([event.event_id]):
        return
    nid = _insert(room, event, sender_nid)
    position = stream.append_one(Kind.MEMBERSHIP, room=room.nid, user=user_nid)
    kept = present is not None and present.membership == Membership.INVITE
    changed = present.changed_position if kept and present is not None else position
    row = MemberRow(room.nid, user_nid, Membership.INVITE, nid, sender_nid, True, False, position, changed)
    members.put(row)
    own = {**strip(event), "origin_server_ts": event.origin_server_ts, "event_id": event.event_id}
    others = [item for item in stripped if (item["type"], item["state_key"]) != (event.type, event.state_key)]
    invite_state.put(room.nid, user_nid, [*others, own])


def _insert(room: RoomIdentity, event: Event, sender_nid: int) -> int:
    return events.insert(
        events.NewEvent(
            event=event,
            json=encode_canonical(event.pdu, lenient=True),
            room_nid=room.nid,
            key_nid=interning.key_nid(event.type, event.state_key or ""),
            sender_nid=sender_nid,
            position=None,
            status=events.Status.NORMAL,
            is_outlier=True,
            state_nid=None,
            thread_root_nid=None,
            unread_ordinal=0,
        )
    )
