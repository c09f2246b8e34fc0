"""Fetching from the web: nobody is led into the private network, and nobody takes more than their share."""

from __future__ import annotations

import asyncio
import gzip
import io
import time
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from appliance.config.current import use_config
from matrix_app.previews.address import parse_address
from matrix_app.previews.web import Fetched, Web
from matrix_app.protocol.errors import BadGateway, Forbidden, InvalidParam, MatrixError
from tests.factories.web_site import WebSite
from tests.previews.conftest import PUBLIC, a_web, preview_config

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 100_000


async def fetch(web_client: Web, url: str, **previews: Any) -> tuple[Fetched, bytes]:
    into = io.BytesIO()
    with use_config(preview_config(**previews)):
        fetched = await web_client.fetch(URL(url), into, lambda _: MOST)
    return fetched, into.getvalue()


async def refused(url: str, **previews: Any) -> MatrixError:
    async with a_web(**previews) as client:
        with pytest.raises(MatrixError) as caught:
            await fetch(client, url, **previews)
    return caught.value


async def test_a_page_is_fetched(site: WebSite) -> None:
    site.say("/a", "content", "text/html; charset=latin-1")
    async with a_web() as client:
        fetched, content = await fetch(client, f"http://site.example:{site.port}/a?b=c")
    assert content == b"content"
    assert (fetched.content_type, fetched.charset, fetched.is_whole) == ("text/html", "latin-1", True)
    assert "Hearth" in site.agents[0]


async def test_redirects_are_followed_a_few_times(site: WebSite) -> None:
    site.redirect("/1", "/2")
    site.redirect("/2", f"http://site.example:{site.port}/3#x", 308)
    site.say("/3", "content")
    site.redirect("/loop", "/loop")
    async with a_web() as client:
        fetched, content = await fetch(client, f"http://site.example:{site.port}/1")
        assert (content, fetched.url.path) == (b"content", "/3")
        with pytest.raises(BadGateway):
            await fetch(client, f"http://site.example:{site.port}/loop")
    assert site.asked.count("/loop") == 6


INSIDE = (
    "http://127.0.0.1:{port}/",
    "http://inside.example:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::]:{port}/",
    "http://localhost:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://[fd00::1]/",
    "http://[fe80::1%25lo]:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://\u2460\u2461\u2466.0.0.1:{port}/",
)


@pytest.mark.parametrize("address", INSIDE)
async def test_the_private_network_is_not_connected_to(inside: WebSite, address: str) -> None:
    fault = await refused(address.format(port=inside.port))
    assert isinstance(fault, (BadGateway, Forbidden))


@pytest.mark.parametrize("address", INSIDE)
async def test_nobody_is_redirected_into_the_private_network(
    site: WebSite, inside: WebSite, address: str
) -> None:
    site.redirect("/", address.format(port=inside.port))
    assert isinstance(await refused(f"http://site.example:{site.port}/"), (BadGateway, Forbidden))
    assert site.asked == ["/"]


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://site.example/", "gopher://site.example/", "http://", "//", "http:///x"],
)
async def test_other_ways_than_http_are_not_gone(site: WebSite, location: str) -> None:
    site.redirect("/", location)
    assert isinstance(await refused(f"http://site.example:{site.port}/"), MatrixError)
    assert site.asked.count("/") <= 6


async def test_a_name_that_leads_elsewhere_the_second_time_is_checked_again(
    site: WebSite, inside: WebSite
) -> None:
    class Rebinding:
        answers = [[PUBLIC], ["127.0.0.1"]]

        async def addresses(self, host: str) -> Sequence[str]:
            return self.answers.pop(0)

    site.redirect("/", f"http://site.example:{inside.port}/")
    async with a_web(Rebinding()) as client:
        with pytest.raises(BadGateway):
            await fetch(client, f"http://site.example:{site.port}/")


async def test_of_several_addresses_only_public_ones_are_connected_to(site: WebSite) -> None:
    site.say("/", "content")
    async with a_web() as client:
        assert (await fetch(client, f"http://both.example:{site.port}/"))[1] == b"content"


