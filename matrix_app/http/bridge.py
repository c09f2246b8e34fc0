"""Runs Django's synchronous views for an ASGI server, in a bounded pool of long-lived threads.

Django's own ASGI handler makes and ends threads for every request (design, section 2). Here a body is
read on the event loop first, into memory or a temporary file, so that a slow client holds neither a
thread nor a database connection; answers leave by the event loop too.
"""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import IO, Any

import orjson
from django.core import signals
from django.core.cache import close_caches
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections, connections, reset_queries
from django.http import HttpRequest
from structlog.contextvars import bind_contextvars

from appliance.config import get_config
from matrix_app.http.dispatch import admit, dispatch, resume
from matrix_app.http.endpoint import Auth
from matrix_app.http.environ import make_environ
from matrix_app.http.file_answer import CHUNK, FileAnswer, FilePart, send_file
from matrix_app.http.later_answer import LaterAnswer, waited
from matrix_app.http.request_body import ClientGoneError, read_body
from matrix_app.http.view_threads import ViewThreads, waiting_for_others
from matrix_app.http.views_first import views_first
from matrix_app.protocol.errors import MatrixError, Unavailable

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# The message that begins an answer, and what it answers with.
_Answer = tuple[dict[str, Any], bytes | FilePart]

# Requests per process that wait for other servers, for uploads or for thumbnails.
MOST_WAITING = 256
# And so many of them for one user, server or address.
MOST_WAITING_EACH = 64
# Threads that read what is sent: from the disk, or from an object store, which takes longer.
DISK_READERS = 2
NETWORK_READERS = 16


class _Handler(WSGIHandler):
    """Django's handler, told by the router which view a path of Matrix has: the same for all of them."""

    def resolve_request(self, request: HttpRequest) -> Any:
        """The view with its arguments."""
        if request.META["hearth.found"] is None:
            return super().resolve_request(request)
        return dispatch, (), {}


def _without_needless_signals() -> None:
    """What Django does at both ends of each request, where it does nothing here."""
    signals.request_started.disconnect(reset_queries)  # only there for DEBUG
    signals.request_finished.disconnect(close_caches)  # the cache is a dictionary of this process
    if connections["default"].vendor == "sqlite":
        # A connection to a file does not grow old.
        signals.request_started.disconnect(close_old_connections)
        signals.request_finished.disconnect(close_old_connections)


