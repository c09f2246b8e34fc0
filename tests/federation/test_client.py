"""Signed requests to other servers, and what becomes of their answers."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import IO, Any

import msgspec
import pytest
from aiohttp import web

from appliance.config import get_config
from appliance.config.current import use_config
from matrix_app.federation.client import FederationClient
from matrix_app.federation.growing_file import GrowingFile
from matrix_app.federation.paths import federation_path
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import FederationDenied, InvalidParam, RemoteError, RemoteUnreachable
from matrix_app.protocol.signing import verify_bytes
from matrix_app.protocol.x_matrix import parse_x_matrix, request_bytes
from matrix_app.services.local_identity import local_identity
from tests.conftest import SERVER_NAME
from tests.federation.certificates import Authority
from tests.federation.conftest import Clients
from tests.federation.https_server import Answering, HttpsServer, say, say_after, say_hello

# The client's threads look after connections to the database that earlier tests made there.
pytestmark = pytest.mark.django_db(transaction=True)

VERSION = "/_matrix/federation/v1/version"
NAME = "a.example"


Serve = Callable[[Answering], AbstractAsyncContextManager[HttpsServer]]


@pytest.fixture
def serve(authority: Authority) -> Serve:
    """Starts a server for `NAME`."""

    def start(answering: Answering) -> AbstractAsyncContextManager[HttpsServer]:
        return HttpsServer(authority.server_context(NAME), answering).running()

    return start


async def test_a_request_is_signed_with_its_whole_target_and_its_content(
    serve: Serve, clients_of: Clients
) -> None:
    path = federation_path("v1", "send", "a/b c")
    async with serve(say_hello) as server:
        client = clients_of.make({NAME: server.port})
        content = {"pdus": [1.5], "edus": ["ä"]}
        answer = await client.request(
            NAME, "PUT", path, query=[("ver", "1"), ("ver", "2 ä")], content=content
        )
    assert answer == {"hello": "world"}
    (seen,) = server.seen
    assert seen.target == "/_matrix/federation/v1/send/a%2Fb%20c?ver=1&ver=2+%C3%A4"
    assert seen.body == encode_canonical(content, lenient=True)
    (said,) = parse_x_matrix(seen.headers["Authorization"])
    assert (said.origin, said.destination) == (SERVER_NAME, NAME)
    message = request_bytes("PUT", seen.target, SERVER_NAME, NAME, seen.body)
    verify_bytes(said.signature, message, local_identity().signing_key.verify_key)


async def test_what_holds_events_may_be_nested_more_deeply_than_they(
    serve: Serve, clients_of: Clients
) -> None:
    content: dict[str, Any] = {}
    for _ in range(99):  # as deep as an event may be
        content = {"x": content}
    async with serve(say_hello) as server:
        await clients_of.make({NAME: server.port}).request(
            NAME, "PUT", federation_path("v1", "send", "1"), content={"pdus": [content]}
        )
    assert len(server.seen) == 1


async def test_puts_and_posts_carry_an_object_and_gets_nothing(serve: Serve, clients_of: Clients) -> None:
    async with serve(say_hello) as server:
        client = clients_of.make({NAME: server.port})
        for method in ("PUT", "POST", "GET"):
            await client.request(NAME, method, VERSION)
    assert [seen.body for seen in server.seen] == [b"{}", b"{}", b""]


async def test_requests_for_keys_need_no_signature(serve: Serve, clients_of: Clients) -> None:
    async with serve(say_hello) as server:
        await clients_of.make({NAME: server.port}).request(NAME, "GET", VERSION, signed=False)
    assert "Authorization" not in server.seen[0].headers


async def failing(client: FederationClient, **options: object) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await client.request(NAME, "GET", VERSION, **options)  # type: ignore[arg-type]
    return caught.value


async def test_an_error_of_the_other_server_is_told_as_it_is(serve: Serve, clients_of: Clients) -> None:
    body = '{"errcode": "M_INCOMPATIBLE_ROOM_VERSION", "error": "No", "room_version": "7"}'
    async with serve(say(400, text=body)) as server:
        error = await failing(clients_of.make({NAME: server.port}))
    assert (error.remote_status, error.status, error.errcode) == (400, 400, "M_INCOMPATIBLE_ROOM_VERSION")
    assert error.content["room_version"] == "7"
    assert clients_of.backoff.failures[NAME] == 0


@pytest.mark.parametrize("status", [302, 401, 429, 500, 503])
async def test_a_status_that_a_client_would_misunderstand_is_a_bad_gateway_to_it(
    serve: Serve, clients_of: Clients, status: int
) -> None:
    body = '{"errcode": "M_UNKNOWN_TOKEN"}'
    async with serve(say(status, text=body, headers={"Location": "https://b.example/"})) as server:
        error = await failing(clients_of.make({NAME: server.port}))
    assert (error.remote_status, error.status, error.errcode) == (status, 502, "M_UNKNOWN")
    assert len(server.seen) == 1


async def test_only_answers_that_say_the_server_is_gone_count_against_it(
    serve: Serve, clients_of: Clients
) -> None:
    for status, failures in ((404, 0), (500, 0), (502, 1), (504, 2)):
        async with serve(say(status)) as server:
            await failing(clients_of.make({NAME: server.port}))
        assert clients_of.backoff.failures[NAME] == failures


async def test_a_server_that_cannot_be_connected_to_counts_as_failing(clients_of: Clients) -> None:
    with pytest.raises(RemoteUnreachable):
        await clients_of.make({NAME: 1}).request(NAME, "GET", VERSION)
    assert clients_of.backoff.failures[NAME] == 1


async def test_a_server_is_not_blamed_for_a_caller_in_a_hurry(serve: Serve, clients_of: Clients) -> None:
    async with serve(say_after(1)) as server:
        with pytest.raises(RemoteUnreachable, match="too long"):
            await clients_of.make({NAME: server.port}).request(NAME, "GET", VERSION, timeout=0.1)
    assert clients_of.backoff.failures[NAME] == 0


async def test_a_failing_server_is_left_alone_unless_the_caller_insists(
    serve: Serve, clients_of: Clients
) -> None:
    clients_of.backoff.failing.add(NAME)
    async with serve(say_hello) as server:
        client = clients_of.make({NAME: server.port})
        with pytest.raises(RemoteUnreachable):
            await client.request(NAME, "GET", VERSION)
        assert not server.seen
        await client.request(NAME, "GET", VERSION, even_if_failing=True)
    assert clients_of.backoff.successes[NAME] == 1


async def test_what_the_caller_has_found_of_a_server_is_not_looked_up_again(
    serve: Serve, clients_of: Clients
) -> None:
    async with serve(say_hello) as server:
        client = clients_of.make({NAME: server.port})
        health = client.check(NAME)
        clients_of.backoff.failing.add(NAME)
        with pytest.raises(RemoteUnreachable):
            client.check(NAME)
        assert await client.request(NAME, "GET", VERSION, health=health) == {"hello": "world"}


async def test_a_small_answer_needs_no_file(serve: Serve, clients_of: Clients) -> None:
    def nowhere() -> IO[bytes]:
        raise AssertionError("no file is needed")

    async with serve(say_hello) as server:
        client = clients_of.make({NAME: server.port})
        with GrowingFile(1000, nowhere) as kept:
            await client.download(NAME, "GET", VERSION, into=kept)
            kept.file.seek(0)
            assert kept.file.read() == b'{"hello": "world"}'


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_answer_that_is_too_large_is_given_up(
    serve: Serve, clients_of: Clients, chunked: bool
) -> None:
    async def large(request: web.BaseRequest) -> web.StreamResponse:
        if not chunked:
            return web.Response(body=b"[" + b"1," * 100_000 + b"1]")
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"1" * 10_000)
        return response

    async with serve(large) as server:
        client = clients_of.make({NAME: server.port})
        with pytest.raises(RemoteUnreachable, match="larger"):
            await client.request(NAME, "GET", VERSION, max_bytes=50_000)


async def test_a_small_answer_that_unpacks_to_a_large_one_is_given_up(
    serve: Serve, clients_of: Clients
) -> None:
    async def bomb(_request: web.BaseRequest) -> web.StreamResponse:
        response = web.Response(body=b" " * 5_000_000 + b"1")
        response.enable_compression()
        return response

    async with serve(bomb) as server:
        with pytest.raises(RemoteUnreachable, match="larger"):
            await clients_of.make({NAME: server.port}).request(NAME, "GET", VERSION, max_bytes=100_000)


@pytest.mark.parametrize("body", ["", "<html>", "{", "NaN"])
async def test_an_answer_that_is_no_json_is_no_answer(serve: Serve, clients_of: Clients, body: str) -> None:
    async with serve(say(200, text=body)) as server:
        with pytest.raises(RemoteUnreachable, match="JSON"):
            await clients_of.make({NAME: server.port}).request(NAME, "GET", VERSION)


async def test_an_answer_that_breaks_off_is_no_answer(serve: Serve, clients_of: Clients) -> None:
    async def broken(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        await asyncio.sleep(0.05)
        return response

    async with serve(broken) as server:
        with pytest.raises(RemoteUnreachable, match="broke off"):
            await clients_of.make({NAME: server.port}).request(NAME, "GET", VERSION)


async def test_a_large_answer_is_written_to_a_file_while_it_arrives(
    serve: Serve, clients_of: Clients
) -> None:
    data = bytes(range(256)) * 4000
    file = io.BytesIO()
    async with serve(say(200, body=data, content_type="image/png")) as server:
        client = clients_of.make({NAME: server.port})
        head = await client.download(NAME, "GET", VERSION, into=file)
    assert (head.status, head.headers["Content-Type"]) == (200, "image/png")
    assert file.getvalue() == data


async def test_a_connection_that_was_closed_meanwhile_is_replaced(serve: Serve, clients_of: Clients) -> None:
    async def once(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        asyncio.get_running_loop().call_later(0.01, request.transport.abort)
        return web.json_response({})

    async with serve(once) as server:
        client = clients_of.make({NAME: server.port})
        await client.request(NAME, "POST", VERSION)
        await asyncio.sleep(0.02)
        await client.request(NAME, "POST", VERSION)
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("name", "error"),
    [("not a name", InvalidParam), (SERVER_NAME, InvalidParam), ("evil.example", FederationDenied)],
)
async def test_only_other_servers_that_are_allowed_are_asked(
    clients_of: Clients, name: str, error: type[Exception], denying: None
) -> None:
    client = clients_of.make()
    with pytest.raises(error):
        await client.request(name, "GET", VERSION)
    with pytest.raises(error):
        client.check(name)


@pytest.fixture
def denying() -> Iterator[None]:
    """The configuration excludes evil servers."""
    config = get_config()
    federation = msgspec.structs.replace(config.federation, deny_servers=("evil.*",))
    with use_config(msgspec.structs.replace(config, federation=federation)):
        yield


def test_segments_of_paths_are_quoted() -> None:
    path = federation_path("v2", "send_join", "!room:a.example", "$a/b+c")
    assert path == "/_matrix/federation/v2/send_join/%21room%3Aa.example/%24a%2Fb%2Bc"
