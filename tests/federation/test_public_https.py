"""Plain HTTPS requests to hosts that other servers name."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from matrix_app.federation.addresses import AddressRule
from matrix_app.federation.discovery import Target
from matrix_app.federation.public_https import PublicHttps
from matrix_app.federation.resolver import GuardedResolver
from matrix_app.protocol.errors import RemoteUnreachable
from tests.federation.certificates import Authority
from tests.federation.fakes import Addresses
from tests.federation.https_server import HttpsServer

RULE = AddressRule(private=False, allowed=("127.0.0.1/32",), denied=())


class OnePort(GuardedResolver):
    """Leads every host to the port of the test's server."""

    port = 0

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[aiohttp.abc.ResolveResult]:
        return await self.reachable([Target(host, self.port)])


async def answering(request: web.BaseRequest) -> web.StreamResponse:
    """A file, and ways that lead to it or elsewhere."""
    ways = {
        "/once": "/file",
        "/away": "https://b.example/file",
        "/loop": "/loop",
        "/plain": "http://a.example/file",
        "/inside": "https://10.0.0.1/file",
        "/inside6": "https://[::1]/file",
        "/nowhere": "https://hidden.example/file",
    }
    if request.path in ways:
        return web.Response(status=302, headers={"Location": ways[request.path]})
    return web.Response(text="content")


@pytest.fixture
async def https(authority: Authority) -> AsyncIterator[PublicHttps]:
    """A client and a server that has the names a.example and b.example."""
    resolver = OnePort(
        Addresses({"a.example": ["127.0.0.1"], "b.example": ["127.0.0.1"], "hidden.example": ["127.0.0.2"]}),
        RULE,
    )
    async with HttpsServer(authority.server_context("a.example", "b.example"), answering).running() as server:
        resolver.port = server.port
        trust = ssl.create_default_context(cafile=str(authority.file))
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, ssl=trust)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield PublicHttps(session, RULE)


@pytest.mark.parametrize("path", ["file", "once", "away"])
async def test_redirects_to_public_hosts_are_followed(https: PublicHttps, path: str) -> None:
    answer = await https.get(f"https://a.example/{path}", max_bytes=100, timeout=5)
    assert (answer.status, answer.body) == (200, b"content")


@pytest.mark.parametrize("path", ["loop", "plain", "inside", "inside6", "nowhere"])
async def test_redirects_in_circles_to_http_or_into_the_network_are_not(
    https: PublicHttps, path: str
) -> None:
    with pytest.raises(RemoteUnreachable):
        await https.get(f"https://a.example/{path}", max_bytes=100, timeout=5)


async def test_a_file_that_is_too_large_is_given_up(https: PublicHttps) -> None:
    with pytest.raises(RemoteUnreachable, match="larger"):
        await https.get("https://a.example/file", max_bytes=3, timeout=5)


@pytest.mark.parametrize("url", ["https:///x", "ftp://a.example/", "https://a.example:x/", "nonsense"])
async def test_what_is_no_https_address_is_refused(https: PublicHttps, url: str) -> None:
    with pytest.raises(RemoteUnreachable):
        await https.get(url, max_bytes=3, timeout=5)
