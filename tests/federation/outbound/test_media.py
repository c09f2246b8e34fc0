"""Media of other servers: how they are asked for, and what becomes of what they say."""

from __future__ import annotations

import asyncio
import io
import warnings
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import pytest
from aiohttp import web

from matrix_app.federation.outbound import media as outbound
from matrix_app.federation.outbound.media import FederatedMedia
from matrix_app.protocol.errors import (
    MatrixError,
    NotFound,
    NotYetUploaded,
    RemoteUnreachable,
    TooLarge,
)
from matrix_app.protocol.ids import Mxc, ServerName
from matrix_app.services.fetches import RemoteFile
from tests.federation.certificates import Authority
from tests.federation.conftest import Clients
from tests.federation.https_server import Answering, HttpsServer, say

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "a.example"
MXC = Mxc(ServerName(NAME), "abc")
MOST = 1 << 20

Serve = Callable[[Answering], AbstractAsyncContextManager[HttpsServer]]


@pytest.fixture
def serve(authority: Authority) -> Serve:
    """Starts a server for `NAME`."""

    def start(answering: Answering) -> AbstractAsyncContextManager[HttpsServer]:
        return HttpsServer(authority.server_context(NAME), answering).running()

    return start


class Got(NamedTuple):
    content: bytes
    described: RemoteFile


