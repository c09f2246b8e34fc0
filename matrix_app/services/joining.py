"""Joining rooms and knocking on them ("Joining rooms" of the client-server API)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import NotFound, UnableToGrantJoin
from matrix_app.protocol.events import Event
from matrix_app.services import remote_membership
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.blocked_rooms import refuse_blocked
from matrix_app.services.guest_access import refuse_guest, refuse_guest_elsewhere
from matrix_app.services.known_rooms import find_here
from matrix_app.services.member_content import AUTHORISER, member_content
from matrix_app.services.membership import put_member
from matrix_app.services.policy_lists.enforcement import refuse_join
from matrix_app.services.restricted_joins import authorising_user
from matrix_app.services.room_succession import carry_over
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.services.third_party_invites import add_signed_invite, check_keys
from matrix_app.storage import members, rooms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity


def join(
    requester: Requester,
    room_id: str,
    *,
    reason: str | None = None,
    via: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
    third_party_signed: dict[str, Any] | None = None,
    origin_server_ts: int | None = None,
) -> Event | None:
    """Join a room; who is in it already stays as they are.

    The result is None when another server let the user in: the room arrives by and by.
    """
    refuse_suspended(requester)
    _refuse_unwanted(room_id)
    room = find_here(room_id)
    content = {key: value for key, value in (extra or {}).items() if key != AUTHORISER}
    if room is None:
        refuse_guest_elsewhere(room_id, requester, via)
        template = member_content(requester.user_id, "join", content, reason)
        remote_membership.join(requester, room_id, via, template)
        return None
    try:
        return _join_here(requester, room, content, reason, third_party_signed, origin_server_ts)
    except UnableToGrantJoin:
        servers = [name for name in members.servers_in(room.nid) if name != local_server_name()]
        if not servers:
            raise
        template = member_content(requester.user_id, "join", content, reason)
        remote_membership.join(requester, room_id, [*via, *servers], template)
        return None


def join_known(requester: Requester, room_id: str, content: Mapping[str, Any]) -> None:
    """Join a room that has come here since another server was asked for it; raises as `join`."""
    refuse_suspended(requester)
    _refuse_unwanted(room_id)
    room = find_here(room_id)
    if room is None:
        raise NotFound("The room is not here")
    extra = {key: value for key, value in content.items() if key not in (AUTHORISER, "membership", "reason")}
    _join_here(requester, room, extra, content.get("reason"), None)


def _refuse_unwanted(room_id: str) -> None:
    """Raise `Forbidden` for a room that an administrator has blocked, or that a policy list bans."""
    known = rooms.find(room_id)
    if known is not None:
        refuse_blocked(known)
    refuse_join(room_id)


def _join_here(
    requester: Requester,
    room: RoomIdentity,
    extra: dict[str, Any],
    reason: str | None,
    third_party_signed: dict[str, Any] | None,
    origin_server_ts: int | None = None,
) -> Event:
    user_id = requester.user_id
    if third_party_signed is not None:
        check_keys(room, third_party_signed)

    def change(writer: RoomWriter) -> tuple[Event, bool]:
        present = writer.state("m.room.member", user_id)
        if present is not None and present.content.get("membership") == "join":
            return present, False
        refuse_guest(writer, requester)
        if third_party_signed is not None and writer.membership(user_id) != "invite":
            add_signed_invite(writer, user_id, third_party_signed)
        authoriser = authorising_user(writer, user_id)
        content = extra if authoriser is None else {**extra, AUTHORISER: authoriser}
        ts = origin_server_ts
        event = put_member(
            writer, user_id, user_id, "join", extra=content, reason=reason, origin_server_ts=ts
        )
        return event, "predecessor" in writer.state_content("m.room.create")

    event, replaces_another = write_room(room, change)
    if replaces_another:
        carry_over(room, requester.user_nid)
    return event


def knock(
    requester: Requester,
    room_id: str,
    *,
    reason: str | None = None,
    via: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
    origin_server_ts: int | None = None,
) -> Event | None:
    """Knock on a room; who has knocked already stays so. The result is None for a room of other servers."""
    refuse_suspended(requester)
    _refuse_unwanted(room_id)
    room = find_here(room_id)
    if room is None:
        template = member_content(requester.user_id, "knock", extra or {}, reason)
        remote_membership.knock(requester, room_id, via, template)
        return None

    def change(writer: RoomWriter) -> Event:
        user_id, ts = requester.user_id, origin_server_ts
        return put_member(writer, user_id, user_id, "knock", extra=extra, reason=reason, origin_server_ts=ts)

    return write_room(room, change)