class Bridge:
    """An ASGI application that answers with Django's URL configuration."""

    def __init__(self) -> None:
        _without_needless_signals()
        config = get_config()
        threads = partial(ViewThreads, waiting=config.web.waiting_threads, queue=config.web.queue)
        self._views = threads("view", views_first, threads=config.web.threads)
        # Views that may wait for the disk, and the reading of files that are sent.
        self._slow = threads("media", threads=config.media.threads)
        readers = DISK_READERS if config.media.store == "folder" else NETWORK_READERS
        self._readers = ThreadPoolExecutor(max_workers=readers, thread_name_prefix="reader")
        self._handler = _Handler()
        self._waiting: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = scope.get("hearth.found")
        pool = self._slow if found is not None and found[0].slow else self._views
        try:
            with pool:
                answer = await self._answer(pool, scope, receive, send)
        except ClientGoneError:
            return
        except MatrixError as error:
            await send_error(send, error)
            return
        if answer is not None:
            await self._deliver(*answer, receive, send)

    async def _answer(self, pool: ViewThreads, scope: Scope, receive: Receive, send: Send) -> _Answer | None:
        body, length = await read_body(scope, receive, _limit(scope), lambda: self._admit(pool, scope))
        loop = asyncio.get_running_loop()
        try:
            answer = await pool.run(self._run, scope, body, length, loop, send)
        finally:
            body.close()
        while isinstance(answer, LaterAnswer):
            await self._wait(answer, receive)
            answer = await pool.run(self._go_on, scope, answer, loop, send)
        return answer

    async def _admit(self, pool: ViewThreads, scope: Scope) -> None:
        """Before a large body goes to the disk: raise the error that its sender would get at the end."""
        found = scope.get("hearth.found")
        if found is not None and found[0].auth in (Auth.USER, Auth.ADMIN):
            await pool.run(admit, make_environ(scope, io.BytesIO(), 0), *found)

    async def _wait(self, answer: LaterAnswer, receive: Receive) -> None:
        if self._waiting.total() >= MOST_WAITING or self._waiting[answer.asker] >= MOST_WAITING_EACH:
            raise Unavailable("Too many requests wait for something already")
        self._waiting[answer.asker] += 1
        try:
            if not await waited(answer, receive):
                raise ClientGoneError
        finally:
            self._waiting -= Counter((answer.asker,))

    async def _deliver(
        self, start: dict[str, Any], content: bytes | FilePart, receive: Receive, send: Send
    ) -> None:
        if isinstance(content, FilePart):
            await send_file(content, start, receive, send, self._readers)
        else:
            await send(start)
            await send({"type": "http.response.body", "body": content, "more_body": False})

    def _run(
        self, scope: Scope, body: IO[bytes], length: int, loop: asyncio.AbstractEventLoop, send: Send
    ) -> _Answer | LaterAnswer | None:
        """Call the view. An answer is returned for the event loop to send; any other stream is sent here."""
        # The thread keeps its context from request to request.
        bind_contextvars(request_id=scope.get("hearth.request_id"))
        start: dict[str, Any] = {"type": "http.response.start"}

        def start_response(line: str, headers: list[tuple[str, str]]) -> None:
            start["status"] = int(line[:3])
            start["headers"] = [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
            ]

        environ = make_environ(scope, body, length)
        response: Any = self._handler(environ, start_response)  # type: ignore[arg-type]
        try:
            return _finished(response, start, scope["method"], loop, send)
        finally:
            response.close()

    def _go_on(
        self, scope: Scope, later: LaterAnswer, loop: asyncio.AbstractEventLoop, send: Send
    ) -> _Answer | LaterAnswer | None:
        """Come back to a request that has waited."""
        bind_contextvars(request_id=scope.get("hearth.request_id"))
        if connections["default"].vendor != "sqlite":
            close_old_connections()
        response = resume(later)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]
        start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
        try:
            return _finished(response, start, scope["method"], loop, send)
        finally:
            response.close()


def _finished(
    response: Any, start: dict[str, Any], method: str, loop: asyncio.AbstractEventLoop, send: Send
) -> _Answer | LaterAnswer | None:
    if isinstance(response, LaterAnswer):
        return response
    if isinstance(response, FileAnswer):
        if method == "HEAD":
            response.part.close()
            return start, b""
        return start, response.part.read() if response.part.total <= CHUNK else response.part
    if response.streaming and method != "HEAD":
        _stream(response, start, loop, send)
        return None
    content = b"" if response.streaming else response.content
    # That of a 304 would be the length of what the client has (RFC 9110, section 8.6).
    if start["status"] != 304:
        start["headers"].append((b"content-length", str(len(content)).encode()))
    return start, b"" if method == "HEAD" else content


def _limit(scope: Scope) -> int:
    """How large a body may be: as large as a file only where somebody uploads one."""
    config, found = get_config(), scope.get("hearth.found")
    if found is not None and found[0].streams_body:
        return max(config.media.max_upload_bytes, config.web.max_body_bytes) + 1024
    return config.web.max_body_bytes


def _stream(response: Any, start: dict[str, Any], loop: asyncio.AbstractEventLoop, send: Send) -> None:
    """Send a streaming response from its thread, one part at a time: memory stays bounded.

    Who reads slowly takes no other request's turn, and who reads nothing for long is let go.
    """
    seconds = get_config().web.body_timeout_seconds

    def deliver(message: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(_sent(send, message, seconds), loop).result()

    with waiting_for_others():
        deliver(start)
        for chunk in response:
            deliver({"type": "http.response.body", "body": chunk, "more_body": True})
        deliver({"type": "http.response.body", "body": b"", "more_body": False})


async def _sent(send: Send, message: dict[str, Any], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await send(message)
    except TimeoutError:
        raise ClientGoneError from None


async def send_error(send: Send, error: MatrixError) -> None:
    """Send the standard error response without a view."""
    from matrix_app.http.response import CORS

    headers = {"content-type": "application/json", **CORS, **error.headers()}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": encoded})
    await send({"type": "http.response.body", "body": orjson.dumps(error.body()), "more_body": False})
