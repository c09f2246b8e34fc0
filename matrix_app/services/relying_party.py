"""Who passkeys are made for: the domain and the origin of this server's public address."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from appliance.config import get_config
from matrix_app.services.public_address import public_baseurl

_DEFAULT_PORTS = {"https": 443, "http": 80}


class RelyingParty(NamedTuple):
    """The domain that passkeys are bound to, and the one origin from which they are taken."""

    id: str
    origin: str
    name: str


def relying_party() -> RelyingParty | None:
    """Who passkeys are made for; None where browsers would refuse them: by an IP address, or without TLS."""
    address = urlsplit(public_baseurl())
    host = (address.hostname or "").lower()
    local = host == "localhost" or host.endswith(".localhost")
    if not host or _is_ip_address(host) or not (address.scheme == "https" or local):
        return None
    port = "" if address.port in (None, _DEFAULT_PORTS.get(address.scheme)) else f":{address.port}"
    return RelyingParty(host, f"{address.scheme}://{host}{port}", get_config().server.name)


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
