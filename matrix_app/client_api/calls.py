"""Calls: TURN credentials, and where conferences meet."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.calls import rtc_transports, turn_credentials


@endpoint("GET", "/_matrix/client/v3/voip/turnServer", guests=True)
def get_turn_server(request: Request) -> dict[str, Any]:
    """Credentials for the TURN servers (GET /voip/turnServer)."""
    return turn_credentials(request.requester)


@endpoint(
    "GET",
    "/_matrix/client/v1/rtc/transports",
    "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports",
    guests=True,
)
def get_rtc_transports(request: Request) -> dict[str, Any]:
    """Where conferences meet (GET /rtc/transports, MSC4143)."""
    return {"rtc_transports": rtc_transports()}
