"""Answers the waiting endpoints on the event loop, with Channels: no thread per client that waits."""

from __future__ import annotations

import asyncio
import gzip
import io
import time
from functools import partial
from typing import Any

import structlog
from channels.consumer import AsyncConsumer
from django.http import QueryDict

from appliance.web.stopping import is_stopping
from matrix_app.http.authentication import authenticate
from matrix_app.http.bridge import make_environ, send_error
from matrix_app.http.dispatch import COMPRESS_FROM, make_request
from matrix_app.http.endpoint import Endpoint
from matrix_app.http.rate_limit import check_rate
from matrix_app.http.response import CORS, JSON_TYPE, Json, encode
from matrix_app.protocol.errors import MatrixError
from matrix_app.sync.hub import hub
from matrix_app.sync.wait import Wait
from matrix_app.sync.work import work_queue

_log = structlog.get_logger(__name__)
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in CORS.items()]
_HEADERS.append((b"content-type", JSON_TYPE.encode()))


class _Http:
    """As much of Django's request as waiting endpoints look at: they have no body."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.META = make_environ(scope, io.BytesIO(), 0)
        self.GET = QueryDict(scope["query_string"])
        self.method = scope["method"]
        self.body = b""


class WaitingConsumer(AsyncConsumer):  # type: ignore[misc]
    """One waiting request. The wait is a task of its own, dropped when the client goes away."""

    def __init__(self, endpoint: Endpoint, path: dict[str, str]) -> None:
        self.endpoint = endpoint
        self.path = path
        self.task: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer; ends with the answer or with the client's leaving."""
        self.scope = scope
        self.send_message = send
        self.task = asyncio.ensure_future(self._answer())
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({self.task, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not self.task.done():
                self.task.cancel()
        if self.task.done() and not self.task.cancelled():
            self.task.result()

    async def _answer(self) -> None:
        try:
            outcome = await work_queue().run(self._begin)
            while isinstance(outcome, Wait):
                timed_out = await _wait(outcome)
                outcome = await work_queue().run(partial(outcome.resume, timed_out))
        except MatrixError as error:
            await send_error(self.send_message, error)
            return
        except Exception:  # noqa: BLE001  (the boundary of the request: logged, and answered with 500)
            _log.exception("a waiting request failed")
            await send_error(self.send_message, MatrixError("Internal server error"))
            return
        await self._send(outcome)

    def _begin(self) -> Any:
        request = make_request(_Http(self.scope), self.path)  # type: ignore[arg-type]
        authenticate(self.endpoint, request)
        if self.endpoint.rate is not None:
            check_rate(self.endpoint.rate, request)
        return self.endpoint.handler(request)

    async def _send(self, outcome: Any) -> None:
        status = outcome.status if isinstance(outcome, Json) else 200
        body = encode(outcome.body if isinstance(outcome, Json) else outcome)
        headers = list(_HEADERS)
        if len(body) >= COMPRESS_FROM and _accepts_gzip(self.scope):
            body = await work_queue().run(partial(gzip.compress, body, 4))
            headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
        headers.append((b"content-length", str(len(body)).encode()))
        await self.send_message({"type": "http.response.start", "status": status, "headers": headers})
        await self.send_message({"type": "http.response.body", "body": body, "more_body": False})


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _wait(wait: Wait) -> bool:
    """Wait for news; True when the time ran out first."""
    deadline = time.monotonic() + wait.seconds
    waiters = hub().waiters
    while True:
        future = waiters.add(wait.user_nid, wait.room_nids)
        try:
            # Asked after the request is listed: whatever comes from now on wakes it.
            if not wait.is_idle():
                return False
            if is_stopping():
                return True
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return True
            async with asyncio.timeout(remaining):
                await future
        except TimeoutError:
            return True
        finally:
            waiters.remove(future, wait.user_nid, wait.room_nids)


def _accepts_gzip(scope: dict[str, Any]) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
