"""Taking part in rooms of other servers: what the layer above does for services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from matrix_app.http.requester import Requester
from matrix_app.protocol.events import Event
from matrix_app.storage.rooms import RoomIdentity


class RemoteRooms(Protocol):
    """What other servers are asked for. All of it waits for them."""

    def join(
        self, requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]
    ) -> None:
        """Join by way of one of the servers."""
        ...

    def knock(
        self, requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]
    ) -> None:
        """Knock by way of one of the servers."""
        ...

    def leave(
        self, user_id: str, room: RoomIdentity, servers: Sequence[str], content: dict[str, Any]
    ) -> Event | None:
        """The leave that one of the servers has taken; None when none has."""
        ...

    def exchange_third_party_invite(
        self, room_id: str, sender: str, target: str, signed: dict[str, Any]
    ) -> None:
        """Have the server of the sender invite a user of this one."""
        ...


def remote_rooms() -> RemoteRooms:
    """The layer above."""
    found: RemoteRooms = import_string(settings.REMOTE_ROOMS)
    return found
