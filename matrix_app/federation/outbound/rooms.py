"""`services.remote_rooms.RemoteRooms` over federation."""

from __future__ import annotations

from typing import Final

from matrix_app.federation.outbound.join import join
from matrix_app.federation.outbound.knock import knock
from matrix_app.federation.outbound.leave import leave
from matrix_app.federation.outbound.third_party import exchange_third_party_invite
from matrix_app.services.remote_rooms import RemoteRooms


class FederatedRooms:
    """Other servers' rooms, by asking them."""

    join = staticmethod(join)
    knock = staticmethod(knock)
    leave = staticmethod(leave)
    exchange_third_party_invite = staticmethod(exchange_third_party_invite)


rooms: Final[RemoteRooms] = FederatedRooms()
