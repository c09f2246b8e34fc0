"""Leads aiohttp's connections where discovery says, and nowhere that is forbidden.

aiohttp keeps connections by the host of a URL. The URLs of federation requests have a made-up host for each
server name and route, so that two names never share a connection, whatever address they have in common;
this resolver, which every connection passes, turns it into addresses.
"""

from __future__ import annotations

import hashlib
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any, Final, Protocol

from aiohttp.abc import AbstractResolver, ResolveResult

from matrix_app.federation.addresses import AddressRule
from matrix_app.federation.discovery import Route, Target
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.protocol.said import said

MOST_ROUTES: Final = 10_000
_SUFFIX: Final = ".server.invalid"


class AddressLookup(Protocol):
    """Asks DNS for addresses."""

    async def addresses(self, host: str) -> Sequence[str]:
        """The addresses of a host name or IP literal, at least one; raises `RemoteUnreachable`."""
        ...


def guarded_socket(rule: AddressRule) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Makes the sockets of a connector, for addresses that the rule permits only.

    Every connection passes here: also to what aiohttp takes for an address, such as 2130706433, and so does
    not ask the resolver for.
    """

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        try:
            permitted = rule.permits(str(address[0]))
        except ValueError:
            permitted = False
        if not permitted:
            raise OSError("the address is not one that is connected to")
        return socket.socket(family, kind, protocol)

    return make


class GuardedResolver(AbstractResolver):
    """Finds the addresses of ordinary host names, without those that the rule forbids."""

    def __init__(self, lookup: AddressLookup, rule: AddressRule) -> None:
        self._lookup = lookup
        self._rule = rule

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Addresses for aiohttp; raises `RemoteUnreachable`."""
        return await self.reachable([Target(host, port)])

    async def reachable(self, targets: Iterable[Target]) -> list[ResolveResult]:
        """The permitted addresses of all targets, in their order; raises `RemoteUnreachable` without any."""
        found: list[ResolveResult] = []
        fault: RemoteUnreachable | None = None
        for target in targets:
            try:
                found += await self._permitted(target)
            except RemoteUnreachable as error:
                fault = error
        if not found:
            raise fault or RemoteUnreachable(said("There is nothing to connect to"))
        return found

    async def _permitted(self, target: Target) -> list[ResolveResult]:
        addresses = await self._lookup.addresses(target.host)
        permitted = [address for address in addresses if self._rule.permits(address)]
        if not permitted:
            raise RemoteUnreachable(
                said("{host} is on an address that is not connected to", host=target.host)
            )
        return [_result(target, address) for address in permitted]

    async def close(self) -> None:
        """Nothing is held here."""


class RouteResolver(GuardedResolver):
    """Finds the addresses of the made-up hosts in the URLs of federation requests."""

    def __init__(self, lookup: AddressLookup, rule: AddressRule) -> None:
        super().__init__(lookup, rule)
        self._routes: OrderedDict[str, Route] = OrderedDict()

    def url_host(self, server_name: str, route: Route) -> str:
        """The host to put into the URLs of requests for a server over a route."""
        identity = "\n".join((server_name, route.host_header, route.certificate_name))
        host = hashlib.sha256(identity.encode()).hexdigest()[:40] + _SUFFIX
        self._routes[host] = route
        self._routes.move_to_end(host)
        if len(self._routes) > MOST_ROUTES:
            self._routes.popitem(last=False)
        return host

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of the route's targets, with their ports; raises `RemoteUnreachable`."""
        route = self._routes.get(host)
        if route is None:
            raise RemoteUnreachable(said("The way to the server is not known"))
        return await self.reachable(route.targets)


def _result(target: Target, address: str) -> ResolveResult:
    version = ip_address(address.partition("%")[0]).version
    return ResolveResult(
        hostname=target.host,
        host=address,
        port=target.port,
        family=socket.AF_INET6 if version == 6 else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
