"""Requests to captcha, CAS and identity servers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from matrix_app.http.view_threads import ViewThreads
from matrix_app.protocol.errors import BadGateway
from matrix_app.services import outgoing_http
from matrix_app.services.outgoing_http import get, post_form, post_json
from tests.factories.http_service import http_service
from tests.factories.settings import settings


def test_forms_and_queries_arrive() -> None:
    with http_service(b'{"a": 1}') as service:
        assert post_form(service.address + "/x?y=1", {"k": "ä&"}).json() == {"a": 1}
        assert get(service.address).status == 200
    assert service.asked[0][:3] == ("POST", "/x?y=1", b"k=%C3%A4%26")
    assert service.asked[1].path == "/"


def test_answers_that_are_no_objects_count_as_empty() -> None:
    with http_service(b"[1]") as service:
        assert get(service.address).json() == {}
        service.answer = b"{"
        assert get(service.address).json() == {}


def test_addresses_that_users_name_must_be_public() -> None:
    with http_service(b"{}") as service:
        with pytest.raises(BadGateway):
            post_json(service.address, b"{}", {})
        assert service.asked == []
        with settings(outgoing={"allow_private_addresses": True}):
            assert post_json(service.address, b"{}", {}).status == 200


@pytest.mark.parametrize("host", ["64:ff9b::7f00:1", "2002:7f00:1::1", "::127.0.0.1", "ff0e::1"])
def test_no_address_in_disguise_is_connected_to(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    asked = []
    monkeypatch.setattr(socket, "create_connection", lambda address, timeout: asked.append(address))
    with pytest.raises(BadGateway, match="not a public one"):
        post_json(f"https://[{host}]/", b"{}", {})
    assert asked == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org",
        "file:///etc/passwd",
        "http://",
        "http://127.0.0.1:1/",
        "http://[",
        "https://example.org:99999/",
        "https://example.org:port/",
        "http://a..b/",
    ],
)
def test_what_does_not_answer_is_a_bad_gateway(url: str) -> None:
    with pytest.raises(BadGateway):
        get(url)


@contextmanager
def dripping(greeting: bytes) -> Iterator[tuple[str, threading.Event]]:
    """A server that begins an answer and sends a byte of it now and then; its address, and what ends it."""
    ended = threading.Event()

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(greeting)
            while not ended.wait(0.02):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", ended
        ended.set()
        thread.join()


def test_a_header_that_cannot_be_sent_is_a_bad_gateway() -> None:
    with (
        http_service(b"{}") as service,
        settings(outgoing={"allow_private_addresses": True}),
        pytest.raises(BadGateway),
    ):
        post_json(service.address, b"{}", {"X": "a\nb"})
    assert service.asked == []


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n{"])
def test_an_answer_that_takes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch, greeting: bytes) -> None:
    monkeypatch.setattr(outgoing_http, "MOST_SECONDS", 0.2)
    with dripping(greeting) as (address, ended):
        guard = threading.Timer(5, ended.set)
        guard.start()
        with pytest.raises(BadGateway) as caught:
            get(address)
        assert not ended.is_set()
        guard.cancel()
    assert (caught.value.status, caught.value.errcode) == (504, "M_CONNECTION_TIMEOUT")


def test_a_view_that_waits_for_an_answer_keeps_no_other_waiting() -> None:
    async def story() -> None:
        threads = ViewThreads("test", threads=1, waiting=1, queue=1)
        with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n") as (address, ended):
            hanging = asyncio.create_task(threads.run(get, address))
            await asyncio.sleep(0.1)
            async with asyncio.timeout(5):
                assert await threads.run(int) == 0
            assert not hanging.done()
            ended.set()
            with pytest.raises(BadGateway):
                await hanging

    asyncio.run(story())
