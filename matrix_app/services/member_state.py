"""Changing a membership by its state event (`PUT /rooms/{roomId}/state/m.room.member/{userId}`)."""

from __future__ import annotations

from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import BadJson
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import parse_user_id
from matrix_app.services import joining, membership
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.known_rooms import find_here, require_room
from matrix_app.services.member_content import AUTHORISER
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.storage import events, interning, members, rooms
from matrix_app.storage.members import Membership


def set_member_state(
    requester: Requester,
    room_id: str,
    target: str,
    content: dict[str, Any],
    *,
    origin_server_ts: int | None = None,
) -> str:
    """Change a membership as the content says; the ID of the event, which may be there already.

    Joins, knocks, invites and leaving go the way that they go by their own endpoints. The ID is empty where
    there is no event, as a join that was still under way has been cancelled.
    """
    parse_user_id(target)
    wanted = content.get("membership")
    if wanted not in ("join", "leave", "invite", "ban", "knock"):
        raise BadJson("membership must be one of join, leave, invite, ban and knock")
    extra = {key: value for key, value in content.items() if key not in ("membership", AUTHORISER)}
    event = _change(requester, room_id, target, str(wanted), extra, origin_server_ts)
    return _stored_id(room_id, target) if event is None else event.event_id


def _stored_id(room_id: str, target: str) -> str:
    """The ID of the member event that has come here by way of another server."""
    room, nid = rooms.find(room_id), interning.find_user(target)
    member = None if room is None or nid is None else members.get(room.nid, nid)
    row = None if member is None else events.rows_by_nid([member.event_nid]).get(member.event_nid)
    return "" if row is None else row.event_id


def _change(
    requester: Requester, room_id: str, target: str, wanted: str, extra: dict[str, Any], ts: int | None
) -> Event | None:
    if target == requester.user_id:
        if wanted == "join" and not _is_joined(requester, room_id):
            return joining.join(requester, room_id, extra=extra, origin_server_ts=ts)
        if wanted == "knock":
            return joining.knock(requester, room_id, extra=extra, origin_server_ts=ts)
        if wanted == "leave":
            return membership.leave(requester, room_id, extra=extra, origin_server_ts=ts)
    if wanted == "invite":
        return membership.invite(requester, room_id, target, extra=extra, origin_server_ts=ts)
    return _put(requester, room_id, target, wanted, extra, ts)


def _is_joined(requester: Requester, room_id: str) -> bool:
    room = find_here(room_id)
    member = None if room is None else members.get(room.nid, requester.user_nid)
    return member is not None and member.membership == Membership.JOIN


def _put(
    requester: Requester, room_id: str, target: str, wanted: str, extra: dict[str, Any], ts: int | None
) -> Event:
    """A name for one room, a ban, or the removal of somebody else."""
    refuse_suspended(requester)
    room = require_room(room_id)

    def change(writer: RoomWriter) -> Event:
        return membership.put_member(
            writer, requester.user_id, target, wanted, extra=extra, origin_server_ts=ts
        )

    return write_room(room, change)
