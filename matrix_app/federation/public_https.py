"""Plain HTTPS requests to hosts that other servers name: for `.well-known` files, and media elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from matrix_app.federation.addresses import AddressRule
from matrix_app.federation.bodies import read_limited
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.protocol.said import said

MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class HttpAnswer(NamedTuple):
    """The answer to a plain request."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class PublicHttps:
    """GETs `https://` addresses. The session's resolver forbids private hosts, the rule private literals."""

    def __init__(self, session: aiohttp.ClientSession, rule: AddressRule) -> None:
        self._session = session
        self._rule = rule

    async def get(self, url: str, *, max_bytes: int, timeout: float) -> HttpAnswer:
        """The answer after up to five redirects, all of them to https; raises `RemoteUnreachable`."""
        async with self.stream(url, timeout=timeout) as response:
            try:
                body = await read_limited(response, max_bytes)
            except (aiohttp.ClientError, OSError) as error:
                raise RemoteUnreachable(
                    said("The answer of {server_name} broke off: {error}", server_name=url, error=error)
                ) from error
            return HttpAnswer(response.status, response.headers, body)

    @asynccontextmanager
    async def stream(self, url: str, *, timeout: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """As `get`, before the body has arrived."""
        limits = aiohttp.ClientTimeout(total=timeout)
        try:
            response = await self._redirected(url, limits)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise RemoteUnreachable(said("{host} gave no answer: {error}", host=url, error=error)) from error
        async with response:
            yield response

    async def _redirected(self, url: str, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        for _ in range(MOST_REDIRECTS + 1):
            self._check(url)
            response = await self._session.get(URL(url), allow_redirects=False, timeout=limits)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or location is None:
                return response
            response.close()
            url = urljoin(url, location)
        raise RemoteUnreachable(said("{url} is at the end of too many redirects", url=url))

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise RemoteUnreachable(said("{url} is not an https address", url=url))
        # aiohttp asks the resolver for names only, not for what is an address already.
        if _is_ip(parts.hostname) and not self._rule.permits(parts.hostname):
            raise RemoteUnreachable(said("{host} is on an address that is not connected to", host=url))


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
