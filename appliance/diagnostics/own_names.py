"""The names under which this server should be found."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from appliance.config import get_config
from appliance.diagnostics.outside import is_address
from appliance.diagnostics.result import Result, skipped


class OwnNames(NamedTuple):
    """The domain in user IDs with its port, if any, and the address for clients."""

    server_name: str
    domain: str
    base: str
    host: str
    port: int

    @property
    def hosts(self) -> list[str]:
        """The names that must be found: that for clients, and the domain in user IDs."""
        return list(dict.fromkeys((self.host, self.domain)))

    @property
    def delegates(self) -> bool:
        """Whether clients and servers must be led from the domain to another host or port."""
        return (self.domain, 8448) != (self.host, self.port)


def own_names() -> OwnNames | None:
    """The public names; None as long as the server has none: localhost, or no address with https."""
    server = get_config().server
    base = server.public_baseurl.rstrip("/")
    parts = urlsplit(base)
    domain = server.name.rpartition(":")[0] if server.name.rpartition(":")[2].isdigit() else server.name
    if domain in ("localhost", "127.0.0.1", "[::1]") or parts.scheme != "https" or not parts.hostname:
        return None
    return OwnNames(server.name, domain, base, parts.hostname, parts.port or 443)


# Names that no public name server knows (RFC 6761, RFC 6762, RFC 8375, and that ICANN keeps free).
_PRIVATE_ENDS: Final = (
    "local", "localhost", "test", "example", "invalid", "internal", "home.arpa", "lan"
)  # fmt: skip


def is_private_name(name: str) -> bool:
    """Whether a host is an address, or a name that only a private network has."""
    ends = name.lower().rstrip(".")
    plain = "." not in ends or is_address(name)
    return plain or any(ends == end or ends.endswith(f".{end}") for end in _PRIVATE_ENDS)


def nameless() -> Result:
    """What checks of public names say without any."""
    return skipped("The server has no public name yet (server.name, server.public_baseurl)")


def is_public(address: str) -> bool:
    """Whether an IP address can be reached from the Internet."""
    return is_address(address) and ip_address(address.strip("[]")).is_global
