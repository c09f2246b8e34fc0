"""Signed requests to other servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import aiohttp
from multidict import CIMultiDictProxy

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.backoff import Backoff, StoredBackoff, is_news
from matrix_app.federation.bodies import read_chunks, read_limited
from matrix_app.federation.growing_file import GrowingFile, Sink
from matrix_app.federation.loop import LoopThread
from matrix_app.federation.policy import check_allowed
from matrix_app.federation.transport import Transport, reason_of
from matrix_app.protocol.canonical_json import MAX_DEPTH_AROUND, decode_json, encode_canonical
from matrix_app.protocol.errors import BadRequest, RemoteError, RemoteUnreachable
from matrix_app.protocol.said import said
from matrix_app.protocol.x_matrix import sign_request
from matrix_app.services.local_identity import local_identity
from matrix_app.storage.clock import now_ms
from matrix_app.storage.destinations import Health

DEFAULT_MAX_BYTES: Final = 16 << 20
MAX_ERROR_BYTES: Final = 65_536
# Larger answers are parsed in a thread, so that other requests go on.
PARSED_HERE: Final = 262_144
WRITTEN_AT_ONCE: Final = 262_144
# A time-out counts against a server only when it had so many seconds.
FAIR_SECONDS: Final = 10.0
# The server's proxy says that the server is not there.
FIRST_GATEWAY_STATUS: Final = 502

Query = Mapping[str, str] | Iterable[tuple[str, str]]


class RemoteHead(NamedTuple):
    """The beginning of an answer."""

    status: int
    headers: CIMultiDictProxy[str]


class RemoteBody:
    """An answer whose body is on its way."""

    def __init__(self, server_name: str, response: aiohttp.ClientResponse, max_bytes: int) -> None:
        self._server_name = server_name
        self._max_bytes = max_bytes
        self.response = response
        self.head = RemoteHead(response.status, response.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises `RemoteUnreachable` when it breaks off or gets too large."""
        try:
            async for chunk in read_chunks(self.response, self._max_bytes):
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            message = said(
                "The answer of {server_name} broke off: {error}",
                server_name=self._server_name,
                error=reason_of(error),
            )
            raise RemoteUnreachable(message, may_have_arrived=True) from error

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self.chunks()])


