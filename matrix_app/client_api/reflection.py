"""How requests arrive through the proxy: for the checks of the diagnostics, which ask for it."""

from __future__ import annotations

from typing import Any

from appliance.config import get_config
from matrix_app.http.client_address import came_over_https
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request


@endpoint("GET", "/_hearth/reflection/{segment}", auth=Auth.NONE)
def reflect(request: Request) -> dict[str, Any]:
    """What came of a path with %2F in it and of the headers of a proxy; nothing about who else asks."""
    meta = request.http.META
    return {
        "server_name": get_config().server.name,
        "segment": request.path["segment"],
        "forwarded_for": bool(meta.get("HTTP_X_FORWARDED_FOR")),
        "https": came_over_https(meta.get("REMOTE_ADDR"), meta.get("HTTP_X_FORWARDED_PROTO")),
    }
