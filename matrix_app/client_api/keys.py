"""Keys of devices (data/api/client-server/keys.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.filters import Filter
from matrix_app.protocol.tokens import parse_stream_token
from matrix_app.services import lost_time
from matrix_app.services.claim_keys import claim_keys
from matrix_app.services.query_keys import query_keys
from matrix_app.services.upload_keys import upload_keys
from matrix_app.sync.hub import hub
from matrix_app.sync.v2.movements import find_movements
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.scope import find_scope
from matrix_app.sync.v2.user_sections import device_lists

DEFAULT_TIMEOUT_MS = 10_000


class UploadBody(msgspec.Struct):
    """The body of POST /keys/upload."""

    device_keys: dict[str, Any] | None = None
    one_time_keys: dict[str, Any] | None = None
    fallback_keys: dict[str, Any] | None = None


class QueryBody(msgspec.Struct):
    """The body of POST /keys/query."""

    device_keys: dict[str, list[str]]
    timeout: int = DEFAULT_TIMEOUT_MS


class ClaimBody(msgspec.Struct):
    """The body of POST /keys/claim."""

    one_time_keys: dict[str, dict[str, str]]
    timeout: int = DEFAULT_TIMEOUT_MS


@endpoint("POST", "/_matrix/client/v3/keys/upload", rate="keys", guests=True)
def post_upload(request: Request) -> dict[str, Any]:
    """Publish keys of the device (POST /keys/upload)."""
    body = request.decode(UploadBody)
    counts = upload_keys(
        request.requester, body.device_keys, body.one_time_keys or {}, body.fallback_keys or {}
    )
    return {"one_time_key_counts": counts}


@endpoint("POST", "/_matrix/client/v3/keys/query", rate="keys", guests=True)
def post_query(request: Request) -> dict[str, Any]:
    """The keys of users and their devices (POST /keys/query)."""
    body = request.decode(QueryBody)
    return query_keys(body.device_keys, request.requester.user_nid, body.timeout)


@endpoint("POST", "/_matrix/client/v3/keys/claim", rate="keys", guests=True)
def post_claim(request: Request) -> dict[str, Any]:
    """Claim one-time keys (POST /keys/claim)."""
    body = request.decode(ClaimBody)
    return claim_keys(body.one_time_keys, body.timeout)


@endpoint("GET", "/_matrix/client/v3/keys/changes", rate="keys")
def get_changes(request: Request) -> dict[str, Any]:
    """Whose keys changed between two syncs (GET /keys/changes): what /sync would tell of device lists."""
    since = parse_stream_token(request.required_query("from")).position
    upto = parse_stream_token(request.required_query("to")).position
    hub().catch_up()
    lost = lost_time.remembers(since)
    sync = SyncRequest(request.requester, Filter(), since, upto, from_lost_time=lost)
    scope = find_scope(sync)
    return {"changed": [], "left": [], **device_lists(sync, scope, find_movements(sync, scope))}
