"""Addresses of this server as its users write them."""

from __future__ import annotations

from appliance.config import get_config


def public_baseurl() -> str:
    """Where clients reach this server, without a slash at the end."""
    server = get_config().server
    if server.public_baseurl:
        return server.public_baseurl.rstrip("/")
    first = next((address for address in server.listen if not address.startswith("unix:")), "localhost:8008")
    return f"http://{first}"
