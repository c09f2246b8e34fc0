"""Addresses of this server as its users write them."""

from __future__ import annotations

from appliance.config import get_config
from appliance.config.addresses import local_address


def public_baseurl() -> str:
    """Where clients reach this server, without a slash at the end."""
    config = get_config()
    if config.server.public_baseurl:
        return config.server.public_baseurl.rstrip("/")
    return local_address(config) or "http://localhost:8008"
