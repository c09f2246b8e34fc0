"""Requests to the application over ASGI, on an event loop of their own."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import orjson

from matrix_app.http.application import Application
from matrix_app.sync.hub import hub
from tests.factories.client import Client


class Exchange:
    """One request to the application, with what it sends back."""

    def __init__(
        self,
        client: Client | None,
        query: str,
        *,
        path: str = "/_matrix/client/v3/sync",
        body: Any = None,
    ) -> None:
        headers = [] if client is None else [(b"authorization", f"Bearer {client.token}".encode())]
        content = b"" if body is None else orjson.dumps(body)
        if content:
            headers.append((b"content-length", str(len(content)).encode()))
        self.scope = {
            "type": "http",
            "method": "POST" if content else "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
        }
        self.content = content
        self.gone = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        """The body, and then nothing until the client leaves."""
        if self.content:
            content, self.content = self.content, b""
            return {"type": "http.request", "body": content, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Keep what is sent."""
        self.sent.append(message)

    @property
    def status(self) -> int:
        """The status of the answer."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> Any:
        """The answer."""
        return orjson.loads(b"".join(part.get("body", b"") for part in self.sent[1:]))


async def started(exchange: Exchange) -> asyncio.Task[Any]:
    """The request, under way."""
    hub().start()
    return asyncio.ensure_future(Application()(exchange.scope, exchange.receive, exchange.send))


def in_thread(function: Any, *args: Any) -> Any:
    """What a function returns that may wait."""
    return asyncio.get_running_loop().run_in_executor(None, function, *args)


async def until_waiting() -> None:
    """Return once a request waits."""
    while not len(hub().waiters):  # noqa: ASYNC110  (nothing announces that a request waits)
        await asyncio.sleep(0.01)


def run(main: Any) -> None:
    """Run a coroutine on an event loop of its own, for 20 seconds at most."""
    result: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(asyncio.wait_for(main, 20))
        except BaseException as error:  # noqa: BLE001  (raised again in the test's own thread)
            result.append(error)

    # pytest-asyncio's loop must not see that another one runs here.
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    hub().stop()
    if result:
        raise result[0]
