"""`services.fetch_media.RemoteMedia` over federation ("Content Repository" of the server-server API)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from typing import IO, Any, Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.client import FederationClient, RemoteBody, federation_client
from matrix_app.federation.paths import federation_path
from matrix_app.federation.transport import reason_of
from matrix_app.media.disposition import name_in
from matrix_app.protocol.errors import (
    NotFound,
    NotYetUploaded,
    RemoteError,
    RemoteUnreachable,
    TooLarge,
    Unavailable,
)
from matrix_app.protocol.ids import Mxc
from matrix_app.services.fetch_media import RemoteMedia
from matrix_app.services.fetches import RemoteFile

# The longest that a file may take, and how much of it has to arrive once so many seconds have passed.
FETCH_SECONDS: Final = 600.0
PATIENT_SECONDS: Final = 30.0
LEAST_BYTES_PER_SECOND: Final = 8192
# How long to wait for a turn, and how many files are fetched from one server at the same time.
TURN_SECONDS: Final = 60.0
PER_SERVER: Final = 2
MOST_WAIT_MS: Final = 60_000
# What is asked of another server's thumbnails.
MOST_THUMBNAIL_BYTES: Final = 10 << 20
_CHUNK: Final = 1 << 18

Read = Callable[[int], Awaitable[bytes]]


class FederatedMedia:
    """Media of other servers, by asking them."""

    def __init__(self, client: Callable[[], FederationClient] = federation_client) -> None:
        self._client = client

    def download(self, mxc: Mxc, into: IO[bytes], wait_ms: int) -> Future[RemoteFile]:
        """Have a file written to `into`; fails with `MatrixError`."""
        query = {"timeout_ms": str(min(wait_ms, MOST_WAIT_MS))}
        return self._submit(mxc, "download", query, into, get_config().media.max_remote_bytes)

    def thumbnail(self, mxc: Mxc, into: IO[bytes], query: dict[str, str]) -> Future[RemoteFile]:
        """Have a thumbnail that the other server draws written to `into`; fails with `MatrixError`."""
        return self._submit(mxc, "thumbnail", query, into, MOST_THUMBNAIL_BYTES)

    def _submit(
        self, mxc: Mxc, what: str, query: dict[str, str], into: IO[bytes], most: int
    ) -> Future[RemoteFile]:
        work: Coroutine[Any, Any, RemoteFile] = self.fetch(mxc, what, query, into, most)
        return loop.submit(work)

    async def fetch(
        self, mxc: Mxc, what: str, query: dict[str, str], into: IO[bytes], most: int
    ) -> RemoteFile:
        """Ask the server of the URI, and it alone ("Servers MUST use the server described in")."""
        async with _turns().of(mxc.server_name):
            try:
                return await self._by_federation(mxc, what, query, into, most)
            except RemoteError as error:
                if not _is_unknown(error):
                    raise _told(error) from error
            try:
                return await self._by_old_endpoint(mxc, what, query, into, most)
            except RemoteError as error:
                raise _told(error) from error

    async def _by_federation(
        self, mxc: Mxc, what: str, query: dict[str, str], into: IO[bytes], most: int
    ) -> RemoteFile:
        path = federation_path("v1", "media", what, mxc.media_id)
        async with self._client().stream(
            mxc.server_name, "GET", path, query=query, timeout=FETCH_SECONDS
        ) as body:
            with _broken_off(mxc.server_name):
                reader = _parts_of(body)
                part = await _second_part(reader)
                location = part.headers.get("Location")
                if location is None:
                    await _copy(part.read_chunk, into, most)
                    # Without the last boundary, the end may be missing.
                    if await reader.next() is not None:
                        raise ValueError("there are more than two parts")
                    return _described(part.headers)
        return await self._from_elsewhere(location, into, most)

    async def _from_elsewhere(self, url: str, into: IO[bytes], most: int) -> RemoteFile:
        https = self._client().transport.https
        async with https.stream(url, timeout=FETCH_SECONDS) as response:
            if response.status != 200:
                raise RemoteUnreachable("The media are not where their server says")
            with _broken_off(url):
                await _copy_response(response, into, most)
            return _described(response.headers)

    async def _by_old_endpoint(
        self, mxc: Mxc, what: str, query: dict[str, str], into: IO[bytes], most: int
    ) -> RemoteFile:
        # "When falling back, servers MUST be sure to set allow_remote to false."
        path = f"/_matrix/media/v3/{what}/{mxc.server_name}/{mxc.media_id}"
        asked = {**query, "allow_remote": "false"}
        async with self._client().stream(
            mxc.server_name, "GET", path, query=asked, timeout=FETCH_SECONDS, signed=False
        ) as body:
            with _broken_off(mxc.server_name):
                await _copy_response(body.response, into, most)
            return _described(body.head.headers)


class _Turns:
    """So many fetches at the same time, and fewer of one server, so that no server keeps the others out."""

    def __init__(self, most: int) -> None:
        self._all = asyncio.Semaphore(most)
        self._of: dict[str, asyncio.Semaphore] = {}
        self._users: dict[str, int] = {}

    @asynccontextmanager
    async def of(self, server_name: str) -> AsyncIterator[None]:
        mine = self._of.setdefault(server_name, asyncio.Semaphore(PER_SERVER))
        self._users[server_name] = self._users.get(server_name, 0) + 1
        try:
            await _got(mine)
            try:
                await _got(self._all)
                try:
                    yield
                finally:
                    self._all.release()
            finally:
                mine.release()
        finally:
            self._users[server_name] -= 1
            if not self._users[server_name]:
                del self._users[server_name], self._of[server_name]


async def _got(semaphore: asyncio.Semaphore) -> None:
    try:
        async with asyncio.timeout(TURN_SECONDS):
            await semaphore.acquire()
    except TimeoutError:
        raise Unavailable("The server is busy fetching other media") from None


def _turns() -> _Turns:
    """Those of the process, on its loop."""
    return _turns_of(loop.loop_thread(), get_config().media.remote_fetches)


@lru_cache(maxsize=1)
def _turns_of(_thread: loop.LoopThread, most: int) -> _Turns:
    return _Turns(most)


def _is_unknown(error: RemoteError) -> bool:
    """Whether the server does not have the endpoint: "when they receive a 404 M_UNRECOGNIZED error"."""
    # Some from before that rule say 400, or nothing that is JSON.
    return error.remote_status in (400, 404, 405) and error.content.get("errcode", "M_UNRECOGNIZED") == (
        "M_UNRECOGNIZED"
    )


def _told(error: RemoteError) -> Exception:
    """What a user is told of another server's error."""
    if error.errcode == NotYetUploaded.errcode:
        return NotYetUploaded("The content has not been uploaded yet")
    if error.errcode == TooLarge.errcode:
        return _too_large()
    return NotFound("The other server does not have it") if error.remote_status == 404 else error


