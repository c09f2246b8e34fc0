"""Logout (data/api/client-server/logout.yaml)."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.log_out import log_out, log_out_everywhere


@endpoint("POST", "/_matrix/client/v3/logout", rate="write", guests=True, locked=True)
def log_this_device_out(request: Request) -> dict[str, Any]:
    """Invalidate the access token; its device goes too (POST /logout)."""
    log_out(request.requester)
    return {}


@endpoint("POST", "/_matrix/client/v3/logout/all", rate="write", guests=True, locked=True)
def log_all_devices_out(request: Request) -> dict[str, Any]:
    """Invalidate all access tokens of the user; all devices go (POST /logout/all)."""
    log_out_everywhere(request.requester.user_nid)
    return {}
