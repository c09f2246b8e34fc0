"""Connections to other servers: found by discovery, verified by TLS, pooled for each server name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from yarl import URL

from appliance.config.sections.matrix import Federation
from appliance.version import VERSION
from matrix_app.federation.addresses import AddressRule
from matrix_app.federation.discovery import Discovery, Route, SrvLookup, WellKnownLookup
from matrix_app.federation.dns import DnsSrvLookup, SystemAddressLookup
from matrix_app.federation.idle_connections import IdleConnections
from matrix_app.federation.public_https import PublicHttps
from matrix_app.federation.resolver import AddressLookup, GuardedResolver, RouteResolver, guarded_socket
from matrix_app.federation.tls import tls_context
from matrix_app.federation.well_known import WellKnownCache
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.protocol.said import said

DISCOVERY_SECONDS: Final = 20.0
KEEP_ALIVE_SECONDS: Final = 30.0
# Plain requests are few and short.
PLAIN_CONNECTIONS: Final = 16
_HEADERS: Final = {"User-Agent": f"Hearth/{VERSION}"}


class Transport:
    """Sends requests to server names. Made and used on one event loop."""

    def __init__(
        self,
        federation: Federation,
        *,
        addresses: AddressLookup | None = None,
        srv: SrvLookup | None = None,
        well_known: WellKnownLookup | None = None,
    ) -> None:
        self.federation = federation
        rule = AddressRule.of(federation)
        lookup = addresses or SystemAddressLookup()
        self._lookup = lookup
        tls = tls_context(federation)
        self._plain = guarded_session(GuardedResolver(lookup, rule), rule, tls, PLAIN_CONNECTIONS, 2)
        self.https = PublicHttps(self._plain, rule)
        self.discovery = Discovery(well_known or WellKnownCache(self.https), srv or DnsSrvLookup())
        self._resolver = RouteResolver(lookup, rule)
        self._session = guarded_session(
            self._resolver, rule, tls, federation.connections, federation.connections_per_server
        )
        self._idle = IdleConnections(federation.connections, KEEP_ALIVE_SECONDS)
        # Those who wait for a connection wait here, where it does not count as slowness of the other server.
        self._slots = asyncio.Semaphore(federation.connections)

    @asynccontextmanager
    async def open(
        self,
        server_name: str,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: float,
        silence: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request whose target is encoded already; raises `RemoteUnreachable`."""
        limits = self._limits(timeout, silence)
        route = await self._route(server_name)
        async with self._slots:
            try:
                response = await self._send(server_name, route, method, target, headers, body, limits)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                message = said("{host} gave no answer: {error}", host=server_name, error=reason_of(error))
                raise RemoteUnreachable(message, may_have_arrived=_was_connected(error)) from error
            async with response:
                yield response

    async def _route(self, server_name: str) -> Route:
        try:
            async with asyncio.timeout(DISCOVERY_SECONDS):
                return await self.discovery.route(server_name)
        except TimeoutError:
            raise RemoteUnreachable(
                said("It took too long to find out where {server_name} is", server_name=server_name)
            ) from None

    async def _send(
        self,
        server_name: str,
        route: Route,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        host = self._resolver.url_host(server_name, route)
        whole = {**_HEADERS, **headers, "Host": route.host_header}
        if not self._idle.may_stay(host):
            whole["Connection"] = "close"

        async def attempt() -> aiohttp.ClientResponse:
            return await self._session.request(
                method,
                URL(f"https://{host}{target}", encoded=True),
                headers=whole,
                data=body,
                allow_redirects=False,
                server_hostname=route.certificate_name,
                timeout=limits,
            )

        try:
            return await attempt()
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
            # A connection that was kept open may have been closed over there at the same moment.
            return await attempt()

    def _limits(self, timeout: float, silence: float | None) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=timeout,
            sock_connect=self.federation.connect_timeout_seconds,
            sock_read=max(self.federation.request_timeout_seconds, silence or 0.0),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        await self._plain.close()
        if isinstance(self._lookup, SystemAddressLookup):
            self._lookup.close()


def guarded_session(
    resolver: GuardedResolver, rule: AddressRule, tls: ssl.SSLContext, connections: int, per_host: int
) -> aiohttp.ClientSession:
    """A session that connects to no address which the rule forbids."""
    connector = aiohttp.TCPConnector(
        resolver=resolver,
        socket_factory=guarded_socket(rule),
        use_dns_cache=False,  # discovery and its ports know how long what they found is good
        ssl=tls,
        limit=connections,
        limit_per_host=per_host,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=_HEADERS)


def reason_of(error: Exception) -> str:
    """What went wrong, without the made-up host that aiohttp's own words have."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not accepted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {error.os_error}"
    if isinstance(error, TimeoutError):
        return "it took too long"
    return f"{type(error).__name__}: {error}"


def _was_connected(error: Exception) -> bool:
    return not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | ValueError)
