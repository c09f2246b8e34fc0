"""Letting users of other servers in (data/api/server-server/joins-v1.yaml, joins-v2.yaml)."""

from __future__ import annotations

from typing import Any

import orjson

from matrix_app.federation.server.pdu_stream import event_lists
from matrix_app.federation.server.signatures import require_signatures
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.services import join_answer
from matrix_app.services.membership_templates import make_template
from matrix_app.services.pdus import pdu_of
from matrix_app.services.received_memberships import let_in, read_own_membership
from matrix_app.services.server_access import resident_room
from matrix_app.storage.local_server import local_server_name


@endpoint(
    "GET", "/_matrix/federation/v1/make_join/{room_id}/{user_id}", auth=Auth.FEDERATION, rate="federation"
)
def make_join(request: Request) -> dict[str, Any]:
    """The join for the server to complete and sign (GET /make_join/{roomId}/{userId})."""
    path = request.path
    # "Defaults to [1]."
    versions = request.query_list("ver") or ["1"]
    return make_template(path["room_id"], path["user_id"], "join", request.origin, versions)


@endpoint(
    "PUT", "/_matrix/federation/v2/send_join/{room_id}/{event_id}", auth=Auth.FEDERATION, rate="federation"
)
def send_join(request: Request) -> Any:
    """Take in the signed join; the state of the room (PUT /send_join/{roomId}/{eventId})."""
    return _join(request, omit_members=request.query_bool("omit_members"))


@endpoint(
    "PUT", "/_matrix/federation/v1/send_join/{room_id}/{event_id}", auth=Auth.FEDERATION, rate="federation"
)
def send_join_v1(request: Request) -> Any:
    """The same with the answer in a list, as the first version has it."""
    return _join(request, wrapped=True)


def _join(request: Request, *, omit_members: bool = False, wrapped: bool = False) -> Any:
    room = resident_room(request.path["room_id"], request.origin)
    event = let_in(room, read_own_membership(request.json_object(), room, "join", request.origin))
    require_signatures(event)
    answer = join_answer.join(room, event, omit_members=omit_members)
    extra = {
        **answer.extra,
        "origin": local_server_name(),
        "event": orjson.Fragment(pdu_of(answer.join)),
    }
    return event_lists({"state": answer.state, "auth_chain": answer.auth_chain}, extra, wrapped=wrapped)