async def test_ports_and_hosts_are_limited(site: WebSite) -> None:
    site.say("/", "content")
    url = f"http://site.example:{site.port}/"
    assert isinstance(await refused(url, ports=(80, 443)), Forbidden)
    assert isinstance(await refused(url, deny_hosts=("*.Example",)), Forbidden)
    assert isinstance(await refused(url, allow_hosts=("other.example",)), Forbidden)
    assert isinstance(await refused(f"http://me:secret@site.example:{site.port}/"), Forbidden)
    assert site.asked == []
    async with a_web(allow_hosts=("site.*",), ports=(site.port,)) as client:
        assert (await fetch(client, url, allow_hosts=("site.*",), ports=(site.port,)))[1] == b"content"


async def test_a_denied_network_counts_for_more_than_an_allowed_one(site: WebSite) -> None:
    site.say("/", "content")
    url = f"http://site.example:{site.port}/"
    assert isinstance(await refused(url, denied_networks=(f"{PUBLIC}/32",)), BadGateway)


async def test_of_a_huge_page_only_the_beginning_is_read(site: WebSite) -> None:
    sent = 0

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        while sent < 200 * MOST:
            await response.write(b"x" * 65536)
            sent += 65536
            # Writing to who has hung up neither waits nor fails until the loop has heard of it.
            await asyncio.sleep(0)
        return response

    site.pages["/"] = endless
    async with a_web() as client:
        fetched, content = await fetch(client, f"http://site.example:{site.port}/")
    assert (len(content), fetched.is_whole) == (MOST, False)
    assert sent < 150 * MOST


@pytest.mark.parametrize("packed", [gzip.compress, zlib.compress])
async def test_a_packed_page_that_unpacks_to_gigabytes_is_cut(site: WebSite, packed: object) -> None:
    bomb = packed(bytes(50 << 20))  # type: ignore[operator]

    async def answering(_request: web.BaseRequest) -> web.StreamResponse:
        coding = "gzip" if packed is gzip.compress else "deflate"
        return web.Response(body=bomb, headers={"Content-Type": "text/html", "Content-Encoding": coding})

    site.pages["/"] = answering
    async with a_web() as client:
        fetched, content = await fetch(client, f"http://site.example:{site.port}/")
    assert (content, fetched.is_whole) == (bytes(MOST), False)


async def test_a_page_that_is_packed_otherwise_is_refused(site: WebSite) -> None:
    async def answering(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"abc", headers={"Content-Type": "text/html", "Content-Encoding": "br"})

    site.pages["/"] = answering
    assert isinstance(await refused(f"http://site.example:{site.port}/"), BadGateway)


async def test_a_site_that_takes_for_ever_is_given_up(site: WebSite) -> None:
    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x")
            await asyncio.sleep(0.1)
        return response

    site.pages["/"] = drip
    begin = time.monotonic()
    assert isinstance(await refused(f"http://site.example:{site.port}/", timeout_seconds=1), BadGateway)
    assert time.monotonic() - begin < 4


@pytest.mark.parametrize("status", [204, 401, 404, 500])
async def test_what_is_not_there_is_no_page(site: WebSite, status: int) -> None:
    site.say("/", "", status=status)
    assert isinstance(await refused(f"http://site.example:{site.port}/"), BadGateway)


async def test_a_site_that_speaks_no_http_is_no_site() -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\xffnonsense\r\n" * 1000)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(nonsense, PUBLIC, 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert isinstance(await refused(f"http://site.example:{port}/"), BadGateway)


@pytest.mark.parametrize(
    "text",
    ["", "x", "http://", "https:///x", "ftp://a.example/", "javascript:alert(1)", "http://a:99999/",
     "http://[::1", "http://a.example/" + "x" * 2000, "//a.example/", "http://a b.example/", "https://xn--/"],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(text: str) -> None:
    with pytest.raises(InvalidParam):
        parse_address(text)
