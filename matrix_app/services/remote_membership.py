"""Memberships of rooms that only other servers can tell about: the way over federation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden
from matrix_app.protocol.events import Event
from matrix_app.services import outgoing_invites
from matrix_app.services.local_leave import leave_locally
from matrix_app.services.member_outliers import keep_leave
from matrix_app.services.pending_servers import pending_servers
from matrix_app.services.remote_rooms import remote_rooms
from matrix_app.services.room_writer import RoomWriter
from matrix_app.storage import members, rooms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import Membership
from matrix_app.storage.rooms import RoomIdentity


def join(requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]) -> None:
    """Join by way of one of `servers`; raises what they object, `NotFound` when none can be reached."""
    remote_rooms().join(requester, room_id, candidates(room_id, requester.user_nid, servers), content)


def knock(requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]) -> None:
    """Knock by way of one of `servers`; raises as `join` does."""
    remote_rooms().knock(requester, room_id, candidates(room_id, requester.user_nid, servers), content)


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
    """Have the server of `sender` invite a user of this one; raises what it has against it."""
    remote_rooms().exchange_third_party_invite(room_id, sender, target, signed)


def leave(requester: Requester, room: RoomIdentity, content: dict[str, Any]) -> None:
    """Turn down an invite, or take back a knock. It works even when no server of the room can be reached."""
    member = members.get(room.nid, requester.user_nid)
    if member is None:
        raise Forbidden("You are not in this room")
    if member.membership not in (Membership.INVITE, Membership.KNOCK):
        return
    servers = candidates(room.room_id, requester.user_nid, ())
    event = remote_rooms().leave(requester.user_id, room, servers, content)
    if event is not None:
        keep_leave(room, event)
    else:
        leave_locally(room, requester.user_id, content)


def candidates(room_id: str, user_nid: int, named: Sequence[str]) -> list[str]:
    """The servers to ask about a room, each once: those named and who invited, else whoever may know it.

    Who names servers wants to get in by these: another may have to allow what these may not.
    """
    found = list(named)
    room = rooms.find(room_id)
    member = members.get(room.nid, user_nid) if room is not None else None
    if member is not None and member.membership in (Membership.INVITE, Membership.KNOCK):
        found += pending_servers(member)
    return _others(found) or _others(_who_may_know(room_id, room))


def _who_may_know(room_id: str, room: RoomIdentity | None) -> list[str]:
    found = members.servers_in(room.nid) if room is not None else []
    return [*found, room_id.partition(":")[2]]


def _others(names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name and name != local_server_name()]
