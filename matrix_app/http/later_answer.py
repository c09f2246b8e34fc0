"""Answers that have to wait for something else: whoever asked holds no thread meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from matrix_app.http.request import Request
from matrix_app.services.awaited import Awaited

Answered = HttpResponseBase | Awaited[HttpResponseBase]


class LaterAnswer(HttpResponseBase):
    """Stands for an answer that `then` makes once `waits_for`, a future or some seconds, is over.

    The bridge waits on its event loop, and then has `dispatch.resume` called in a thread.
    """

    streaming = True

    def __init__(
        self,
        http: HttpRequest,
        waits_for: Future[Any] | float,
        then: Callable[[], HttpResponseBase],
        *,
        asker: str = "",
    ) -> None:
        super().__init__()
        self.http = http
        # Who waits: a user, a server, or an address.
        self.asker = asker
        self.waits_for = waits_for
        self.then = then

    def __iter__(self) -> Iterator[bytes]:
        raise TypeError("An answer that is still to come has no content")


def answered(request: Request, answer: Answered) -> HttpResponseBase:
    """The answer for the dispatcher, which may be one that is still to come."""
    if not isinstance(answer, Awaited):
        return answer
    requester = request.requester_or_none
    asker = request.origin or request.ip if requester is None else requester.user_id
    return LaterAnswer(request.http, answer.waits_for, lambda: answered(request, answer.again()), asker=asker)


async def waited(answer: LaterAnswer, receive: Callable[[], Awaitable[dict[str, Any]]]) -> bool:
    """Wait for what an answer waits for; False when the client has gone before."""
    if isinstance(answer.waits_for, Future):
        # The future is shared with others: it goes on when this one stops waiting.
        over = asyncio.shield(asyncio.wrap_future(answer.waits_for))
    else:
        over = asyncio.ensure_future(asyncio.sleep(answer.waits_for))
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((over, gone), return_when=asyncio.FIRST_COMPLETED)
        return over.done()
    finally:
        gone.cancel()
        _let_go(over)


def _let_go(over: asyncio.Future[Any]) -> None:
    if over.done() and not over.cancelled():
        over.exception()  # `then` asks for it itself
    else:
        over.cancel()


async def _gone(receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
