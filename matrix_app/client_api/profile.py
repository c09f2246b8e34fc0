"""Profiles."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import MissingParam
from matrix_app.services import profiles

_FIELD = (
    "/_matrix/client/v3/profile/{user_id}/{key_name}",
    "/_matrix/client/unstable/uk.tcpip.msc4133/profile/{user_id}/{key_name}",
)


@endpoint("GET", "/_matrix/client/v3/profile/{user_id}", auth=Auth.OPTIONAL)
def get_profile(request: Request) -> dict[str, Any]:
    """All fields of a user's profile (GET /profile/{userId})."""
    return profiles.profile_of(request.path["user_id"])


@endpoint("GET", *_FIELD, auth=Auth.OPTIONAL)
def get_field(request: Request) -> dict[str, Any]:
    """One field of a profile (GET /profile/{userId}/{keyName})."""
    return profiles.field_of(request.path["user_id"], request.path["key_name"])


@endpoint("PUT", *_FIELD, rate="write", guests=True)
def put_field(request: Request) -> dict[str, Any]:
    """Set a field of one's own profile (PUT /profile/{userId}/{keyName})."""
    field, body = request.path["key_name"], request.json_object()
    if field not in body:
        raise MissingParam(f"The body must have the property {field}")
    profiles.set_field(request.requester, request.path["user_id"], field, body[field])
    return {}


@endpoint("DELETE", *_FIELD, rate="write", guests=True)
def delete_field(request: Request) -> dict[str, Any]:
    """Remove a field of one's own profile (DELETE /profile/{userId}/{keyName})."""
    profiles.delete_field(request.requester, request.path["user_id"], request.path["key_name"])
    return {}
