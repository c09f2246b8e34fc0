"""Server discovery: `/.well-known/matrix/...`, for when the server's own domain leads here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from appliance.config import get_config
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import NotFound
from matrix_app.services.calls import rtc_transports
from matrix_app.services.public_address import public_baseurl


@endpoint("GET", "/.well-known/matrix/client", auth=Auth.NONE)
def discover_homeserver(request: Request) -> dict[str, Any]:
    """Where clients find the homeserver of this domain (GET /.well-known/matrix/client)."""
    found: dict[str, Any] = {"m.homeserver": {"base_url": public_baseurl()}}
    if transports := rtc_transports():
        found["org.matrix.msc4143.rtc_foci"] = transports
    return found


@endpoint("GET", "/.well-known/matrix/server", auth=Auth.NONE)
def discover_server(request: Request) -> dict[str, Any]:
    """Where other servers find it (GET /.well-known/matrix/server)."""
    parts = urlsplit(get_config().server.public_baseurl)
    if parts.scheme != "https" or not parts.hostname or not get_config().federation.enabled:
        raise NotFound("No server is named here")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return {"m.server": f"{host}:{parts.port or 443}"}


@endpoint("GET", "/.well-known/matrix/support", auth=Auth.NONE)
def find_support(request: Request) -> dict[str, Any]:
    """Whom to ask about this server (GET /.well-known/matrix/support)."""
    server = get_config().server
    found: dict[str, Any] = {}
    if server.admin_contact:
        kind = "matrix_id" if server.admin_contact.startswith("@") else "email_address"
        address = server.admin_contact.removeprefix("mailto:")
        found["contacts"] = [{kind: address, "role": "m.role.admin"}]
    if server.support_page:
        found["support_page"] = server.support_page
    if not found:
        raise NotFound("No support information is given")
    return found