def _too_large() -> TooLarge:
    # "returning a HTTP 502 error with the M_TOO_LARGE code"
    return TooLarge("The other server's file is too large", status=502)


@contextmanager
def _broken_off(where: str) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
        raise RemoteUnreachable(f"What {where} sent broke off: {reason_of(error)}") from error


def _parts_of(body: RemoteBody) -> aiohttp.MultipartReader:
    if not body.head.headers.get("Content-Type", "").lower().startswith("multipart/"):
        raise ValueError("the answer does not have several parts")
    return aiohttp.MultipartReader(body.head.headers, body.response.content)


async def _second_part(reader: aiohttp.MultipartReader) -> aiohttp.BodyPartReader:
    """The part with the bytes, or where they are."""
    metadata = await reader.next()
    if not isinstance(metadata, aiohttp.BodyPartReader):
        raise ValueError("the metadata is missing")
    # "Currently, this will always be an empty object."
    await _drop(metadata)
    part = await reader.next()
    if not isinstance(part, aiohttp.BodyPartReader):
        raise ValueError("the content is missing")
    return part


async def _drop(part: aiohttp.BodyPartReader) -> None:
    size = 0
    while chunk := await part.read_chunk(_CHUNK):
        size += len(chunk)
        if size > _CHUNK:
            raise ValueError("the metadata are too large")


async def _copy_response(response: aiohttp.ClientResponse, into: IO[bytes], most: int) -> None:
    if response.content_length is not None and response.content_length > most:
        raise _too_large()
    await _copy(response.content.read, into, most)


async def _copy(read: Read, into: IO[bytes], most: int) -> None:
    """Write what arrives, in pieces; raises `TooLarge`, and `RemoteUnreachable` when it takes for ever."""
    begin, size = time.monotonic(), 0
    pieces: list[bytes] = []
    pending = 0
    while chunk := await read(_CHUNK):
        size += len(chunk)
        if size > most:
            raise _too_large()
        _check_speed(size, time.monotonic() - begin)
        pieces.append(chunk)
        pending += len(chunk)
        if pending >= _CHUNK:
            await loop.in_thread(into.writelines, pieces)
            pieces, pending = [], 0
    await loop.in_thread(into.writelines, pieces)


def _check_speed(size: int, seconds: float) -> None:
    if seconds > PATIENT_SECONDS and size < LEAST_BYTES_PER_SECOND * seconds:
        raise RemoteUnreachable("The other server is too slow")


def _described(headers: CIMultiDictProxy[str]) -> RemoteFile:
    return RemoteFile(headers.get("Content-Type"), name_in(headers.get("Content-Disposition")))


media: Final[RemoteMedia] = FederatedMedia()
