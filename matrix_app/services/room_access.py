"""How a user may read a room: as a member, as a former member, or as anybody may."""

from __future__ import annotations

from dataclasses import dataclass

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden
from matrix_app.protocol.tokens import HistoryToken
from matrix_app.services.known_rooms import require_room
from matrix_app.services.last_stay import last_stay
from matrix_app.storage import members, summaries
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.rooms import RoomIdentity


@dataclass(frozen=True, slots=True)
class RoomAccess:
    """A room and who reads it. `left` is the event that ended a former member's last stay."""

    room: RoomIdentity
    reader: Requester
    member: MemberRow | None
    left: EventRow | None = None

    @property
    def is_joined(self) -> bool:
        """Whether the reader is in the room."""
        return self.member is not None and self.member.membership == Membership.JOIN

    @property
    def membership(self) -> str:
        """The reader's present membership."""
        return Membership(self.member.membership).word if self.member else "leave"

    @property
    def last_place(self) -> HistoryToken | None:
        """Where the history ends for a former member; None where it goes on."""
        return HistoryToken(self.left.depth, self.left.nid) if self.left else None


def access_room(room_id: str, reader: Requester) -> RoomAccess:
    """How the user may read the room; raises `Forbidden` when they may not.

    Members may, former members may up to the end of their last stay, and anybody may while the history
    is world readable. Which single events they see is `filter_visible`'s to say.
    """
    room = require_room(room_id)
    member = members.get(room.nid, reader.user_nid)
    if member is not None and member.membership == Membership.JOIN:
        return RoomAccess(room, reader, member)
    if is_world_readable(room.nid):
        return RoomAccess(room, reader, member)
    if member is not None and not member.forgotten:
        stay = last_stay(member, ("m.room.member", reader.user_id))
        if stay is not None:
            return RoomAccess(room, reader, member, stay.ended)
    raise Forbidden("You are not in this room, and it cannot be previewed")


def is_world_readable(room_nid: int) -> bool:
    """Whether anybody may read what is sent to the room now."""
    return summaries.get(room_nid).history_visibility == "world_readable"
