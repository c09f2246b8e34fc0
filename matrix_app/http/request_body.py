"""Reading the body of a request, which may be large and slow to come, on the event loop."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Awaitable, Callable
from typing import IO, Any, Final

from appliance.config import get_config
from matrix_app.protocol.errors import MatrixError, TooLarge

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

# Larger bodies go to the disk.
SPOOL_MEMORY: Final = 1 << 20


class ClientGoneError(Exception):
    """The client went away before its request was whole, or reads nothing of the answer."""


async def read_body(
    scope: Scope, receive: Receive, limit: int, admit: Callable[[], Awaitable[None]] | None = None
) -> tuple[IO[bytes], int]:
    """The body in memory or a temporary file, and its length; raises `TooLarge` past `limit` bytes.

    `admit` is awaited before anything is written to the disk, and may raise that nothing should be.
    """
    body: IO[bytes] = io.BytesIO()
    length = 0
    more = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
    if any(name == b"content-length" and _beyond(value, limit) for name, value in scope["headers"]):
        raise TooLarge("The request is too large")
    while more:
        message = await _next_part(receive)
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        length += len(chunk)
        if length > limit:
            body.close()
            raise TooLarge("The request is too large")
        if length > SPOOL_MEMORY and isinstance(body, io.BytesIO):
            if admit is not None:
                await admit()
            body = _rolled_over(body)
        body.write(chunk)
    body.seek(0)
    return body, length


def _beyond(announced: bytes, limit: int) -> bool:
    return announced.isdigit() and int(announced) > limit


def _rolled_over(body: io.BytesIO) -> IO[bytes]:
    # Not in /tmp, which may be in memory.
    spool = tempfile.TemporaryFile(dir=get_config().server.data_dir)  # noqa: SIM115  (closed with the request)
    spool.write(body.getvalue())
    return spool


async def _next_part(receive: Receive) -> dict[str, Any]:
    try:
        async with asyncio.timeout(get_config().web.body_timeout_seconds):
            message = await receive()
    except TimeoutError:
        raise MatrixError("The body did not arrive in time", status=408) from None
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message
