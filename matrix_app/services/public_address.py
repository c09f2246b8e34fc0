"""Addresses of this server as its users write them."""

from __future__ import annotations

from urllib.parse import urlsplit

from appliance.config import get_config
from appliance.config.addresses import local_address


def public_baseurl() -> str:
    """Where clients reach this server, without a slash at the end."""
    config = get_config()
    if config.server.public_baseurl:
        return config.server.public_baseurl.rstrip("/")
    return local_address(config) or "http://localhost:8008"


def is_public(host: str) -> bool:
    """Whether a `Host` header is that of the public address, so that its pages can be reached from there."""
    base = urlsplit(public_baseurl())
    default = ":443" if base.scheme == "https" else ":80"
    return host.lower().removesuffix(default) == base.netloc.lower().removesuffix(default)
