"""Knocking from elsewhere (data/api/server-server/knocks.yaml)."""

from __future__ import annotations

from typing import Any

import orjson

from matrix_app.federation.server.signatures import require_signatures
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.services.membership_templates import make_template
from matrix_app.services.received_memberships import accept, read_own_membership
from matrix_app.services.server_access import resident_room
from matrix_app.services.shown_state import shown_state


@endpoint(
    "GET", "/_matrix/federation/v1/make_knock/{room_id}/{user_id}", auth=Auth.FEDERATION, rate="federation"
)
def make_knock(request: Request) -> dict[str, Any]:
    """The knock for the server to complete and sign (GET /make_knock/{roomId}/{userId})."""
    path = request.path
    versions = request.query_list("ver")
    return make_template(path["room_id"], path["user_id"], "knock", request.origin, versions)


@endpoint(
    "PUT", "/_matrix/federation/v1/send_knock/{room_id}/{event_id}", auth=Auth.FEDERATION, rate="federation"
)
def send_knock(request: Request) -> dict[str, Any]:
    """Take in the signed knock; what the room is (PUT /send_knock/{roomId}/{eventId})."""
    room = resident_room(request.path["room_id"], request.origin)
    event = read_own_membership(request.json_object(), room, "knock", request.origin)
    require_signatures(event)
    accept(room, event)
    return {"knock_room_state": [orjson.Fragment(pdu) for pdu in shown_state(room)]}
