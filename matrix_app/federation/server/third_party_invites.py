"""Making an invite of a third-party one (data/api/server-server/third_party_invite.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request, to_struct
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services import third_party_invites
from matrix_app.services.server_access import resident_room


class PartialEvent(msgspec.Struct):
    """The membership event that the other server would like to have."""

    type: str
    room_id: str
    sender: str
    state_key: str
    content: dict[str, Any]


class _ThirdPartyInvite(msgspec.Struct):
    signed: dict[str, Any]


class _Content(msgspec.Struct):
    membership: str
    third_party_invite: _ThirdPartyInvite


@endpoint(
    "PUT",
    "/_matrix/federation/v1/exchange_third_party_invite/{room_id}",
    auth=Auth.FEDERATION,
    rate="federation",
)
def exchange_third_party_invite(request: Request) -> dict[str, Any]:
    """Issue the invite (PUT /exchange_third_party_invite/{roomId})."""
    room = resident_room(request.path["room_id"], request.origin)
    wanted = request.decode(PartialEvent)
    if wanted.room_id != room.room_id or wanted.type != "m.room.member":
        raise InvalidParam("The event is no membership event of the room")
    content = to_struct(wanted.content, _Content)
    if content.membership != "invite":
        raise InvalidParam("The membership of the event is not invite")
    signed = content.third_party_invite.signed
    third_party_invites.exchange(room, wanted.state_key, signed, sender=wanted.sender)
    return {}
