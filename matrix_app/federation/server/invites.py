"""Invites of this server's users (data/api/server-server/invites-v1.yaml, invites-v2.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.federation.server.signatures import require_all_signatures, require_signatures
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.services.appservice_queries import make_user
from matrix_app.services.received_invites import (
    accept_invite,
    read_invite,
    read_room_state,
    rules_of_invite,
    rules_of_old_invite,
)


class InviteBody(msgspec.Struct):
    """The body of the second version."""

    room_version: str
    event: dict[str, Any]
    invite_room_state: Any = None


@endpoint(
    "PUT", "/_matrix/federation/v2/invite/{room_id}/{event_id}", auth=Auth.FEDERATION, rate="federation"
)
def invite(request: Request) -> bytes:
    """Sign an invite and show it to the user (PUT /invite/{roomId}/{eventId})."""
    body = request.decode(InviteBody)
    rules = rules_of_invite(body.room_version)
    return b'{"event":%b}' % _invited(request, body.event, body.invite_room_state, rules)


@endpoint(
    "PUT", "/_matrix/federation/v1/invite/{room_id}/{event_id}", auth=Auth.FEDERATION, rate="federation"
)
def invite_v1(request: Request) -> bytes:
    """The same as the first version has it: the event alone, its answer in a list."""
    pdu = request.json_object()
    unsigned = pdu.get("unsigned")
    shown = unsigned.get("invite_room_state") if isinstance(unsigned, dict) else None
    rules = rules_of_old_invite(request.path["room_id"], shown)
    return b'[200,{"event":%b}]' % _invited(request, pdu, shown, rules)


def _invited(request: Request, pdu: dict[str, Any], shown: Any, rules: RoomVersion) -> bytes:
    event = read_invite(pdu, rules, request.path["room_id"], request.origin)
    stripped, whole = read_room_state(shown, rules, event.room_id)
    require_signatures(event)
    # Older versions' invites come from servers that send no whole events.
    if rules.room_id_is_create_hash:
        require_all_signatures(whole)
    # Bridges make their users when somebody wants them.
    make_user(event.state_key or "")
    signed = accept_invite(event, stripped)
    # "All other fields of the events should remain untouched."
    return encode_canonical({**pdu, "signatures": signed.pdu["signatures"]}, lenient=True)
