"""Answers that are files: sent by the event loop, piece by piece, so that a slow client holds no thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import IO, Any, Final, Protocol

from django.http.response import HttpResponse, HttpResponseBase

from matrix_app.http.byte_ranges import Unsatisfiable, parse_range

CHUNK: Final = 1 << 18

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class FilePart:
    """An open file of a known length, with what comes before and after it. Whoever reads it closes it."""

    def __init__(self, file: IO[bytes], length: int, *, prefix: bytes = b"", suffix: bytes = b"") -> None:
        self._file = file
        self._left = length
        self._prefix = prefix
        self._suffix = suffix
        self.total = len(prefix) + length + len(suffix)

    def __iter__(self) -> Iterator[bytes]:
        if self._prefix:
            yield self._prefix
        while self._left:
            chunk = self._file.read(min(CHUNK, self._left))
            if not chunk:
                raise EOFError("the file is shorter than it was")
            self._left -= len(chunk)
            yield chunk
        if self._suffix:
            yield self._suffix

    def read(self) -> bytes:
        """All of it; the file is closed then."""
        try:
            return b"".join(self)
        finally:
            self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class FileAnswer(HttpResponseBase):
    """Answers with a part of a file. The bridge sends it; Django only carries it there."""

    streaming = True

    def __init__(self, part: FilePart, *, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status=status, headers=dict(headers))
        self.part = part
        self["Content-Length"] = str(part.total)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.part)


class Openable(Protocol):
    """A file, or a part of it, that is opened when it is known which part is wanted."""

    @property
    def size(self) -> int:
        """The length of the whole in bytes."""
        ...

    def open(self, offset: int = 0, length: int | None = None) -> IO[bytes]:
        """The part."""
        ...


def ranged(file: Openable, headers: Mapping[str, str], asked: Mapping[str, str]) -> HttpResponseBase:
    """A file, or the one range of it that the request asks for (RFC 9110, section 14).

    `asked` is the request's environment. `headers` has an ETag; a client that has the file already is told
    so.
    """
    if _has_it(asked.get("HTTP_IF_NONE_MATCH"), headers["ETag"]):
        return _empty(304, headers)
    try:
        # "A server MUST ignore a Range header field" of a HEAD request.
        wanted = asked.get("HTTP_RANGE") if asked.get("REQUEST_METHOD") == "GET" else None
        span = parse_range(wanted, file.size)
    except Unsatisfiable:
        return _empty(416, {**headers, "Content-Range": f"bytes */{file.size}"})
    common = {**headers, "Accept-Ranges": "bytes"}
    if span is None or asked.get("HTTP_IF_RANGE", headers["ETag"]) != headers["ETag"]:
        return FileAnswer(FilePart(file.open(), file.size), status=200, headers=common)
    first, last = span
    length = last - first + 1
    common["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    return FileAnswer(FilePart(file.open(first, length), length), status=206, headers=common)


def _has_it(asked: str | None, tag: str) -> bool:
    """Whether a client's If-None-Match names the present version (RFC 9110, section 13.1.2)."""
    if asked is None:
        return False
    return asked.strip() == "*" or tag in [given.strip().removeprefix("W/") for given in asked.split(",")]


def _empty(status: int, headers: Mapping[str, str]) -> HttpResponseBase:
    return HttpResponse(status=status, headers=dict(headers))


async def send_file(part: FilePart, start: Message, receive: Receive, send: Send, readers: Executor) -> None:
    """Send a file to its end, or until the client goes away. The disk is read by threads of `readers`."""
    loop = asyncio.get_running_loop()
    gone = asyncio.ensure_future(_disconnected(receive))
    chunks = iter(part)
    try:
        await send(start)
        while not gone.done():
            chunk = await loop.run_in_executor(readers, next, chunks, None)
            if chunk is None:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        gone.cancel()
        part.close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
