"""Reading answers of other servers, which may be of any size, up to a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import aiohttp

from matrix_app.protocol.errors import RemoteUnreachable

CHUNK: Final = 65_536


async def read_chunks(response: aiohttp.ClientResponse, max_bytes: int) -> AsyncIterator[bytes]:
    """The body, unpacked, as it arrives; raises `RemoteUnreachable` once it is larger than `max_bytes`."""
    announced = response.content_length
    received = 0
    if announced is not None and announced > max_bytes:
        raise _too_large(response, max_bytes)
    async for chunk in response.content.iter_chunked(CHUNK):
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(response, max_bytes)
        yield chunk


async def read_limited(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The whole body; raises `RemoteUnreachable` when it is larger than `max_bytes`."""
    return b"".join([chunk async for chunk in read_chunks(response, max_bytes)])


def _too_large(response: aiohttp.ClientResponse, max_bytes: int) -> RemoteUnreachable:
    response.close()
    return RemoteUnreachable(f"The answer is larger than {max_bytes} bytes", may_have_arrived=True)
