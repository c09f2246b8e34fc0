"""Memberships of local users in rooms that this server is not in: events in no room's history here."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.events import Event
from matrix_app.services.effects.stripped_state import strip
from matrix_app.storage import db, events, interning, invite_state, members, stream
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.stream import Kind


def keep_leave(room: RoomIdentity, event: Event) -> None:
    """The user has left: nothing more is known of the room."""
    user_nid = interning.user_nid(event.sender)
    with db.write():
        _keep(room, event, user_nid, Membership.LEAVE)
        invite_state.remove(room.nid, user_nid)


def keep_knock(room: RoomIdentity, event: Event, shown: list[dict[str, Any]]) -> None:
    """The user knocks, and sees of the room what its server has `shown`, as stripped state."""
    user_nid = interning.user_nid(event.sender)
    own = {**strip(event), "origin_server_ts": event.origin_server_ts, "event_id": event.event_id}
    others = [item for item in shown if (item["type"], item["state_key"]) != (event.type, event.state_key)]
    with db.write():
        _keep(room, event, user_nid, Membership.KNOCK)
        invite_state.put(room.nid, user_nid, [*others, own])


def _keep(room: RoomIdentity, event: Event, user_nid: int, membership: Membership) -> None:
    position = stream.append_one(Kind.MEMBERSHIP, room=room.nid, user=user_nid)
    nid = events.insert(
        events.NewEvent(
            event=event,
            json=encode_canonical(event.pdu, lenient=True),
            room_nid=room.nid,
            key_nid=interning.key_nid(event.type, event.sender),
            sender_nid=user_nid,
            position=None,
            status=events.Status.NORMAL,
            is_outlier=True,
            state_nid=None,
            thread_root_nid=None,
            unread_ordinal=0,
        )
    )
    members.put(MemberRow(room.nid, user_nid, membership, nid, user_nid, True, False, position, position))
