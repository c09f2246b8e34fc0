"""HTTP of the web processes: uvicorn's, with the head and the body of an answer in one segment.

Requests that may wait for news begin, and connections that clients have closed end, a few at a time
(`matrix_app.http.unhurried`).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from matrix_app.http.unhurried import unhurried

# How the paths of requests end that may wait for news, of which there may be as many as users.
_UNHURRIED: Final = ("/sync", "/events")


class JoiningTransport:
    """A transport that holds what is written until the next write, or the end of this turn of the event loop.

    uvicorn writes an answer in two pieces, each of which would be a system call and a segment of its own.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: bytes | None = None

    def write(self, data: bytes) -> None:
        """Send this with what comes next, or soon."""
        if self._held is not None:
            held, self._held = self._held, None
            self._transport.writelines([held, data])
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Close when everything has been sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HearthProtocol(HttpToolsProtocol):
    """A connection of a client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It begins."""
        super().connection_made(JoiningTransport(transport, self.loop))  # type: ignore[arg-type]

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's says nothing, and it is closed at once
        """The client has closed its end, which closes this one when those before it are closed."""
        unhurried.soon(self.transport.close)
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if cycle.scope["path"].endswith(_UNHURRIED):
            unhurried.soon(super()._start_asgi_task, cycle, app)
        else:
            super()._start_asgi_task(cycle, app)
