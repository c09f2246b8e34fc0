"""Answers the waiting endpoints on the event loop, with Channels: no thread per client that waits."""

from __future__ import annotations

import asyncio
import io
import time
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import structlog
from channels.consumer import AsyncConsumer
from structlog.contextvars import bind_contextvars

from appliance.config import get_config
from appliance.metrics.counted import SYNC_SECONDS
from appliance.web.stopping import is_stopping
from matrix_app.http.authentication import authenticate
from matrix_app.http.bridge import send_error
from matrix_app.http.compression import gzipped, is_worth_packing
from matrix_app.http.dispatch import make_request
from matrix_app.http.endpoint import Endpoint
from matrix_app.http.environ import make_environ
from matrix_app.http.rate_limit import check_rate
from matrix_app.http.request_body import ClientGoneError, read_body
from matrix_app.http.response import CORS, JSON_TYPE, Json, encode
from matrix_app.protocol.errors import MatrixError
from matrix_app.sync.hub import hub
from matrix_app.sync.wait import Wait
from matrix_app.sync.work import work_queue

_log = structlog.get_logger(__name__)
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in CORS.items()]
_HEADERS.append((b"content-type", JSON_TYPE.encode()))
# Packing so many bytes takes less time than handing them to a thread.
_SHORT = 32_768


class _Query:
    """A query string, read as Django's `QueryDict` is, at a fraction of its cost."""

    def __init__(self, text: bytes) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in parse_qsl(text.decode("latin-1"), keep_blank_values=True):
            self._values.setdefault(name, []).append(value)

    def get(self, name: str) -> str | None:
        """The last value of a name."""
        values = self._values.get(name)
        return values[-1] if values else None

    def getlist(self, name: str) -> list[str]:
        """Every value of a name."""
        return self._values.get(name, [])


class _Http:
    """As much of Django's request as waiting endpoints look at."""

    def __init__(self, scope: dict[str, Any], body: bytes) -> None:
        self.META = make_environ(scope, io.BytesIO(), 0)
        self.GET = _Query(scope["query_string"])
        self.method = scope["method"]
        self.body = body


class WaitingConsumer(AsyncConsumer):  # type: ignore[misc]
    """One waiting request; its wait ends with news, with the time, or when the client goes away."""

    def __init__(self, endpoint: Endpoint, path: dict[str, str]) -> None:
        self.endpoint = endpoint
        self.path = path
        self.gone: asyncio.Task[None] | None = None
        self.began = time.monotonic()
        # How many seconds of that it has waited for news.
        self.waited = 0.0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer; ends with the answer or with the client's leaving."""
        self.scope = scope
        self.receive = receive
        self.send_message = send
        try:
            await self._answer()
        except ClientGoneError:
            # Nobody is left to be answered.
            return
        finally:
            if self.gone is not None:
                self.gone.cancel()

    async def _answer(self) -> None:
        try:
            body = await self._body()
            begins = begins_anew(self.scope)
            outcome = await work_queue().run(partial(self._begin, body), heavy=begins)
            while isinstance(outcome, Wait):
                since = time.monotonic()
                timed_out = await self._wait(outcome)
                self.waited += time.monotonic() - since
                outcome = await work_queue().run(partial(self._resume, outcome, timed_out))
        except MatrixError as error:
            await send_error(self.send_message, error)
            return
        except ClientGoneError:
            raise
        except Exception:  # noqa: BLE001  (the boundary of the request: logged, and answered with 500)
            _log.exception("a waiting request failed")
            await send_error(self.send_message, MatrixError("Internal server error"))
            return
        await self._send(outcome)

    async def _wait(self, wait: Wait) -> bool:
        """Wait for news; True when the time ran out first."""
        loop = asyncio.get_running_loop()
        waiters = hub().waiters
        end = loop.time() + wait.seconds
        while True:
            future = waiters.add(wait.user_nid, wait.room_nids)
            try:
                # Asked after the request is listed: whatever comes from now on wakes it.
                if not wait.is_idle():
                    return False
                if is_stopping() or loop.time() >= end:
                    return True
                await self._news(future, end)
            finally:
                waiters.remove(future, wait.user_nid, wait.room_nids)

    async def _news(self, future: asyncio.Future[None], end: float) -> None:
        """Ends when somebody wakes the future, when the time is over, or with the client's leaving."""
        gone = self.gone
        if gone is None:
            gone = self.gone = asyncio.ensure_future(_disconnected(self.receive))
        timer = asyncio.get_running_loop().call_at(end, _wake, future)

        def left(_: object) -> None:
            _wake(future)

        gone.add_done_callback(left)
        try:
            await future
        finally:
            timer.cancel()
            gone.remove_done_callback(left)
        if gone.done():
            raise ClientGoneError

    def _resume(self, wait: Wait, timed_out: bool) -> Any:
        bind_contextvars(request_id=self.scope.get("hearth.request_id"))
        return wait.resume(timed_out)

    async def _body(self) -> bytes:
        if self.scope["method"] == "GET":
            return b""
        body, _ = await read_body(self.scope, self.receive, get_config().web.max_body_bytes)
        with body:
            return body.read()

    def _begin(self, body: bytes) -> Any:
        bind_contextvars(request_id=self.scope.get("hearth.request_id"))
        request = make_request(_Http(self.scope, body), self.path)  # type: ignore[arg-type]
        authenticate(self.endpoint, request)
        if self.endpoint.rate is not None:
            check_rate(self.endpoint.rate, request)
        return self.endpoint.handler(request)

    async def _send(self, outcome: Any) -> None:
        status = outcome.status if isinstance(outcome, Json) else 200
        body = encode(outcome.body if isinstance(outcome, Json) else outcome)
        headers = list(_HEADERS)
        if is_worth_packing(len(body), _accept_encoding(self.scope)):
            body = gzipped(body) if len(body) < _SHORT else await work_queue().run(partial(gzipped, body))
            headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
        headers.append((b"content-length", str(len(body)).encode()))
        SYNC_SECONDS.observe(time.monotonic() - self.began - self.waited)
        await self.send_message({"type": "http.response.start", "status": status, "headers": headers})
        await self.send_message({"type": "http.response.body", "body": body, "more_body": False})


def begins_anew(scope: dict[str, Any]) -> bool:
    """Whether a request is surely for a sync from the beginning: a GET /sync that names no position."""
    query: bytes = scope["query_string"]
    return scope["path"].endswith("/sync") and scope["method"] == "GET" and b"since=" not in query


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _accept_encoding(scope: dict[str, Any]) -> str:
    values = [value for name, value in scope["headers"] if name == b"accept-encoding"]
    return b",".join(values).decode("latin-1")