class Fetcher:
    """Fetches from one server."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients

    async def fetch(self, port: int, most: int = MOST, what: str = "download") -> Got:
        client = self.clients.make({NAME: port})
        into = io.BytesIO()
        described = await FederatedMedia(lambda: client).fetch(MXC, what, {"timeout_ms": "5"}, into, most)
        return Got(into.getvalue(), described)

    async def fault(self, port: int, most: int = MOST) -> MatrixError:
        with pytest.raises(MatrixError) as caught:
            await self.fetch(port, most)
        return caught.value


@pytest.fixture
def fetcher(clients_of: Clients) -> Fetcher:
    return Fetcher(clients_of)


def parts(*given: bytes, boundary: str = "xyz", end: bool = True) -> Answering:
    """An answer of several parts."""
    lines = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in given)
    body = lines + (b"--" + boundary.encode() + b"--\r\n" if end else b"")
    return say(200, body=body, headers={"Content-Type": f'multipart/mixed; boundary="{boundary}"'})


METADATA = b"Content-Type: application/json\r\n\r\n{}"
PNG = b"\x89PNG\r\n\x1a\n--xyz\r\n\r\n" + bytes(range(256)) * 2000


async def test_the_second_part_is_the_file(serve: Serve, fetcher: Fetcher) -> None:
    file = b'Content-Type: image/png\r\nContent-Disposition: inline; filename="a.png"\r\n\r\n'
    async with serve(parts(METADATA, file + PNG.replace(b"--xyz", b"-xyz"))) as server:
        got = await fetcher.fetch(server.port)
    assert got.content == PNG.replace(b"--xyz", b"-xyz")
    assert got.described == RemoteFile("image/png", "a.png")
    (seen,) = server.seen
    assert seen.target == "/_matrix/federation/v1/media/download/abc?timeout_ms=5"
    assert seen.headers["Authorization"].startswith("X-Matrix ")


async def test_a_part_may_say_how_long_it_is(serve: Serve, fetcher: Fetcher) -> None:
    file = b"Content-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(PNG)
    async with serve(parts(METADATA, file + PNG)) as server:
        assert (await fetcher.fetch(server.port)).content == PNG


async def test_an_empty_file_is_a_file(serve: Serve, fetcher: Fetcher) -> None:
    async with serve(parts(METADATA, b"Content-Type: text/plain\r\n\r\n")) as server:
        assert (await fetcher.fetch(server.port)).content == b""


@pytest.mark.parametrize(
    "answering",
    [
        parts(),
        parts(METADATA),
        parts(METADATA, b"Content-Type: image/png\r\n\r\nabc", end=False),
        parts(METADATA, b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nabc\r\n--q--"),
        parts(METADATA, b"No header at all\r\n\r\nabc"),
        parts(METADATA, b"X: " + b"y" * 100_000 + b"\r\n\r\nabc"),
        parts(b"Content-Type: application/json\r\n\r\n" + b" " * 400_000, b"\r\nabc"),
        say(200, body=b"abc", headers={"Content-Type": "image/png"}),
        say(200, body=b"abc", headers={"Content-Type": "multipart/mixed"}),
        say(200, body=b"abc" * 10_000, headers={"Content-Type": "multipart/mixed; boundary=xyz"}),
    ],
)
async def test_what_is_not_two_parts_is_refused(serve: Serve, fetcher: Fetcher, answering: Answering) -> None:
    async with serve(answering) as server:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert isinstance(await fetcher.fault(server.port), RemoteUnreachable)


async def test_a_file_that_is_too_large_is_refused_while_it_arrives(serve: Serve, fetcher: Fetcher) -> None:
    sent = 0

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "multipart/mixed; boundary=xyz"})
        await response.prepare(request)
        await response.write(b"--xyz\r\n" + METADATA + b"\r\n--xyz\r\n\r\n")
        while sent < 100 * MOST:
            await response.write(b"x" * 65536)
            sent += 65536
            # Writing to who has hung up neither waits nor fails until the loop has heard of it.
            await asyncio.sleep(0)
        return response

    async with serve(endless) as server:
        fault = await fetcher.fault(server.port)
    assert isinstance(fault, TooLarge)
    assert fault.status == 502
    assert sent < 20 * MOST


async def test_a_server_that_sends_next_to_nothing_is_given_up(
    serve: Serve, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "PATIENT_SECONDS", 0.2)

    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "multipart/mixed; boundary=xyz"})
        await response.prepare(request)
        await response.write(b"--xyz\r\n" + METADATA + b"\r\n--xyz\r\n\r\n")
        for _ in range(200):
            await response.write(b"x" * 8)
            await asyncio.sleep(0.05)
        return response

    async with serve(drip) as server:
        fault = await asyncio.wait_for(fetcher.fault(server.port), 5)
    assert isinstance(fault, RemoteUnreachable)


async def test_servers_from_before_authenticated_media_are_asked_as_they_were(
    serve: Serve, fetcher: Fetcher
) -> None:
    async def old(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/_matrix/media/v3/download/"):
            headers = {"Content-Type": "image/png", "Content-Disposition": "inline; filename=b.png"}
            return web.Response(body=PNG, headers=headers)
        return web.json_response({"errcode": "M_UNRECOGNIZED"}, status=404)

    async with serve(old) as server:
        got = await fetcher.fetch(server.port)
    assert got == Got(PNG, RemoteFile("image/png", "b.png"))
    again = server.seen[1]
    assert again.target == "/_matrix/media/v3/download/a.example/abc?timeout_ms=5&allow_remote=false"
    assert "Authorization" not in again.headers


@pytest.mark.parametrize(
    ("status", "errcode", "kind", "shown"),
    [
        (404, "M_NOT_FOUND", NotFound, 404),
        (504, "M_NOT_YET_UPLOADED", NotYetUploaded, 504),
        (502, "M_TOO_LARGE", TooLarge, 502),
        (403, "M_FORBIDDEN", MatrixError, 403),
        (500, "M_UNKNOWN", MatrixError, 502),
    ],
)
async def test_errors_are_told_and_do_not_count_against_the_server(
    serve: Serve, fetcher: Fetcher, status: int, errcode: str, kind: type[MatrixError], shown: int
) -> None:
    async with serve(say(status, text=f'{{"errcode": "{errcode}"}}')) as server:
        fault = await fetcher.fault(server.port)
    assert isinstance(fault, kind)
    assert (fault.status, len(server.seen)) == (shown, 1)
    assert fetcher.clients.backoff.failures[NAME] == 0


async def test_a_file_may_be_somewhere_else(serve: Serve, fetcher: Fetcher, authority: Authority) -> None:
    storage = say(200, body=PNG, headers={"Content-Type": "image/png"})
    context = authority.server_context("box.example")
    async with HttpsServer(context, storage).running() as elsewhere:
        location = f"Location: https://box.example:{elsewhere.port}/x?signature=1\r\n\r\n"
        async with serve(parts(METADATA, location.encode())) as server:
            got = await fetcher.fetch(server.port)
    assert got == Got(PNG, RemoteFile("image/png", None))
    (seen,) = elsewhere.seen
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize(
    "url", ["http://box.example/x", "https://127.0.0.1/x", "https://[::1]/x", "file:///etc/passwd", "/x", ""]
)
async def test_it_may_not_be_in_the_private_network(serve: Serve, clients_of: Clients, url: str) -> None:
    async with serve(parts(METADATA, f"Location: {url}\r\n\r\n".encode())) as server:
        client = clients_of.make(
            {NAME: server.port}, allow_private_addresses=False, allowed_networks=("127.0.0.0/8",),
            denied_networks=("127.0.0.1/32",) if "127" in url else (),
        )  # fmt: skip
        with pytest.raises(RemoteUnreachable):
            await FederatedMedia(lambda: client).fetch(MXC, "download", {}, io.BytesIO(), MOST)


async def test_only_two_files_of_a_server_are_fetched_at_the_same_time(
    serve: Serve, fetcher: Fetcher
) -> None:
    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return await parts(METADATA, b"Content-Type: image/png\r\n\r\nabc")(request)

    async with serve(slow) as server:
        client = fetcher.clients.make({NAME: server.port})
        media = FederatedMedia(lambda: client)
        await asyncio.gather(
            *(
                media.fetch(Mxc(ServerName(NAME), f"m{n}"), "download", {}, io.BytesIO(), MOST)
                for n in range(6)
            )
        )
    assert (len(server.seen), server.most_at_once) == (6, 2)
