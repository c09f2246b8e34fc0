"""What an application service is interested in ("Registration", "Pushing events")."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.storage import aliases, appservice_queue, events, interning, members, rooms
from matrix_app.storage.events import EventRow
from matrix_app.storage.local_server import local_server_name

MOST_KEPT: Final = 20_000
_NEVER: Final = (1 << 63) - 1


class Interest:
    """Answers for one service. Which rooms its users are in is kept until memberships change there."""

    def __init__(self, service: Appservice) -> None:
        self._service = service
        self._local = local_server_name()
        # Room nid -> the position since which a user of the service is in it.
        self._since: OrderedDict[int, int] = OrderedDict()

    def owns(self, user_id: str) -> bool:
        """Whether a user is the service's own, or a local user of its namespaces."""
        return self._service.may_act_as(user_id, self._local)

    def owns_nid(self, user_nid: int) -> bool:
        """The same, of a user's nid."""
        return self.owns(interning.user_id_of(user_nid))

    def forget(self, room_nid: int) -> None:
        """Memberships of the room have changed."""
        self._since.pop(room_nid, None)

    def wants_room(self, room_nid: int, position: int) -> bool:
        """Whether what happens in a room at a position is for the service, whomever it is about."""
        if self._users_since(room_nid) <= position:
            return True
        service = self._service
        if service.rooms and any(space.matches(rooms.by_nid(room_nid).room_id) for space in service.rooms):
            return True
        return bool(service.aliases) and any(
            space.matches(alias) for alias in aliases.of_room(room_nid) for space in service.aliases
        )

    def wants_event(self, row: EventRow) -> bool:
        """Whether an event is for the service."""
        if self.owns_nid(row.sender_nid) or self.wants_room(row.room_nid, row.position or 0):
            return True
        if row.type != "m.room.member" or row.key_nid is None:
            return False
        return self.owns(events.parse(row).state_key or "")

    def wants_user(self, user_nid: int, position: int) -> bool:
        """Whether a user is the service's, or is in a room that it is interested in."""
        return self.owns_nid(user_nid) or any(
            self.wants_room(nid, position) for nid in members.joined_rooms(user_nid)
        )

    def _users_since(self, room_nid: int) -> int:
        kept = self._since.get(room_nid)
        if kept is None:
            own = (at for user_id, at in appservice_queue.local_members(room_nid) if self.owns(user_id))
            kept = self._since[room_nid] = min(own, default=_NEVER)
            if len(self._since) > MOST_KEPT:
                self._since.popitem(last=False)
        return kept
