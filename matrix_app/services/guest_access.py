"""What guests may do in rooms ("Guest access" of the client-server API)."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import GuestForbidden, MatrixError
from matrix_app.services.remote_membership import candidates
from matrix_app.services.remote_spaces import TreeAsker
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.storage import guests, interning, rooms

_log = structlog.get_logger("matrix_app.guests")


def refuse_guest(room: RoomWriter, requester: Requester) -> None:
    """Raise `GuestForbidden` for a guest whom the room does not let in.

    "Servers MUST only allow guest users to join rooms if the m.room.guest_access state event is present on
    the room, and has the guest_access value can_join."
    """
    if requester.is_guest and not _guests_can_join(room):
        raise GuestForbidden("The room does not let guests in")


def refuse_guest_elsewhere(room_id: str, requester: Requester, via: Sequence[str]) -> None:
    """The same for a room that this server is not in, by the word of the servers that are.

    Where none of them tells, guests stay outside: once a join is handed in it is too late to refuse it.
    """
    if not requester.is_guest:
        return
    told = TreeAsker().ask({room_id: candidates(room_id, requester.user_nid, via)}).get(room_id)
    if told is None or not told.room.summary["guest_can_join"]:
        raise GuestForbidden("The room does not let guests in")


def remove_unwelcome() -> None:
    """Let guests leave all rooms that do not let guests in any more, whichever server decided that."""
    for room_nid in guests.unwelcome():
        room = rooms.by_nid(room_nid)
        try:
            write_room(room, remove_guests)
        except MatrixError as error:
            _log.warning("guests could not leave", room=room.room_id, error=error.message)


def remove_guests(room: RoomWriter) -> None:
    """Let this server's guests leave a room whose state does not let guests in any more."""
    if _guests_can_join(room):
        return
    for user_id in interning.user_ids(guests.joined(room.room.nid)).values():
        content = {"membership": "leave"}
        room.add(sender=user_id, type="m.room.member", state_key=user_id, content=content)


def _guests_can_join(room: RoomWriter) -> bool:
    return room.state_content("m.room.guest_access").get("guest_access") == "can_join"
