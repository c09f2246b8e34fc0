"""From a server name to hosts and ports ("Resolving server names"), step by step as the specification has it.

DNS and the `.well-known` file are ports: this module decides, and asks nobody itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address
from typing import Final, NamedTuple, Protocol

from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.protocol.said import said

DEFAULT_PORT: Final = 8448
_SERVICES: Final = ("_matrix-fed._tcp", "_matrix._tcp")


class Target(NamedTuple):
    """A host name or IP address to connect to, and a port."""

    host: str
    port: int


class Route(NamedTuple):
    """Where the requests for a server go: targets in the order to try, and who has to be there.

    The certificate must be one for `certificate_name`, a host name or an IP address.
    """

    targets: tuple[Target, ...]
    host_header: str
    certificate_name: str


class SrvRecord(NamedTuple):
    """One SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


class SrvLookup(Protocol):
    """Asks DNS for SRV records."""

    async def records(self, name: str) -> Sequence[SrvRecord]:
        """The records of a name; empty when there are none, or none can be found out."""
        ...


class WellKnownLookup(Protocol):
    """Asks hosts for their `/.well-known/matrix/server`."""

    async def delegated_name(self, host: str) -> str | None:
        """The valid server name in `m.server`, or None after any error."""
        ...


class ServerAddress(NamedTuple):
    """The parts of a server name."""

    host: str  # without the brackets of IPv6
    port: int | None
    is_ip: bool


def split_server_name(server_name: str) -> ServerAddress:
    """The parts of a valid server name."""
    if server_name.startswith("["):
        host, _, port = server_name[1:].partition("]")
        return ServerAddress(host, int(port[1:]) if port else None, is_ip=True)
    host, _, port = server_name.partition(":")
    return ServerAddress(host, int(port) if port else None, _is_ipv4(host))


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


class Discovery:
    """Finds the route to a server."""

    def __init__(self, well_known: WellKnownLookup, srv: SrvLookup) -> None:
        self._well_known = well_known
        self._srv = srv

    async def route(self, server_name: str) -> Route:
        """The route to a valid server name; raises `RemoteUnreachable` when DNS says that there is none."""
        address = split_server_name(server_name)
        # Steps 1 and 2: IP literals, and explicit ports.
        if address.is_ip or address.port is not None:
            return _fixed(server_name, address)
        # Step 3: "a regular HTTPS request is made to https://<hostname>/.well-known/matrix/server".
        delegated = await self._well_known.delegated_name(address.host)
        if delegated is None:
            # Steps 4 to 6 are those of 3.3 to 3.5 with the hostname itself.
            return await self._by_srv(server_name, address)
        address = split_server_name(delegated)
        # Steps 3.1 and 3.2.
        if address.is_ip or address.port is not None:
            return _fixed(delegated, address)
        return await self._by_srv(delegated, address)

    async def _by_srv(self, name: str, address: ServerAddress) -> Route:
        for service in _SERVICES:
            records = await self._srv.records(f"{service}.{address.host.rstrip('.')}")
            if records:
                return Route(_targets(name, records), name, _certificate_name(address))
        # "If no SRV record is found, an IP address is resolved using CNAME, AAAA or A records. Requests are
        # then made to the resolved IP address and a port of 8448".
        return _fixed(name, address)


def _fixed(name: str, address: ServerAddress) -> Route:
    port = DEFAULT_PORT if address.port is None else address.port
    return Route((Target(address.host, port),), name, _certificate_name(address))


def _certificate_name(address: ServerAddress) -> str:
    return address.host.rstrip(".").lower()


def _targets(name: str, records: Sequence[SrvRecord]) -> tuple[Target, ...]:
    # RFC 2782: "A Target of "." means that the service is decidedly not available at this domain."
    usable = [record for record in records if record.target.rstrip(".") and record.port]
    if not usable:
        raise RemoteUnreachable(said("The DNS of {name} says that there is no server", name=name))
    return tuple(Target(record.target.rstrip("."), record.port) for record in in_order(usable))


def in_order(records: Sequence[SrvRecord]) -> list[SrvRecord]:
    """The order to try records in: by priority, and by chance in proportion to the weight among equals."""
    # Exponential deviates with the weights as rates come in just that order; those without weight are last.
    return sorted(
        records,
        key=lambda record: (
            record.priority,
            record.weight == 0,
            random.expovariate(max(1, record.weight)),
        ),
    )
