"""What servers learn of presence when somebody joins a room: until then they shared none with each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from matrix_app.protocol.ids import domain_of
from matrix_app.services.presence import enabled
from matrix_app.storage import interning, members, outbound, presence
from matrix_app.storage.members import Membership
from matrix_app.storage.presence import PresenceRow
from matrix_app.storage.stream import Kind, LogEntry

# Users of this server who are told of in one room; of the others, their next change tells.
MOST_TOLD: Final = 200


class Arrival(NamedTuple):
    """A server is to know the presence of a user of this one, or of all who are online in a room (None)."""

    room_nid: int
    server_nid: int
    user_nid: int | None

    def rows(self) -> list[PresenceRow]:
        """What it is to know, as it is now."""
        if self.user_nid is None:
            return presence.online_local_members(self.room_nid, MOST_TOLD)
        return list(presence.get_many([self.user_nid]).values())


def arrivals(entries: Iterable[LogEntry], local_nid: int) -> list[Arrival]:
    """Who is to be told of whom because of the joins among the changes; nothing while presence is off."""
    if not enabled():
        return []
    found: list[Arrival] = []
    for entry in entries:
        if entry.kind == Kind.MEMBERSHIP and entry.room_nid is not None and entry.user_nid is not None:
            found += _arrivals_of(entry.room_nid, entry.user_nid, local_nid)
    return found


def _arrivals_of(room_nid: int, user_nid: int, local_nid: int) -> list[Arrival]:
    member = members.get(room_nid, user_nid)
    if member is None or member.membership != Membership.JOIN or member.changed_position != member.position:
        return []  # no join, or only a new name
    counts = outbound.joined_servers([room_nid]).get(room_nid, {})
    if member.is_local:
        others = [server for server, joined in counts.items() if joined > 0 and server != local_nid]
        return [Arrival(room_nid, server, user_nid) for server in others]
    server_nid = interning.server_nid(domain_of(interning.user_id_of(user_nid)))
    if counts.get(server_nid) != 1 or not counts.get(local_nid):
        return []  # others of that server have been in the room for a while
    return [Arrival(room_nid, server_nid, None)]
