"""Filters that clients upload."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import filters
from matrix_app.services.own_user import require_self

_FILTER = "/_matrix/client/v3/user/{user_id}/filter"


@endpoint("POST", _FILTER, rate="write", guests=True)
def post_filter(request: Request) -> dict[str, Any]:
    """Upload a filter (POST /user/{userId}/filter)."""
    require_self(request.requester, request.path["user_id"])
    return {"filter_id": filters.define_filter(request.requester.user_nid, request.json_object())}


@endpoint("GET", f"{_FILTER}/{{filter_id}}", guests=True)
def get_filter(request: Request) -> bytes:
    """Download a filter (GET /user/{userId}/filter/{filterId})."""
    require_self(request.requester, request.path["user_id"])
    return filters.filter_of(request.requester.user_nid, request.path["filter_id"])
