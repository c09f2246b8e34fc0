"""Leaving, inviting, removing and banning ("Room membership" of the client-server API); see `joining` too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.canonical_json import is_same_json
from matrix_app.protocol.errors import BadRequest, Forbidden, NotFound
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.services import (
    appservice_queries,
    invite_permission,
    notice_rooms,
    remote_joins,
    remote_membership,
)
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.blocked_rooms import refuse_blocked
from matrix_app.services.known_rooms import find_here, require_room
from matrix_app.services.member_content import AUTHORISER, PROFILE_FIELDS, member_content
from matrix_app.services.policy_lists.enforcement import refuse_invite
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.storage import db, members, rooms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import Membership
from matrix_app.storage.rooms import RoomIdentity

Content = Mapping[str, Any]


def put_member(
    room: RoomWriter,
    sender: str,
    target: str,
    membership: str,
    *,
    extra: Content | None = None,
    reason: str | None = None,
    origin_server_ts: int | None = None,
) -> Event:
    """Add a membership event, or find that the present one says the same already."""
    content = member_content(target, membership, extra or {}, reason)
    present = room.state("m.room.member", target)
    if present is not None and present.sender == sender and is_same_json(present.content, content):
        return present
    return room.add(
        sender=sender,
        type="m.room.member",
        state_key=target,
        content=content,
        origin_server_ts=origin_server_ts,
    )


def leave(
    requester: Requester,
    room_id: str,
    *,
    reason: str | None = None,
    extra: Content | None = None,
    forced: bool = False,
    origin_server_ts: int | None = None,
) -> Event | None:
    """Leave a room, turn down an invite, or take back a knock; nothing happens to who has left already.

    An invite to the room of server notices cannot be turned down, unless it is `forced`.

    A join of the room that is still under way is cancelled. The result is None for a room that only other
    servers know.
    """
    if find_here(room_id) is None and remote_joins.end_own(requester, room_id):
        return None
    room = rooms.find(room_id)
    if room is None:
        raise NotFound("The room is not known")
    if find_here(room_id) is None:
        remote_membership.leave(
            requester, room, member_content(requester.user_id, "leave", extra or {}, reason)
        )
        return None

    def change(writer: RoomWriter) -> Event:
        present = writer.state("m.room.member", requester.user_id)
        if present is None:
            raise Forbidden("You are not in this room")
        if present.content.get("membership") == "leave":
            return present
        if present.content.get("membership") == "invite" and not forced:
            notice_rooms.refuse_to_decline(requester.user_nid, room_id, present.sender)
        user_id, ts = requester.user_id, origin_server_ts
        return put_member(writer, user_id, user_id, "leave", extra=extra, reason=reason, origin_server_ts=ts)

    return write_room(room, change)


def invite(
    requester: Requester,
    room_id: str,
    target: str,
    *,
    reason: str | None = None,
    extra: Content | None = None,
    origin_server_ts: int | None = None,
) -> Event | None:
    """Invite a user; who has been invited already stays so.

    The result is None when the invite went to another server. Raises `InviteBlocked`.
    """
    refuse_suspended(requester)
    parse_user_id(target)
    room = require_room(room_id)
    refuse_blocked(room)
    refuse_invite(requester.user_id, target, room_id)
    if domain_of(target) != local_server_name():
        content = member_content(target, "invite", extra or {}, reason)
        remote_membership.invite(requester, room, target, content)
        return None
    # Bridges make their users when somebody wants them.
    appservice_queries.make_user(target)

    def change(writer: RoomWriter) -> Event:
        present = writer.state("m.room.member", target)
        invited = present is not None and present.content.get("membership") == "invite"
        if present is not None and invited and writer.membership(requester.user_id) == "join":
            return present
        sender, ts = requester.user_id, origin_server_ts
        event = put_member(writer, sender, target, "invite", extra=extra, reason=reason, origin_server_ts=ts)
        invite_permission.refuse_blocked(target)
        return event

    return write_room(room, change)


def kick(requester: Requester, room_id: str, target: str, *, reason: str | None = None) -> Event:
    """Remove a user who is joined, invited or knocking; raises `Forbidden` for another."""
    return _act_on(requester, room_id, target, "leave", ("join", "invite", "knock"), reason)


def ban(requester: Requester, room_id: str, target: str, *, reason: str | None = None) -> Event:
    """Ban a user, whether in the room or not; who is banned already stays so."""
    return _act_on(requester, room_id, target, "ban", (), reason)


def unban(requester: Requester, room_id: str, target: str, *, reason: str | None = None) -> Event:
    """Lift a ban; raises `Forbidden` where there is none."""
    return _act_on(requester, room_id, target, "leave", ("ban",), reason)


def _act_on(
    requester: Requester,
    room_id: str,
    target: str,
    membership: str,
    only: Collection[str],
    reason: str | None,
) -> Event:
    refuse_suspended(requester)
    parse_user_id(target)
    room = require_room(room_id)

    def change(writer: RoomWriter) -> Event:
        present = writer.membership(target)
        if only and present not in only and writer.membership(requester.user_id) == "join":
            errcode = "M_BAD_STATE" if "ban" in (present, *only) else None
            raise Forbidden(f"The membership of {target} is {present}", errcode=errcode)
        event = writer.state("m.room.member", target)
        if (
            event is not None
            and present == membership == "ban"
            and writer.membership(requester.user_id) == "join"
        ):
            return event
        return put_member(writer, requester.user_id, target, membership, reason=reason)

    return write_room(room, change)


def forget(requester: Requester, room_id: str) -> None:
    """Forget a room that the user has left; raises `BadRequest` for who has not."""
    room = rooms.find(room_id)
    found = None if room is None else members.get(room.nid, requester.user_nid)
    if room is None or found is None:
        raise NotFound("You have never been in this room", status=400, errcode="M_UNKNOWN")
    if found.membership not in (Membership.LEAVE, Membership.BAN):
        raise BadRequest("You have not left this room", errcode="M_UNKNOWN")
    with db.write():
        members.forget(room.nid, requester.user_nid)


def update_member_content(room: RoomIdentity, user_id: str, changes: Content) -> Event | None:
    """Change the name or picture (None removes it) that a room shows of a local user who is joined to it.

    None when the user is not joined, or when nothing changes.
    """
    wanted = {key: changes[key] for key in PROFILE_FIELDS if key in changes}

    def change(writer: RoomWriter) -> Event | None:
        present = writer.state("m.room.member", user_id)
        if present is None or present.content.get("membership") != "join":
            return None
        content = {key: value for key, value in (present.content | wanted).items() if value is not None}
        if content == present.content:
            return None
        # Who let the user in need not be in the room any more, and is not asked again.
        content.pop(AUTHORISER, None)
        content.pop("reason", None)
        return writer.add(sender=user_id, type="m.room.member", state_key=user_id, content=content)

    return write_room(room, change)
