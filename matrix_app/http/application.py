"""The one ASGI application: waiting endpoints on the event loop, everything else over the bridge."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from appliance.metrics.counted import count_request
from matrix_app.http.bridge import Bridge, Receive, Scope, Send, send_error
from matrix_app.http.dispatch import router
from matrix_app.http.endpoint import Auth, Endpoint
from matrix_app.http.request_id import bind_request_id
from matrix_app.http.response import CORS
from matrix_app.protocol.errors import MatrixError


class AsgiApplication(Protocol):
    """What answers one waiting request."""

    def __init__(self, endpoint: Endpoint, path: dict[str, str]) -> None: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Answer the request."""
        ...


class Application:
    """Serves HTTP and the lifespan protocol. WebSockets are refused: nothing here speaks them."""

    def __init__(self) -> None:
        self._bridge = Bridge()
        self._router = router()
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            self._start()
            await self._http(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close"})

    def _start(self) -> None:
        """Begin what runs beside the requests; with the first of them where there is no lifespan protocol."""
        if not self._started:
            self._started = True
            start: Callable[[], None] = import_string(settings.ON_STARTUP)
            start()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = bind_request_id(scope)
        send = _watched(send, request_id, scope, time.monotonic())
        if scope["method"] == "OPTIONS" and scope["path"].startswith(
            ("/_matrix", "/.well-known", "/_synapse")
        ):
            await _preflight(send)
            return
        consumer = self._waiting(scope)
        if consumer is not None:
            await consumer(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        found: tuple[Endpoint, dict[str, str]] | None = scope.get("hearth.found")
        if found is not None and found[0].auth is Auth.FEDERATION:
            try:
                await import_string(settings.SERVER_INTRODUCTION)(scope)
            except MatrixError as error:
                await send_error(send, error)
                return
        await self._bridge(scope, receive, send)

    def _waiting(self, scope: Scope) -> AsgiApplication | None:
        if not scope["path"].startswith("/_matrix"):
            return None
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        try:
            endpoint, path = self._router.find(method, raw.split(b"?", 1)[0].decode("latin-1"))
        except MatrixError:
            return None  # `dispatch` will find the same, and render it
        if not endpoint.waits or scope["method"] == "HEAD":
            scope["hearth.found"] = (endpoint, path)
            return None
        scope["hearth.waits"] = True
        consumer: type[AsgiApplication] = import_string(settings.WAITING_CONSUMER)
        return consumer(endpoint, path)


def _watched(send: Send, request_id: str, scope: Scope, began: float) -> Send:
    """Names the request in its answer, and counts it when that begins."""

    async def wrapped(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            seconds, waited = time.monotonic() - began, "hearth.waits" in scope
            count_request(scope["path"], message["status"], seconds, waited=waited)  # type: ignore[arg-type]
            message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]  # type: ignore[misc]
        await send(message)

    return wrapped


async def _preflight(send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in CORS.items()]
    headers += [(b"access-control-max-age", b"86400"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
