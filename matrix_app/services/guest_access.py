"""What guests may do in rooms ("Guest access" of the client-server API)."""

from __future__ import annotations

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import GuestForbidden
from matrix_app.services.room_writer import RoomWriter
from matrix_app.storage import guests, interning


def refuse_guest(room: RoomWriter, requester: Requester) -> None:
    """Raise `GuestForbidden` for a guest whom the room does not let in.

    "Servers MUST only allow guest users to join rooms if the m.room.guest_access state event is present on
    the room, and has the guest_access value can_join."
    """
    if requester.is_guest and not _guests_can_join(room):
        raise GuestForbidden("The room does not let guests in")


def remove_guests(room: RoomWriter) -> None:
    """Let this server's guests leave a room whose state does not let guests in any more."""
    if _guests_can_join(room):
        return
    for user_id in interning.user_ids(guests.joined(room.room.nid)).values():
        content = {"membership": "leave"}
        room.add(sender=user_id, type="m.room.member", state_key=user_id, content=content)


def _guests_can_join(room: RoomWriter) -> bool:
    return room.state_content("m.room.guest_access").get("guest_access") == "can_join"
