"""Devices and keys of this server's users (data/api/server-server/user_devices.yaml, user_keys.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from appliance.config import get_config
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.services.claim_keys import claim_local_keys
from matrix_app.services.query_keys import query_known_keys
from matrix_app.services.server_queries import devices_of, require_local

_BASE = "/_matrix/federation/v1"


class QueryBody(msgspec.Struct):
    """The body of POST /user/keys/query."""

    device_keys: dict[str, list[str]]


class ClaimBody(msgspec.Struct):
    """The body of POST /user/keys/claim."""

    one_time_keys: dict[str, dict[str, str]]


@endpoint("GET", f"{_BASE}/user/devices/{{user_id}}", auth=Auth.FEDERATION, rate="federation")
def get_devices(request: Request) -> dict[str, Any]:
    """The devices of a user (GET /user/devices/{userId})."""
    return devices_of(request.path["user_id"])


@endpoint("POST", f"{_BASE}/user/keys/query", auth=Auth.FEDERATION, rate="federation")
def post_query(request: Request) -> dict[str, Any]:
    """The keys of users and their devices (POST /user/keys/query)."""
    wanted = request.decode(QueryBody).device_keys
    require_local(wanted)
    found = query_known_keys(wanted, names=get_config().federation.tell_device_names)
    return {
        "device_keys": found.device_keys,
        "master_keys": found.master_keys,
        "self_signing_keys": found.self_signing_keys,
    }


@endpoint("POST", f"{_BASE}/user/keys/claim", auth=Auth.FEDERATION, rate="federation")
def post_claim(request: Request) -> dict[str, Any]:
    """Claim one-time keys (POST /user/keys/claim)."""
    wanted = request.decode(ClaimBody).one_time_keys
    require_local(wanted)
    return {"one_time_keys": claim_local_keys(wanted)}
