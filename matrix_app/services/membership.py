"""Joining, leaving and inviting ("Room membership" of the client-server API)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden, NotFound
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.services import remote_membership
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.known_rooms import find_here, require_room
from matrix_app.services.member_content import member_content
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.storage.local_server import local_server_name


def put_member(
    room: RoomWriter,
    sender: str,
    target: str,
    membership: str,
    *,
    extra: dict[str, Any] | None = None,
    reason: str | None = None,
) -> Event:
    """Add a membership event, or find that the present one says the same already."""
    content = member_content(target, membership, extra or {}, reason)
    present = room.state("m.room.member", target)
    if present is not None and present.sender == sender and present.content == content:
        return present
    return room.add(sender=sender, type="m.room.member", state_key=target, content=content)


def join(
    requester: Requester,
    room_id: str,
    *,
    reason: str | None = None,
    via: Sequence[str] = (),
    extra: dict[str, Any] | None = None,
) -> Event | None:
    """Join a room. Who is in it already stays as they are, unless `extra` says something new."""
    refuse_suspended(requester)
    here = find_here(room_id)
    if here is None:
        content = member_content(requester.user_id, "join", extra or {}, reason)
        remote_membership.join(requester, room_id, via, content)
        return None

    def change(room: RoomWriter) -> Event:
        present = room.state("m.room.member", requester.user_id)
        if present is not None and extra is None and present.content.get("membership") == "join":
            return present
        return put_member(room, requester.user_id, requester.user_id, "join", extra=extra, reason=reason)

    return write_room(here, change)


def leave(requester: Requester, room_id: str, *, reason: str | None = None) -> Event:
    """Leave a room, turn down an invite, or take back a knock; nothing happens to who has left already."""
    here = find_here(room_id)
    if here is None:
        raise NotFound("The room is not known")

    def change(room: RoomWriter) -> Event:
        present = room.state("m.room.member", requester.user_id)
        if present is None:
            raise Forbidden("You are not in this room")
        if present.content.get("membership") == "leave":
            return present
        return put_member(room, requester.user_id, requester.user_id, "leave", reason=reason)

    return write_room(here, change)


def invite(
    requester: Requester,
    room_id: str,
    target: str,
    *,
    reason: str | None = None,
    extra: dict[str, Any] | None = None,
) -> Event | None:
    """Invite a user; who has been invited already stays so."""
    refuse_suspended(requester)
    parse_user_id(target)
    identity = require_room(room_id)
    if domain_of(target) != local_server_name():
        content = member_content(target, "invite", extra or {}, reason)
        remote_membership.invite(requester, identity, target, content)
        return None

    def change(room: RoomWriter) -> Event:
        present = room.state("m.room.member", target)
        invited = present is not None and present.content.get("membership") == "invite"
        if present is not None and invited and room.membership(requester.user_id) == "join":
            return present
        return put_member(room, requester.user_id, target, "invite", extra=extra, reason=reason)

    return write_room(identity, change)
