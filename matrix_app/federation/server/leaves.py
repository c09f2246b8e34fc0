"""Leaving from elsewhere: turned down invites and knocks taken back (leaving-v1.yaml, leaving-v2.yaml)."""

from __future__ import annotations

from typing import Any

from matrix_app.federation.server.signatures import require_signatures
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.services.membership_templates import make_template
from matrix_app.services.received_memberships import accept, read_own_membership
from matrix_app.services.server_access import resident_room


@endpoint(
    "GET", "/_matrix/federation/v1/make_leave/{room_id}/{user_id}", auth=Auth.FEDERATION, rate="federation"
)
def make_leave(request: Request) -> dict[str, Any]:
    """The leave for the server to complete and sign (GET /make_leave/{roomId}/{userId})."""
    path = request.path
    return make_template(path["room_id"], path["user_id"], "leave", request.origin, None)


@endpoint(
    "PUT", "/_matrix/federation/v2/send_leave/{room_id}/{event_id}", auth=Auth.FEDERATION, rate="federation"
)
def send_leave(request: Request) -> dict[str, Any]:
    """Take in the signed leave (PUT /send_leave/{roomId}/{eventId})."""
    _leave(request)
    return {}


@endpoint(
    "PUT", "/_matrix/federation/v1/send_leave/{room_id}/{event_id}", auth=Auth.FEDERATION, rate="federation"
)
def send_leave_v1(request: Request) -> list[Any]:
    """The same with the answer in a list, as the first version has it."""
    _leave(request)
    return [200, {}]


def _leave(request: Request) -> None:
    room = resident_room(request.path["room_id"], request.origin)
    event = read_own_membership(request.json_object(), room, "leave", request.origin)
    require_signatures(event)
    accept(room, event)