class FederationClient:
    """Asks other servers. Its coroutines run on the loop of `matrix_app.federation.loop`."""

    def __init__(self, make_transport: Callable[[], Transport], backoff: Backoff) -> None:
        self._make_transport = make_transport
        self._transport: Transport | None = None
        self._backoff = backoff

    @property
    def transport(self) -> Transport:
        """The connections, made at the first use, which has to be on the loop."""
        if self._transport is None:
            self._transport = self._make_transport()
        return self._transport

    async def close(self) -> None:
        """Close all connections."""
        if self._transport is not None:
            await self._transport.close()

    def check(self, destination: str, *, even_if_failing: bool = False) -> Health:
        """How the server has answered; raises `FederationDenied`, `RemoteUnreachable` while left alone.

        It reads the database. Who waits in a thread does so there, and spares the loop a thread.
        """
        check_allowed(destination)
        return self._backoff.check(destination, even_if_failing=even_if_failing)

    async def request(
        self,
        destination: str,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        content: dict[str, Any] | None = None,
        timeout: float | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        even_if_failing: bool = False,
        health: Health | None = None,
        signed: bool = True,
    ) -> Any:
        """The JSON that the server answers with.

        Raises `RemoteError` when that is an error, `RemoteUnreachable` without an answer, and
        `FederationDenied`. `even_if_failing` asks a server also while it is being left alone; `health` is
        what `check` has said of it.
        """
        async with self.stream(
            destination,
            method,
            path,
            query=query,
            content=content,
            timeout=timeout,
            max_bytes=max_bytes,
            even_if_failing=even_if_failing,
            health=health,
            signed=signed,
        ) as body:
            data = await body.read()
        return await _parsed(destination, data)

    async def download(
        self, destination: str, method: str, path: str, *, into: Sink, **options: Any
    ) -> RemoteHead:
        """Write the answer to a file while it arrives. Options and errors are those of `request`."""
        async with self.stream(destination, method, path, **options) as body:
            held = bytearray()
            async for chunk in body.chunks():
                held += chunk
                if len(held) >= WRITTEN_AT_ONCE:
                    await _write(into, bytes(held))
                    held.clear()
            await _write(into, bytes(held))
            return body.head

    @asynccontextmanager
    async def stream(
        self,
        destination: str,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        content: dict[str, Any] | None = None,
        timeout: float | None = None,
        silence: float | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        even_if_failing: bool = False,
        health: Health | None = None,
        signed: bool = True,
    ) -> AsyncIterator[RemoteBody]:
        """The answer before its body has arrived. Options and errors are those of `request`.

        `silence` is how long the server may send nothing, where it needs longer than usual.
        """
        if health is None:
            health = await loop.in_thread(self.check, destination, even_if_failing=even_if_failing)
        seconds = get_config().federation.request_timeout_seconds if timeout is None else timeout
        target = path + (f"?{urlencode(_pairs(query))}" if query else "")
        headers, body = _prepared(destination, method, target, content, signed)
        answered = False
        try:
            async with self.transport.open(
                destination, method, target, headers=headers, body=body, timeout=seconds, silence=silence
            ) as response:
                answered = response.status < FIRST_GATEWAY_STATUS
                if answered and is_news(health, now_ms()):
                    await loop.in_thread(self._backoff.succeeded, destination)
                await _check_status(destination, response)
                yield RemoteBody(destination, response, max_bytes)
        except (RemoteUnreachable, RemoteError) as error:
            hurried = seconds < FAIR_SECONDS and isinstance(error.__cause__, TimeoutError)
            # Some endpoints answer with 502 and 504 themselves, such as for media that are too large.
            answered = answered or (isinstance(error, RemoteError) and "errcode" in error.content)
            if not answered and not hurried:
                await loop.in_thread(self._backoff.failed, destination)
                error.is_left_alone = True
            raise


async def _write(into: Sink, data: bytes) -> None:
    if isinstance(into, GrowingFile) and into.stays_in_memory(len(data)):
        into.write(data)
    else:
        await loop.in_thread(into.write, data)


def _pairs(query: Query) -> list[tuple[str, str]]:
    return list(query.items() if isinstance(query, Mapping) else query)


def _prepared(
    destination: str, method: str, target: str, content: dict[str, Any] | None, signed: bool
) -> tuple[dict[str, str], bytes | None]:
    headers, body = {}, None
    # "All POST and PUT endpoints require the requesting server to supply a request body containing a
    # (potentially empty) JSON object."
    if content is not None or method in ("POST", "PUT"):
        body = encode_canonical(content or {}, lenient=True, levels=MAX_DEPTH_AROUND)
        headers["Content-Type"] = "application/json"
    if signed:
        name, key = local_identity()
        headers["Authorization"] = sign_request(method, target, name, destination, body, key)
    return headers, body


async def _check_status(destination: str, response: aiohttp.ClientResponse) -> None:
    if 200 <= response.status < 300:
        return
    try:
        content = decode_json(await read_limited(response, MAX_ERROR_BYTES))
    except (BadRequest, RemoteUnreachable, aiohttp.ClientError, OSError):
        content = None  # the status says enough
    raise RemoteError(destination, response.status, content if isinstance(content, dict) else {})


def _decoded(data: bytes) -> Any:
    return decode_json(data, levels=MAX_DEPTH_AROUND)


async def _parsed(destination: str, data: bytes) -> Any:
    try:
        return _decoded(data) if len(data) <= PARSED_HERE else await loop.in_thread(_decoded, data)
    except BadRequest as error:
        message = said("The answer of {server_name} is not JSON", server_name=destination)
        raise RemoteUnreachable(message, may_have_arrived=True) from error


def federation_client() -> FederationClient:
    """The client of this process."""
    return _client_of(loop.loop_thread())


@lru_cache(maxsize=1)
def _client_of(thread: LoopThread) -> FederationClient:
    client = FederationClient(lambda: Transport(get_config().federation), StoredBackoff())
    thread.closers.append(client.close)
    return client
