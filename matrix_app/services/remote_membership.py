"""Memberships of rooms that only other servers can tell about: the way over federation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden, NotFound
from matrix_app.protocol.events import Event
from matrix_app.services import outgoing_invites
from matrix_app.services.local_leave import leave_locally
from matrix_app.services.room_writer import RoomWriter
from matrix_app.storage import members
from matrix_app.storage.members import Membership
from matrix_app.storage.rooms import RoomIdentity


def join(requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]) -> None:
    """Join by way of one of `servers`; raises `NotFound` when none lets the user in."""
    raise _unreachable()


def knock(requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]) -> None:
    """Knock by way of one of `servers`; raises `NotFound` when none takes the knock."""
    raise _unreachable()


def invite(requester: Requester, room: RoomIdentity, target: str, content: dict[str, Any]) -> None:
    """Invite a user of another server, which has to sign the invite; raises as `outgoing_invites.issue`.

    Who has been invited already stays so.
    """

    def change(writer: RoomWriter) -> Event:
        present = writer.state("m.room.member", target)
        invited = present is not None and present.content.get("membership") == "invite"
        if present is not None and invited and writer.membership(requester.user_id) == "join":
            return present
        return writer.add(sender=requester.user_id, type="m.room.member", state_key=target, content=content)

    outgoing_invites.issue(room, change)


def exchange_third_party_invite(room_id: str, sender: str, target: str, signed: dict[str, Any]) -> None:
    """Have the server of `sender` invite a user of this one; raises `NotFound` when it cannot be reached."""
    raise _unreachable()


def leave(requester: Requester, room: RoomIdentity, content: dict[str, Any]) -> None:
    """Turn down an invite, or take back a knock. It works even when no server of the room can be reached."""
    member = members.get(room.nid, requester.user_nid)
    if member is None:
        raise Forbidden("You are not in this room")
    if member.membership in (Membership.INVITE, Membership.KNOCK):
        leave_locally(room, requester.user_id, content)


def _unreachable() -> NotFound:
    return NotFound("No server that is in the room can be reached", errcode="M_UNKNOWN")
