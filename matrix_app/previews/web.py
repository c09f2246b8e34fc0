"""Fetching addresses of the web that users name, without being led into the server's own network.

Every address is checked when it has been resolved, where the connection to that very address is made, and
so at every redirect.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO, Final, NamedTuple

import aiohttp
from yarl import URL

from appliance.config import Config
from appliance.version import VERSION
from matrix_app.federation import loop
from matrix_app.federation.addresses import AddressRule
from matrix_app.federation.dns import SystemAddressLookup
from matrix_app.federation.resolver import AddressLookup, GuardedResolver
from matrix_app.federation.transport import guarded_session, reason_of
from matrix_app.previews.address import check_address, parse_address
from matrix_app.previews.body import Unpacker
from matrix_app.protocol.errors import BadGateway, RemoteUnreachable, Unavailable

MOST_REDIRECTS: Final = 5
AT_ONCE: Final = 8
PER_HOST: Final = 2
TURN_SECONDS: Final = 20.0
_CHUNK: Final = 1 << 16
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_AGENT: Final = f"Mozilla/5.0 (compatible; Hearth/{VERSION}; preview of links)"


class Fetched(NamedTuple):
    """Where a file was in the end, and what it is said to be; `is_whole` is false when it was cut off."""

    url: URL
    content_type: str
    charset: str | None
    is_whole: bool


class Web:
    """Fetches files. Made and used on one event loop."""

    def __init__(self, config: Config, lookup: AddressLookup | None = None) -> None:
        self._config = config.media.previews
        rule = AddressRule(
            private=config.outgoing.allow_private_addresses,
            allowed=self._config.allowed_networks,
            denied=self._config.denied_networks,
        )
        self._lookup = lookup or SystemAddressLookup()
        tls = _tls(config.outgoing.verify_certificates)
        self._session = guarded_session(GuardedResolver(self._lookup, rule), rule, tls, AT_ONCE, PER_HOST)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def fetch(
        self, url: URL, into: IO[bytes], most: Callable[[str], int], *, accept: str = "*/*"
    ) -> Fetched:
        """Write a file into another, at most as many bytes as `most` says for its content type.

        Raises `BadGateway` when it cannot be had in time, `Forbidden` for where it must not be had from.
        """
        await self._turn()
        try:
            async with asyncio.timeout(self._config.timeout_seconds):
                async with self._open(url, accept) as (found, response):
                    room = most(response.content_type)
                    is_whole = await _copy(response, into, room)
                    return Fetched(found, response.content_type, response.charset, is_whole)
        except TimeoutError:
            raise BadGateway(f"{url.host} took too long") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BadGateway(f"{url.host} gave no answer: {reason_of(error)}") from error
        except RemoteUnreachable as error:
            raise BadGateway(error.message) from error
        finally:
            self._turns.release()

    async def _turn(self) -> None:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise Unavailable("The server is busy with other previews") from None

    @asynccontextmanager
    async def _open(self, url: URL, accept: str) -> AsyncIterator[tuple[URL, aiohttp.ClientResponse]]:
        headers = {
            "Accept": accept,
            "Accept-Encoding": "gzip, deflate",
            "Accept-Language": ", ".join((*self._config.languages, "*;q=0.5")),
            "User-Agent": _AGENT,
        }
        for _ in range(MOST_REDIRECTS + 1):
            check_address(url)
            async with self._session.get(
                url, headers=headers, allow_redirects=False, auto_decompress=False
            ) as response:
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or location is None:
                    if response.status != 200:
                        raise BadGateway(f"{url.host} answered with {response.status}")
                    yield url, response
                    return
                url = url.join(parse_address_or_path(location))
        raise BadGateway(f"{url.host} is at the end of too many redirects")

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        if isinstance(self._lookup, SystemAddressLookup):
            self._lookup.close()


def parse_address_or_path(text: str) -> URL:
    """A reference to be joined to an address; raises `ValueError`."""
    return URL(text).with_fragment(None)


def resolved(base: URL, reference: str) -> URL:
    """The address that a page refers to; raises `InvalidParam` and `ValueError`."""
    return parse_address(str(base.join(parse_address_or_path(reference.strip()))))


async def _copy(response: aiohttp.ClientResponse, into: IO[bytes], room: int) -> bool:
    """Write what arrives; False when there was more of it than room."""
    unpacker = Unpacker(response.headers.get("Content-Encoding", ""))
    while chunk := await response.content.read(_CHUNK):
        content = unpacker.feed(chunk, room)
        await loop.in_thread(into.write, content[:room])
        if len(content) > room:
            return False
        room -= len(content)
    return True


def _tls(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
