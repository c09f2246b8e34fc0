"""Rooms of other servers as in a real server, but for joins: they are run at once and in the same thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from matrix_app.federation.outbound import join_service
from matrix_app.federation.outbound.rooms import FederatedRooms
from matrix_app.http.requester import Requester
from matrix_app.services import remote_joins
from matrix_app.services.known_rooms import is_here
from matrix_app.services.remote_rooms import RemoteRooms


class RoomsAtOnce(FederatedRooms):
    """Joins without a worker."""

    @staticmethod
    def join(requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]) -> None:
        """Join by way of one of the servers."""
        nid = remote_joins.request(requester, room_id, servers, content, was_here=is_here(room_id))
        join_service.run_all()
        assert remote_joins.is_over(nid)


rooms: Final[RemoteRooms] = RoomsAtOnce()
