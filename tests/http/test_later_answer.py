"""Answers that have to wait, without anybody holding a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from matrix_app.http import bridge
from matrix_app.http.bridge import Bridge
from matrix_app.http.endpoint import Auth, Endpoint
from matrix_app.http.later_answer import LaterAnswer, answered, waited
from matrix_app.http.request import Request
from matrix_app.protocol.errors import NotFound
from matrix_app.services.awaited import Awaited, once_there

HTTP = RequestFactory().get("/_matrix/x")
Receive = Callable[[], Awaitable[dict[str, Any]]]


async def stays() -> dict[str, Any]:
    """A client that waits for its answer."""
    await asyncio.sleep(60)
    raise AssertionError("nobody waits so long")


async def goes() -> dict[str, Any]:
    """A client that goes away at once."""
    return {"type": "http.disconnect"}


async def test_it_waits_for_a_future_or_some_time() -> None:
    future: Future[None] = Future()
    asyncio.get_running_loop().call_later(0.02, future.set_result, None)
    assert await waited(LaterAnswer(HTTP, future, HttpResponse), stays)
    assert await waited(LaterAnswer(HTTP, 0.01, HttpResponse), stays)


async def test_a_future_that_fails_is_over_too() -> None:
    future: Future[None] = Future()
    future.set_exception(NotFound("no"))
    assert await waited(LaterAnswer(HTTP, future, HttpResponse), stays)


async def test_what_others_wait_for_goes_on_when_a_client_leaves() -> None:
    future: Future[str] = Future()
    assert not await waited(LaterAnswer(HTTP, future, HttpResponse), goes)
    assert not future.cancelled()
    future.set_result("there")


def later(number: int, times: int) -> int | Awaited[int]:
    """A number that is there after so many steps."""
    return number if not times else Awaited(0.0, lambda: later(number, times - 1))


def test_steps_follow_each_other_as_their_things_come() -> None:
    found = once_there(later(20, 2), lambda number: later(number + 1, 1))
    steps = 0
    while isinstance(found, Awaited):
        found, steps = found.again(), steps + 1
    assert (found, steps) == (21, 3)
    assert once_there(later(20, 0), lambda number: later(number + 1, 0)) == 21


class Exchange:
    """One request to a bridge, and what it answers."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.sent: list[dict[str, Any]] = []
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/_matrix/x",
            "query_string": b"",
            "headers": [],
            "hearth.found": (endpoint, {}),
        }

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


def endpoint(future: Future[Any]) -> Endpoint:
    """Answers with what comes of a future."""

    def handler(request: Request) -> Any:
        return answered(request, Awaited(future, lambda: HttpResponse(future.result())))

    return Endpoint("GET", ("/_matrix/x",), Auth.NONE, handler, slow=True)


@pytest.mark.django_db
@pytest.mark.parametrize("limit", ["MOST_WAITING", "MOST_WAITING_EACH"])
async def test_the_bridge_goes_on_when_it_is_there(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(bridge, limit, 2)
    future: Future[str] = Future()
    served = Bridge()
    exchanges = [Exchange(endpoint(future)) for _ in range(3)]
    tasks = [asyncio.create_task(served(each.scope, stays, each.send)) for each in exchanges]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    future.set_result("content")
    await asyncio.gather(*tasks)
    assert sorted(each.status for each in exchanges) == [200, 200, 503]
    assert [each.sent[1]["body"] for each in exchanges if each.status == 200] == [b"content"] * 2
    assert served._waiting.total() == 0


@pytest.mark.django_db
async def test_an_error_that_comes_later_is_rendered_as_any_other() -> None:
    future: Future[str] = Future()
    future.set_exception(NotFound("It is not there"))
    exchange = Exchange(endpoint(future))
    await Bridge()(exchange.scope, stays, exchange.send)
    assert (exchange.status, b"M_NOT_FOUND" in exchange.sent[1]["body"]) == (404, True)


@pytest.mark.django_db
async def test_nothing_is_answered_to_a_client_that_has_gone() -> None:
    exchange = Exchange(endpoint(Future()))
    await Bridge()(exchange.scope, goes, exchange.send)
    assert exchange.sent == []
