"""`services.remote_rooms.RemoteRooms` over federation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from matrix_app.federation.outbound.knock import knock
from matrix_app.federation.outbound.leave import leave
from matrix_app.federation.outbound.third_party import exchange_third_party_invite
from matrix_app.http.requester import Requester
from matrix_app.http.view_threads import waiting_for_others
from matrix_app.services import remote_joins
from matrix_app.services.known_rooms import is_here
from matrix_app.services.remote_rooms import RemoteRooms
from matrix_app.sync import wakeups


@cache
def _listen() -> None:
    """Hear of the joins that have ended, in this process."""
    wakeups.listen(remote_joins.one_has_ended, remote_joins.ENDED)


os.register_at_fork(after_in_child=_listen.cache_clear)


def join(requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]) -> None:
    """Have the worker join by way of one of the servers, and wait. It goes on if the client gives up."""
    _listen()
    nid = remote_joins.request(requester, room_id, servers, content, was_here=is_here(room_id))
    wakeups.tell("joins")
    with waiting_for_others():
        remote_joins.wait(nid)


class FederatedRooms:
    """Other servers' rooms, by asking them."""

    join = staticmethod(join)
    knock = staticmethod(knock)
    leave = staticmethod(leave)
    exchange_third_party_invite = staticmethod(exchange_third_party_invite)


rooms: Final[RemoteRooms] = FederatedRooms()
