"""The address that a request comes from, believing only trusted proxies."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import structlog

from appliance.config import get_config

_log = structlog.get_logger("matrix_app.http")


@lru_cache(maxsize=1)
def _trusted() -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(entry, strict=False) for entry in get_config().server.trusted_proxies)


@lru_cache(maxsize=4096)
def _is_trusted(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _trusted())


def came_over_https(peer: str | None, forwarded_proto: str | None) -> bool:
    """Whether a trusted proxy says that its client came over https."""
    return forwarded_proto == "https" and (peer is None or _is_trusted(peer))


@lru_cache(maxsize=16)
def _tell_of_untrusted(peer: str) -> None:
    """Once for each address nearby: it may be the owner's proxy, such as the gateway of a container."""
    try:
        nearby = ip_address(peer).is_private
    except ValueError:
        return
    if nearby:
        _log.warning(
            "X-Forwarded-For is not believed; if this is your proxy, name it in server.trusted_proxies",
            peer=peer,
        )


def client_address(peer: str | None, forwarded_for: str | None) -> str:
    """The client's address: the last hop of X-Forwarded-For that is not a trusted proxy itself.

    `peer` is None for a connection through a Unix socket, which is always trusted.
    """
    if forwarded_for is None:
        return peer or ""
    if peer is not None and not _is_trusted(peer):
        _tell_of_untrusted(peer)
        return peer
    for hop in reversed([part.strip() for part in forwarded_for.split(",")]):
        if hop and not _is_trusted(hop):
            return hop
    return peer or ""
