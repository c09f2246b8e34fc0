"""This server's keys, and as a notary those of others (data/api/server-server/keys_*.yaml)."""

from __future__ import annotations

from typing import Any

from matrix_app.federation.notary import Criteria, asked_keys
from matrix_app.federation.own_keys import published_keys
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import BadJson, InvalidParam
from matrix_app.protocol.ids import parse_server_name
from matrix_app.storage.clock import now_ms


@endpoint(
    "GET",
    "/_matrix/key/v2/server",
    "/_matrix/key/v2/server/{key_id}",  # until version 1.5 a key could be named, which changed nothing
    auth=Auth.NONE,
    rate="federation",
)
def server_keys(request: Request) -> dict[str, Any]:
    """This server's keys (GET /_matrix/key/v2/server)."""
    return published_keys()


@endpoint(
    "GET",
    "/_matrix/key/v2/query/{server_name}",
    "/_matrix/key/v2/query/{server_name}/{key_id}",  # as above
    auth=Auth.NONE,
    rate="federation",
)
def query_one(request: Request) -> dict[str, Any]:
    """Another server's keys, signed by this one (GET /_matrix/key/v2/query/{serverName})."""
    name = parse_server_name(request.path["server_name"])
    # "If not supplied, the notary server MUST use the current time."
    until = request.query_int("minimum_valid_until_ts", now_ms())
    keys = {request.path["key_id"]: until} if "key_id" in request.path else {}
    return {"server_keys": asked_keys({name: Criteria(keys, until)})}


@endpoint("POST", "/_matrix/key/v2/query", auth=Auth.NONE, rate="federation")
def query_many(request: Request) -> dict[str, Any]:
    """The keys of several servers, signed by this one (POST /_matrix/key/v2/query)."""
    asked = request.json_object().get("server_keys")
    if not isinstance(asked, dict):
        raise BadJson("server_keys must be an object")
    now = now_ms()
    wanted: dict[str, Criteria] = {
        parse_server_name(name): _criteria(keys, now) for name, keys in asked.items()
    }
    return {"server_keys": asked_keys(wanted)}


def _criteria(keys: Any, now: int) -> Criteria:
    if not isinstance(keys, dict):
        raise BadJson("The keys to query are an object")
    return Criteria({key_id: _until(criteria, now) for key_id, criteria in keys.items()}, now)


def _until(criteria: Any, now: int) -> int:
    until = criteria.get("minimum_valid_until_ts", now) if isinstance(criteria, dict) else now
    if not isinstance(until, int) or isinstance(until, bool):
        raise InvalidParam("minimum_valid_until_ts must be a whole number")
    return until
