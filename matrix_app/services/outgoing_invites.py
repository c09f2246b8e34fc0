"""Inviting users of other servers, each of which signs the invite ("Inviting to a room")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import (
    AuthorizationFailed,
    BadGateway,
    MatrixError,
    RemoteError,
    UnsupportedRoomVersion,
)
from matrix_app.protocol.event_format import check_pdu_format
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.protocol.ids import domain_of
from matrix_app.services.policy_signing import signed_if_needed
from matrix_app.services.received_events import store_received
from matrix_app.services.relaying import relay
from matrix_app.services.remote_servers import request
from matrix_app.services.room_writer import RoomWriter, read_room
from matrix_app.services.shown_state import shown_state
from matrix_app.storage.events import Status
from matrix_app.storage.rooms import RoomIdentity

_SECONDS: Final = 30.0


def issue(room: RoomIdentity, change: Callable[[RoomWriter], Event]) -> Event:
    """Have the invite that `change` adds signed by the server of who is invited, and store it.

    Where `change` adds nothing, what it returns stays. Raises what the other server says against the
    invite, `RemoteUnreachable` when it says nothing, and `AuthorizationFailed` when the room does not allow
    the invite, or no longer. The room's policy server is asked before the other server.
    """
    reader = read_room(room)
    event = change(reader)
    if not reader.pending:
        return event
    signed = _signed_there(room, signed_if_needed(room, event))

    def beside() -> None:
        relay(signed, to_sender=True)

    if store_received(room, signed, beside=beside, unrecommended=True) != Status.NORMAL:
        raise AuthorizationFailed("The room no longer allows this invite")
    return signed


def _signed_there(room: RoomIdentity, event: Event) -> Event:
    """The invite with the signature of the other server, of whose answer nothing else is taken."""
    server = domain_of(event.state_key or "")
    returned = _ask(room, event, server)
    check_pdu_format(returned, room.rules)
    if event_id_of(returned, room.rules) != event.event_id:
        raise BadGateway(f"{server} returned another event than the invite that it was sent")
    theirs = returned["signatures"].get(server)
    if not theirs:
        raise BadGateway(f"{server} has not signed the invite")
    # It may be the room's policy server, too, and have signed as that before.
    present = event.pdu["signatures"]
    signatures = {**present, server: {**theirs, **present.get(server, {})}}
    pdu = {**event.pdu, "signatures": signatures}
    check_pdu_format(pdu, room.rules)
    return Event(pdu, event.event_id, room.rules)


def _ask(room: RoomIdentity, event: Event, server: str) -> Any:
    shown = [decode_json(pdu) for pdu in shown_state(room, [("m.room.member", event.sender)])]
    body = {"room_version": room.rules.identifier, "event": event.pdu, "invite_room_state": shown}
    try:
        answer = request(server, "PUT", _path("v2", event), content=body, timeout=_SECONDS)
    except RemoteError as error:
        # "Senders which receive a 400 or 404 response to this endpoint should retry using the v1 API as the
        # server may be older, if the room version is "1" or "2"."
        if room.rules.event_id_format != "domain" or error.remote_status not in (400, 404):
            raise _told(error, room) from error
        old_body = {**event.pdu, "unsigned": {"invite_room_state": shown}}
        answer = request(server, "PUT", _path("v1", event), content=old_body, timeout=_SECONDS)
        answer = answer[1] if isinstance(answer, list) and len(answer) > 1 else answer
    return answer.get("event") if isinstance(answer, dict) else None


def _told(error: RemoteError, room: RoomIdentity) -> MatrixError:
    """What a client is told of an answer against its invite.

    Of users "of a homeserver which does not support the requested room version", the specification has
    `M_UNSUPPORTED_ROOM_VERSION`. Servers say so by another code, or are from before versions had numbers.
    """
    if error.errcode in ("M_INCOMPATIBLE_ROOM_VERSION", "M_UNRECOGNIZED"):
        version = room.rules.identifier
        return UnsupportedRoomVersion(f"{error.server_name} does not know rooms of version {version}")
    return error.of_event()


def _path(version: str, event: Event) -> str:
    room_id, event_id = quote(event.room_id, safe=""), quote(event.event_id, safe="")
    return f"/_matrix/federation/{version}/invite/{room_id}/{event_id}"
